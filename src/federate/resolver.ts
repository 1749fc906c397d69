import { Value } from "typebox/value";
import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { PublicJwk } from "../ports/signer.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import { didOfKeyId } from "../wire/jws.ts";
import { DidDocument } from "./identity.ts";
import type { Caller } from "./outbound.ts";

/** A peer whose address the node's owner vouches for: the only private ones that are called. */
export interface LocalPeer {
  /** Its DID; for the mock identity, whatever it calls itself. */
  readonly did: string;
  /** Its node's base URL; for the mock identity, that of its protocol endpoint. */
  readonly url: string;
  /** How it proves who it is; absent: by a token bound to its DID. `mock` proves nothing. */
  readonly identity?: "mock";
}

export interface ResolverOptions {
  readonly outbound: Caller;
  readonly clock: Clock;
  readonly localPeers: readonly LocalPeer[];
  readonly keepMs?: number;
  readonly documentsMax?: number;
  /** Of strangers, asked for at the same time. */
  readonly lookUpsMax?: number;
}

interface Kept {
  readonly document: Promise<DidDocument>;
  readonly at: number;
  failed: boolean;
}

const keepMsDefault = 5 * 60_000;
const documentsMaxDefault = 2_000;
const documentBytesMax = 65_536;
const lookUpsMaxDefault = 64;
/** A failure is remembered for a moment, so that a flood of tokens is not a flood of calls. */
const keepFailureMs = 2_000;
/** A key that is not in the document may be a new one; asked again at most so often. */
const refreshMs = 5_000;

/** Resolves `did:web` (W3C did-method-web) and remembers what it found for a while. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #local: ReadonlyMap<string, string>;
  readonly #mocks: ReadonlySet<string>;
  readonly #kept = new Map<string, Kept>();
  #lookUps = 0;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#local = new Map(options.localPeers.map(({ did, url }) => [did, baseOf(url)]));
    const mocks = options.localPeers.filter(({ identity }) => identity === "mock");
    this.#mocks = new Set(mocks.map(({ did }) => did));
  }

  /** The base URL the owner listed for this DID, and with it the right to be private. */
  localBase(did: string): string | undefined {
    return this.#local.get(did);
  }

  /** Listed with the mock identity: it has no DID document. */
  isMock(did: string): boolean {
    return this.#mocks.has(did);
  }

  /** The listed DID whose base this is. */
  localDidAt(url: string): string | undefined {
    for (const [did, base] of this.#local) if (base === baseOf(url)) return did;
    return undefined;
  }

  /** The one origin that may be private when this DID is called. */
  trustedOrigin(did: string): string | undefined {
    const base = this.#local.get(did);
    return base === undefined ? undefined : new URL(base).origin;
  }

  async resolve(did: string, olderThanMs?: number): Promise<DidDocument> {
    if (this.#mocks.has(did)) {
      const problem = `${did} is listed with the mock identity, which has no key`;
      throw new ComityError("IDENTITY_INVALID", { problem });
    }
    const now = this.#options.clock.monotonic();
    const kept = this.#kept.get(did);
    const keepMs = olderThanMs ?? this.#options.keepMs ?? keepMsDefault;
    const stillGoodMs = kept?.failed ? Math.min(keepFailureMs, keepMs) : keepMs;
    if (kept && now - kept.at < stillGoodMs) return kept.document;
    const isKnown = this.#local.has(did) || kept?.failed === false;
    const document = isKnown ? this.#fetch(did) : this.#lookUp(did);
    const entry: Kept = { document, at: now, failed: false };
    entry.document.catch(() => {
      entry.failed = true;
    });
    this.#kept.delete(did);
    this.#kept.set(did, entry);
    if (this.#kept.size > (this.#options.documentsMax ?? documentsMaxDefault)) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    return entry.document;
  }

  /** The key a `kid` names; a document without it is fetched again, since keys rotate. */
  async key(kid: string): Promise<PublicJwk | undefined> {
    const did = didOfKeyId(kid);
    return keyIn(await this.resolve(did), kid) ?? keyIn(await this.resolve(did, refreshMs), kid);
  }

  /** A stranger costs a call elsewhere: slow ones must not pile up. What is known is let through. */
  async #lookUp(did: string): Promise<DidDocument> {
    const limit = this.#options.lookUpsMax ?? lookUpsMaxDefault;
    if (this.#lookUps >= limit) {
      throw new ComityError("LIMIT_REACHED", { limit, what: "strangers looked up at a time" });
    }
    this.#lookUps++;
    try {
      return await this.#fetch(did);
    } finally {
      this.#lookUps--;
    }
  }

  async #fetch(did: string): Promise<DidDocument> {
    const base = this.#local.get(did);
    const url = base === undefined ? didWebUrl(did) : `${base}/.well-known/did.json`;
    const trustedOrigin = this.trustedOrigin(did);
    const { status, body } = await this.#options.outbound.call({
      method: "GET",
      url,
      trustedOrigin,
      bytesMax: documentBytesMax,
    });
    if (status !== 200) {
      throw new ComityError("PEER_UNREACHABLE", { peer: did, problem: `${url} answers ${status}` });
    }
    const document = parseDocument(body, did);
    if (document.id === did) return document;
    throw new ComityError("IDENTITY_INVALID", { problem: `${url} is about ${document.id}` });
  }
}

