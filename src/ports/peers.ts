import type { PublicJwk } from "./signer.ts";

/** How this node calls another participant's node: JSON over HTTPS, authenticated as ourselves. */
export interface Peers {
  /** POST; retries while the peer is unreachable or answers 5xx, a 4xx is final (PEER_REFUSED). */
  post(did: string, path: string, body: unknown): Promise<unknown>;
  get(did: string, path: string): Promise<unknown>;
  /** The peer's current public key, from its DID document. */
  keyOf(did: string): Promise<PublicJwk>;
  /** The short name under which the peer's streams stand here: `from/<name>/…`. */
  nameOf(did: string): string;
}
