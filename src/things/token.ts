import { createHash, timingSafeEqual } from "node:crypto";

/** Tokens are 256 random bits, so one round of SHA-256 keeps them: there is nothing to guess. */
export function tokenHash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

const nobody = tokenHash("");

export function tokenFits(token: string, hash: Buffer | undefined): boolean {
  return hashFits(tokenHash(token), hash);
}

/** In constant time, also where there is no hash to compare with. */
export function hashFits(given: Buffer, hash: Buffer | undefined): boolean {
  const same = timingSafeEqual(given, hash ?? nobody);
  return same && hash !== undefined;
}
