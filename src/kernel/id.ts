import { randomBytes, randomUUID } from "node:crypto";

/** Where randomness comes from. Passed in, so that a simulation can be run again from its seed. */
export interface Entropy {
  uuid(): string;
  bytes(length: number): Uint8Array;
}

export const systemEntropy: Entropy = {
  uuid: () => randomUUID(),
  bytes: (length) => randomBytes(length),
};

/** `urn:uuid:…`, the form the Dataspace Protocol uses for pids and ids. */
export function newUrn(entropy: Entropy): string {
  return `urn:uuid:${entropy.uuid()}`;
}

/** A bearer secret of 256 bits, base64url. */
export function newToken(entropy: Entropy): string {
  return Buffer.from(entropy.bytes(32)).toString("base64url");
}
