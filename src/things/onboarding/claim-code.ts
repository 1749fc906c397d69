import type { Entropy } from "../../kernel/id.ts";

/** Crockford's base 32: no letter that is read as another or as a digit. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const groups = 4;
const groupLength = 5;

/**
 * `7K3QM-9XW2R-TB64E-0HVND`: short enough to type into a device, and 100 bits that cannot be
 * guessed, neither at a door that answers as fast as it can nor from the hash in the store.
 */
export function newClaimCode(entropy: Entropy): string {
  // 256 is a multiple of 32, so every letter is as likely as any other
  const letters = [...entropy.bytes(groups * groupLength)].map((byte) => alphabet[byte % 32]!);
  return Array.from({ length: groups }, (_, i) =>
    letters.slice(i * groupLength, (i + 1) * groupLength).join(""),
  ).join("-");
}