/** Only what this node reads is kept: whoever sends a token may have its document remembered. */
function parseDocument(body: string, did: string): DidDocument {
  try {
    const whole = parseMessage(DidDocument, JSON.parse(body));
    const { service, assertionMethod, ...document } = Value.Clean(
      DidDocument,
      whole,
    ) as DidDocument;
    const called = service?.filter(({ serviceEndpoint }) => typeof serviceEndpoint === "string");
    const keys = assertionMethod?.filter((one) => typeof one === "string");
    return {
      ...document,
      ...(called === undefined ? {} : { service: called }),
      ...(keys === undefined ? {} : { assertionMethod: keys }),
    };
  } catch (thrown) {
    const problem = `the DID document of ${did}: ${problemOf(thrown)}`;
    throw new ComityError("IDENTITY_INVALID", { problem });
  }
}

/** `did:web:host%3A8080:path` → the document's URL. */
export function didWebUrl(did: string): string {
  const [scheme, method, host = "", ...path] = did.split(":");
  const invalid = new ComityError("IDENTITY_INVALID", { problem: `"${did}" is no did:web` });
  if (scheme !== "did" || method !== "web") throw invalid;
  // the parts are decoded one by one, so that none of them can smuggle in another separator
  const name = host.replace(/%3A(\d{1,5})$/i, ":$1");
  if (!/^[a-z0-9.-]+(:\d{1,5})?$/i.test(name)) throw invalid;
  if (!path.every((part) => /^[\w.~-]+$/.test(part) && !/^\.+$/.test(part))) throw invalid;
  const where = path.length === 0 ? ".well-known" : path.join("/");
  return `https://${name}/${where}/did.json`;
}

function keyIn(document: DidDocument, kid: string): PublicJwk | undefined {
  const found = document.verificationMethod.find(
    ({ id }) => id === kid || `${document.id}${id}` === kid,
  );
  return found && publicJwk(found.publicKeyJwk);
}

/** The participant's current key: the first one its document lets sign. */
export function currentKey(document: DidDocument): PublicJwk | undefined {
  const [named] = document.assertionMethod ?? [];
  const key = typeof named === "string" ? keyIn(document, named) : undefined;
  return key ?? publicJwk(document.verificationMethod[0]?.publicKeyJwk);
}

function publicJwk(jwk: { kty: string; crv?: string; x: string } | undefined) {
  if (jwk?.kty !== "OKP" || jwk.crv !== "Ed25519") return undefined;
  return { kty: jwk.kty, crv: jwk.crv, x: jwk.x };
}

/** Without the slash at its end. */
export function baseOf(url: string): string {
  return url.replace(/\/+$/, "");
}
