import { createHmac, hkdfSync } from "node:crypto";

/** 128 bits and a little: 22 characters of base64url. */
const characters = 22;
const rememberedMax = 4096;
const secretBytesMin = 32;

/** A value's name under one agreement or topic: always the same there, and like no other's. */
export type Pseudonym = (value: string) => string;

/** The key of one agreement or topic (RFC 5869), which nobody has who has not the node's secret. */
export function pseudonymsOf(secret: Uint8Array, agreement: string): Pseudonym {
  if (secret.length < secretBytesMin) throw new RangeError("the node's secret is too short");
  const key = Buffer.from(hkdfSync("sha256", secret, "", `comity pseudonyms ${agreement}`, 32));
  const remembered = new Map<string, string>();
  return (value) => {
    const known = remembered.get(value);
    if (known !== undefined) return known;
    const made = createHmac("sha256", key).update(value).digest("base64url").slice(0, characters);
    if (remembered.size >= rememberedMax) remembered.clear();
    // A longer value is no name of a thing, and would only fill the memory.
    if (value.length <= 256) remembered.set(value, made);
    return made;
  };
}
