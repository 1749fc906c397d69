import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, type JWTPayload } from "jose";
import type { Clock } from "../kernel/clock.ts";
import { problemOf } from "../kernel/errors.ts";
import { filterProblem } from "../kernel/topic.ts";
import type { Principal } from "./access.ts";

/** Whose tokens let an app in, beside those of this node. */
export interface JwtSettings {
  /** `iss`, letter by letter. */
  readonly issuer: string;
  /** `aud`: this node, as the issuer calls it. */
  readonly audience: string;
  /** The issuer's public keys (RFC 7517 §5), or where they are published. */
  readonly keys: JSONWebKeySet | URL;
}

interface JwtOptions extends JwtSettings {
  readonly clock: Clock;
  /** Fetches the keys that are published. */
  readonly fetchKeys: (url: URL) => Promise<JSONWebKeySet>;
}

export type JwtVerdict =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly problem: string };

/** Public keys alone (RFC 8725 §3.1): with HS256 who knows a public key could sign with it. */
const algorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
const skewSeconds = 60;
const charactersMax = 8192;
const filtersMax = 100;
const keysGoodMs = 600_000;
/** A key that nobody knows makes them be fetched again, but not more often than this. */
const fetchEveryMs = 30_000;
const form = /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export function isJwt(text: string | undefined): text is string {
  return text !== undefined && text.length <= charactersMax && form.test(text);
}

/** Tells who comes with a JWT (RFC 7519) of the issuer the node's owner names. */
export class Jwts {
  readonly #options: JwtOptions;
  #keys: JSONWebKeySet | undefined;
  #fetchedAt = -Infinity;
  #fetching: Promise<JSONWebKeySet> | undefined;

  constructor(options: JwtOptions) {
    this.#options = options;
    if (!(options.keys instanceof URL)) this.#keys = options.keys;
  }

  /** Never rejects. Under another user name than `jwt` or its subject it is nobody's. */
  async verify(token: string, username = ""): Promise<JwtVerdict> {
    const { issuer, audience, clock } = this.#options;
    const options = {
      ...{ issuer, audience, algorithms, clockTolerance: skewSeconds },
      ...{ currentDate: new Date(clock.now()), requiredClaims: ["sub", "exp"] },
    };
    try {
      const { payload } = await this.#verified(token, options);
      return admitted(payload, username);
    } catch (error) {
      return { ok: false, problem: `the JWT is refused: ${problemOf(error)}` };
    }
  }

  async #verified(token: string, options: Parameters<typeof jwtVerify>[2]) {
    const known = await this.#known(keysGoodMs);
    try {
      return await jwtVerify(token, createLocalJWKSet(known), options);
    } catch (error) {
      const isUnknown = (error as { code?: string }).code === "ERR_JWKS_NO_MATCHING_KEY";
      if (!isUnknown || !(this.#options.keys instanceof URL)) throw error;
      const fresh = await this.#known(fetchEveryMs);
      if (fresh === known) throw error;
      return jwtVerify(token, createLocalJWKSet(fresh), options);
    }
  }

  /** Keys no older than this; of those that cannot be fetched now the last are good. */
  async #known(goodMs: number): Promise<JSONWebKeySet> {
    const { keys, clock, fetchKeys } = this.#options;
    const isFresh = !(keys instanceof URL) || clock.monotonic() - this.#fetchedAt < goodMs;
    if (isFresh && this.#keys !== undefined) return this.#keys;
    if (!(keys instanceof URL)) throw new Error("it has no keys");
    this.#fetching ??= fetchKeys(keys).finally(() => {
      this.#fetchedAt = clock.monotonic();
      this.#fetching = undefined;
    });
    try {
      this.#keys = await this.#fetching;
    } catch (error) {
      if (this.#keys === undefined) throw error;
    }
    return this.#keys;
  }
}

/** What its claims say: `acl` with `pub`, `sub` and `all`, each a list of topic filters. */
function admitted({ sub = "", exp = 0, acl }: JWTPayload, username: string): JwtVerdict {
  if (!["", "jwt", sub].includes(username)) {
    return { ok: false, problem: "the user name is neither the JWT's subject nor jwt" };
  }
  if (sub === "" || sub.length > 256) {
    return { ok: false, problem: "the JWT's subject is not 1 to 256 characters" };
  }
  const lists = (typeof acl === "object" && acl !== null ? acl : {}) as Record<string, unknown>;
  const { pub = [], sub: follow = [], all = [] } = lists;
  const filters = [pub, follow, all].flat();
  const areFilters = filters.every(
    (one) => typeof one === "string" && filterProblem(one) === undefined,
  );
  if (!areFilters || filters.length === 0 || filters.length > filtersMax) {
    const problem = `the JWT's acl has not 1 to ${filtersMax} topic filters in pub, sub and all`;
    return { ok: false, problem };
  }
  const principal: Principal = {
    kind: "app",
    // Apart from the names of keys, and of one level, so that no two are one session's.
    id: `jwt:${encodeURIComponent(sub)}`,
    publish: [pub, all].flat() as string[],
    subscribe: [follow, all].flat() as string[],
    until: (exp + skewSeconds) * 1000,
  };
  return { ok: true, principal };
}

/** What is published for everybody is taken as it is, save that it is a key set (RFC 7517 §5). */
export function keySetIn(read: unknown): JSONWebKeySet {
  const keys = (read as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error("the issuer's keys are no key set");
  return { keys: keys as JSONWebKeySet["keys"] };
}
