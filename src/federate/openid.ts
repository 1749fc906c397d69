/**
 * Who a person is, by the word of one OpenID provider that the node's owner names (OpenID Connect
 * Core 1.0, authorization code flow §3.1 with PKCE, RFC 7636). In comes a browser that wants to log
 * in; out go an address to send it to, and, when it comes back, what the provider has signed. Every
 * call passes the guard of `outbound.ts`; nothing is believed that is not in the ID token.
 */
import { createHash } from "node:crypto";
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from "jose";
import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { type Entropy, newToken } from "../kernel/id.ts";
import { ShortLived } from "../kernel/short-lived.ts";
import { assertCallable, type Caller, type OutboundAnswer } from "./outbound.ts";

export interface OpenIdSettings {
  /** Issuer identifier, compared letter by letter (Discovery 1.0 §4.3). */
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client, held by PKCE alone. */
  readonly clientSecret?: string;
  /** The issuer's own origin may be private, or without TLS: for a provider on this network. */
  readonly isLocal?: boolean;
}

export interface OpenIdOptions extends OpenIdSettings {
  readonly outbound: Caller;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** As it is registered with the provider. */
  readonly redirectUri: () => string;
}

/** What the provider has signed. */
export interface OpenIdIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly emailVerified: boolean;
}

interface Metadata {
  readonly authorization: string;
  readonly token: string;
  readonly keys: string;
  readonly isPostOnly: boolean;
}

interface Pending {
  /** Whatever the login is for. */
  readonly purpose: string;
  readonly nonce: string;
  readonly verifier: string;
}

const loginMs = 600_000;
const loginsMax = 1_000;
const skewSeconds = 60;
const codeCharactersMax = 2_048;
/** Public keys alone: with HS256 whoever has the client's secret could sign (§10.1). */
const algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"];

export class OpenIdLogin {
  readonly issuer: string;
  readonly #options: OpenIdOptions;
  readonly #trustedOrigin: string | undefined;
  readonly #pending: ShortLived<Pending>;
  readonly #done: ShortLived<{ readonly purpose: string; readonly identity: OpenIdIdentity }>;

  constructor(options: OpenIdOptions) {
    this.issuer = options.issuer;
    this.#options = options;
    this.#trustedOrigin = options.isLocal === true ? new URL(options.issuer).origin : undefined;
    const { clock } = options;
    const bounds = { clock, lifeMs: loginMs, valuesMax: loginsMax };
    this.#pending = new ShortLived(bounds);
    this.#done = new ShortLived(bounds);
  }

