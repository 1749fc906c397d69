import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { verifyToken } from "../wire/jws.ts";
import type { Resolver } from "./resolver.ts";

/** A peer's token lives so long; ours too. */
export const tokenLifetimeSeconds = 60;
const skewSeconds = 60;
const headerLengthMax = 4096;

/** As much of a request as is needed here, whoever serves it. */
export interface PeerRequest {
  readonly headers: { readonly authorization?: string | undefined };
}

/** How participants know each other; `peer-identity.ts` chooses. */
export interface PeerIdentity {
  /** What a request of ours to that participant carries. */
  headersFor(did: string): Promise<Readonly<Record<string, string>>>;
  /** Whose request it is: a participant's id; IDENTITY_INVALID says what is wrong. */
  authenticate(request: PeerRequest): Promise<string>;
}

export type AuthenticatePeer = (request: PeerRequest) => Promise<string>;

/** Whose request this is: the DID that issued its token, which serves once (RFC 7519 §4.1.7). */
export function peerAuthenticator(options: {
  readonly did: string;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly tokensPerPeerMax?: number;
}): AuthenticatePeer {
  const { did, resolver, clock } = options;
  const seen = new SeenTokens(clock, options.tokensPerPeerMax ?? 20_000);
  return async (request) => {
    const header = request.headers.authorization ?? "";
    const [, jwt] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(header) ?? [];
    if (jwt === undefined || header.length > headerLengthMax) {
      throw new ComityError("IDENTITY_INVALID", { problem: "the request carries no peer's token" });
    }
    const keyOf = (kid: string) => resolver.key(kid);
    const token = await verifyToken(jwt, { audience: did, keyOf, clock, skewSeconds });
    const livesMs = token.expiresAt - clock.now();
    if (livesMs > (tokenLifetimeSeconds + skewSeconds) * 1000) {
      const problem = `its token lives longer than ${tokenLifetimeSeconds} s`;
      throw new ComityError("IDENTITY_INVALID", { problem });
    }
    if (token.id === undefined) {
      throw new ComityError("IDENTITY_INVALID", { problem: "its token has no jti" });
    }
    seen.take(token.did, token.id, token.expiresAt + skewSeconds * 1000);
    return token.did;
  };
}

/** Remembers each peer's tokens until they could not be used again anyway. */
class SeenTokens {
  readonly #clock: Clock;
  readonly #perPeerMax: number;
  readonly #peers = new Map<string, Map<string, number>>();
  #sweptAt = 0;

  constructor(clock: Clock, perPeerMax: number) {
    this.#clock = clock;
    this.#perPeerMax = perPeerMax;
  }

  take(did: string, id: string, until: number): void {
    const now = this.#clock.now();
    if (now - this.#sweptAt > 30_000) this.#sweep(now);
    const tokens = this.#peers.get(did) ?? new Map<string, number>();
    this.#peers.set(did, tokens);
    if (tokens.has(id)) {
      throw new ComityError("IDENTITY_INVALID", { problem: "its token was used before" });
    }
    // refused, not forgotten: an old token must never become new again
    if (tokens.size >= this.#perPeerMax) {
      const what = "requests of one peer within three minutes";
      throw new ComityError("LIMIT_REACHED", { limit: this.#perPeerMax, what });
    }
    tokens.set(id, until);
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [did, tokens] of this.#peers) {
      for (const [id, until] of tokens) if (until < now) tokens.delete(id);
      if (tokens.size === 0) this.#peers.delete(did);
    }
  }
}
