/**
 * Signs checkpoints of logs in the participant's name (c2sp.org/signed-note): its own and, as a
 * witness, others'. With its identity's key, and with one that quantum computers do not break.
 */
export interface NoteSigner {
  /** The DID: the name under which its signatures stand. */
  readonly name: string;
  /** 32 bytes. */
  readonly ed25519: Uint8Array;
  /** 1312 bytes (FIPS 204). */
  readonly mlDsa44: Uint8Array;
  /** 64 bytes of Ed25519. The text has a newline, which no JWS has: neither passes for the other. */
  signText(text: Uint8Array): Promise<Uint8Array>;
  /** 2420 bytes of ML-DSA-44. */
  signLasting(message: Uint8Array): Promise<Uint8Array>;
}