  /** Where to send the browser, and the `state` it has to come back with. */
  async begin(purpose: string): Promise<{ readonly url: string; readonly state: string }> {
    const { authorization } = await this.#metadata();
    const { entropy, clientId, redirectUri } = this.#options;
    const [state, nonce, verifier] = [newToken(entropy), newToken(entropy), newToken(entropy)];
    this.#pending.put(state, { purpose, nonce, verifier });
    const url = new URL(authorization);
    const asked = {
      ...{ response_type: "code", scope: "openid profile email" },
      ...{ client_id: clientId, redirect_uri: redirectUri(), state, nonce },
      // RFC 7636 §4.2
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    return { url: url.href, state };
  }

  /** What a login is for that has this state; undefined where there is none, or no more. */
  purposeOf(state: string): string | undefined {
    return this.#pending.get(state)?.purpose;
  }

  /**
   * The browser is back, once: OPENID_REFUSED unless the provider signed who it is. Resolves with
   * a secret for that browser, under which it is known for a while.
   */
  async finish(query: URLSearchParams): Promise<string> {
    const pending = this.#pending.take(query.get("state") ?? "");
    if (pending === undefined) throw this.#refused("no such login was begun, or too long ago");
    const failure = query.get("error");
    if (failure !== null) throw this.#refused(`it says ${failure.slice(0, 100)}`);
    // RFC 9207: another provider's answer is not taken for this one's
    if ((query.get("iss") ?? this.issuer) !== this.issuer) throw this.#refused("it is another's");
    const code = query.get("code") ?? "";
    if (code === "" || code.length > codeCharactersMax) throw this.#refused("it sent no code");
    const metadata = await this.#metadata();
    const idToken = await this.#exchange(metadata, code, pending.verifier);
    const identity = this.#identity(await this.#verified(metadata, idToken, pending.nonce));
    const login = newToken(this.#options.entropy);
    this.#done.put(login, { purpose: pending.purpose, identity });
    return login;
  }

  /** Undefined where it is over, or was for something else. */
  identityOf(login: string, purpose: string): OpenIdIdentity | undefined {
    const done = this.#done.get(login);
    return done?.purpose === purpose ? done.identity : undefined;
  }

  /** Discovery 1.0 §4; asked each time: logins are rare, and keys change. */
  async #metadata(): Promise<Metadata> {
    const url = `${this.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const found = this.#json(await this.#call("GET", url), "configuration");
    if (found["issuer"] !== this.issuer) throw this.#refused("its configuration names another");
    const address = (name: string): string => {
      const value = found[name];
      if (typeof value !== "string") throw this.#refused(`its configuration has no ${name}`);
      return assertCallable(value, this.#trustedOrigin).href;
    };
    const methods = found["token_endpoint_auth_methods_supported"];
    return {
      authorization: address("authorization_endpoint"),
      token: address("token_endpoint"),
      keys: address("jwks_uri"),
      isPostOnly: Array.isArray(methods) && !methods.includes("client_secret_basic"),
    };
  }

  /** §3.1.3.1; the code is worth nothing without the verifier that stayed here. */
  async #exchange({ token, isPostOnly }: Metadata, code: string, verifier: string) {
    const { clientId, clientSecret, redirectUri } = this.#options;
    const form = new URLSearchParams({
      ...{ grant_type: "authorization_code", code, code_verifier: verifier },
      redirect_uri: redirectUri(),
    });
    const isBasic = clientSecret !== undefined && !isPostOnly;
    if (!isBasic) form.set("client_id", clientId);
    if (clientSecret !== undefined && isPostOnly) form.set("client_secret", clientSecret);
    const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded" };
    if (isBasic) headers["authorization"] = basic(clientId, clientSecret);
    const answer = this.#json(await this.#call("POST", token, headers, form.toString()), "token");
    const idToken = answer["id_token"];
    if (typeof idToken !== "string") throw this.#refused("it sent no ID token");
    return idToken;
  }

  /** §3.1.3.7 */
  async #verified({ keys }: Metadata, idToken: string, nonce: string): Promise<JWTPayload> {
    const { clientId, clock } = this.#options;
    const set = this.#json(await this.#call("GET", keys), "keys");
    let payload: JWTPayload;
    try {
      const jwks = createLocalJWKSet(set as unknown as JSONWebKeySet);
      const verified = await jwtVerify(idToken, jwks, {
        ...{ issuer: this.issuer, audience: clientId, algorithms },
        requiredClaims: ["sub", "exp", "iat", "nonce"],
        currentDate: new Date(clock.now()),
        clockTolerance: skewSeconds,
        maxTokenAge: loginMs / 1000,
      });
      ({ payload } = verified);
    } catch (error) {
      throw this.#refused(`its ID token: ${problemOf(error)}`);
    }
    if (payload["nonce"] !== nonce) throw this.#refused("its ID token is for another login");
    const azp = payload["azp"] ?? (Array.isArray(payload.aud) && payload.aud.length > 1);
    if (azp !== false && azp !== clientId) throw this.#refused("its ID token is another's");
    return payload;
  }

  #identity(payload: JWTPayload): OpenIdIdentity {
    const { sub = "", email, name } = payload;
    if (typeof email !== "string") throw this.#refused("its ID token tells no e-mail");
    return {
      ...{ issuer: this.issuer, subject: sub, email },
      name: typeof name === "string" && name.trim() !== "" ? name : email,
      emailVerified: payload["email_verified"] === true,
    };
  }

  #call(
    method: "GET" | "POST",
    url: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<OutboundAnswer> {
    const { outbound } = this.#options;
    const trustedOrigin = this.#trustedOrigin;
    return outbound.call({ method, url, headers, trustedOrigin, ...(body && { body }) });
  }

  #json({ status, body }: OutboundAnswer, what: string): Record<string, unknown> {
    if (status !== 200) throw this.#refused(`its ${what} answers ${status}`);
    try {
      const read: unknown = JSON.parse(body);
      if (typeof read === "object" && read !== null) return read as Record<string, unknown>;
    } catch {
      // told below
    }
    throw this.#refused(`its ${what} is no JSON object`);
  }

  #refused(problem: string): ComityError {
    return new ComityError("OPENID_REFUSED", { issuer: this.issuer, problem });
  }
}

/** RFC 6749 §2.3.1: both are form-encoded first. */
function basic(id: string, secret: string): string {
  const encoded = [id, secret].map((part) => new URLSearchParams({ p: part }).toString().slice(2));
  return `Basic ${Buffer.from(encoded.join(":")).toString("base64")}`;
}
