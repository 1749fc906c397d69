/** Signs in the participant's name. The private key never leaves the engine. */
export interface Signer {
  /** `did:web:…` of the participant. */
  readonly did: string;
  /** `<did>#<thumbprint>`, the verification method's id. */
  readonly keyId: string;
  /** Public key as a JWK (OKP, Ed25519). */
  readonly publicJwk: PublicJwk;
  /** One signature of a JWS (RFC 7515, EdDSA) over the payload. */
  sign(payload: Uint8Array, type: string): Promise<JwsSignature>;
  /** A compact JWT (RFC 7519) with `iss`, `sub` = the DID, `iat`, `jti` and the given audience. */
  token(audience: string, lifetimeSeconds: number): Promise<string>;
}

export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
}

/** A member of `signatures` in a JWS in general JSON form (RFC 7515 §7.2.1). */
export interface JwsSignature {
  readonly protected: string;
  readonly signature: string;
}

/** A payload with the signatures of everybody who signed it. */
export interface GeneralJws {
  readonly payload: string;
  readonly signatures: readonly JwsSignature[];
}
