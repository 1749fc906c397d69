/**
 * How participants prove to each other who they are. What our requests carry and whose request
 * came in is one pluggable thing: tokens bound to `did:web` (the default), or the test identity of
 * other connectors, for peers that the node's owner listed with it.
 */
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { RequestRate } from "../kernel/request-rate.ts";
import type { Signer } from "../ports/signer.ts";
import { type PeerIdentity, peerAuthenticator, tokenLifetimeSeconds } from "./authenticate.ts";
import { mockIdentity } from "./mock-identity.ts";
import type { LocalPeer, Resolver } from "./resolver.ts";

export interface PeerIdentityOptions {
  readonly signer: Signer;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly localPeers: readonly LocalPeer[];
  readonly requestsPerSecondMax?: number;
}

/** Each peer by the identity it is listed with, and no more requests than a peer may make. */
export function peerIdentity(options: PeerIdentityOptions): PeerIdentity {
  const { signer, clock } = options;
  const token = tokenIdentity(options);
  const listed = options.localPeers.filter(({ identity }) => identity === "mock");
  const mock = mockIdentity(
    signer.did,
    listed.map(({ did }) => did),
  );
  const rate = new RequestRate({
    clock,
    perSecondMax: options.requestsPerSecondMax ?? 200,
    burstSeconds: 5,
    caller: "peer",
  });
  return {
    headersFor: (did) =>
      listed.some((peer) => peer.did === did) ? mock.headersFor(did) : token.headersFor(did),
    async authenticate(request) {
      const isMock = listed.length > 0 && mock.claims(request);
      const did = await (isMock ? mock : token).authenticate(request);
      rate.take(did);
      return did;
    },
  };
}

/** A token issued by its bearer, checked against the key in its DID document. */
function tokenIdentity({ signer, resolver, clock }: PeerIdentityOptions): PeerIdentity {
  return {
    async headersFor(did) {
      return { authorization: `Bearer ${await signer.token(did, tokenLifetimeSeconds)}` };
    },
    authenticate: peerAuthenticator({ did: signer.did, resolver, clock }),
  };
}

/** What an owner is told at the start: whom this node believes without proof. */
export function unprovenPeers(peers: readonly LocalPeer[]): string | undefined {
  const names = peers.filter(({ identity }) => identity === "mock").map(({ did }) => did);
  if (names.length === 0) return undefined;
  return (
    `ANYBODY who reaches this node may speak as ${names.join(", ")}: listed with the mock ` +
    "identity, which proves nothing. For trying and testing only."
  );
}

/** CONFIG_INVALID where a peer without a DID is listed with an identity that needs one. */
export function assertListable(peers: readonly LocalPeer[]): void {
  for (const { did, identity } of peers) {
    if (identity === "mock" || did.startsWith("did:web:")) continue;
    const problem = `localPeers: "${did}" is no did:web, which its identity needs`;
    throw new ComityError("CONFIG_INVALID", { problem });
  }
}
