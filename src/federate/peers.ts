import type { LookupFunction } from "node:net";
import type { Place } from "../kernel/place.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Peers } from "../ports/peers.ts";
import type { PublicJwk, Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import { dspPath, dspVersion, VersionMetadata } from "../wire/dsp/messages.ts";
import type { PeerIdentity } from "./authenticate.ts";
import { DidDocument, endpointOf, nodeServiceOf, nodeServiceType } from "./identity.ts";
import { assertCallable, type Caller, type OutboundAnswer, type OutboundCall } from "./outbound.ts";
import { answerOf, parseJson } from "./peer-answer.ts";
import { baseOf, currentKey, type Resolver } from "./resolver.ts";
import { isLoopbackHost } from "./public-address.ts";
import { streamLookup } from "./stream-address.ts";

/** Another participant as this node knows it. */
export interface Peer {
  readonly did: string;
  /** Unique here, and never changed: its streams stand under `from/<name>/…`. */
  readonly name: string;
  /** Base URL of its node. */
  readonly url: string;
  /** Its versioned protocol endpoint, where it was named and not found by its DID document. */
  readonly protocolUrl?: string;
  readonly title?: string;
  readonly country?: string;
  readonly currency?: string;
  readonly place?: Place;
}

export interface PeerBookOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly identity: PeerIdentity;
  readonly resolver: Resolver;
  readonly outbound: Caller;
  readonly peersMax?: number;
  /** Milliseconds before each repeat of `post` and `get`. */
  readonly backOffMs?: readonly number[];
}

const answerBytesMax = 8 * 1024 * 1024;

/** Knows the other participants and calls their nodes, authenticated as ourselves. */
export class PeerBook implements Peers {
  readonly #options: PeerBookOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #learning = new Map<string, Promise<Peer>>();
  readonly #versions = new Map<string, Promise<string>>();

  private constructor(options: PeerBookOptions) {
    this.#options = options;
  }

  static async open(options: PeerBookOptions): Promise<PeerBook> {
    const book = new PeerBook(options);
    for (const { doc } of await options.store.list<Peer>("peer")) book.#peers.set(doc.did, doc);
    return book;
  }

  list(): readonly Peer[] {
    return [...this.#peers.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  peer(did: string): Peer | undefined {
    return this.#peers.get(did);
  }

  nameOf(did: string): string {
    return this.#peers.get(did)?.name ?? nameFrom(did);
  }

  /**
   * Reads the DID document at that address and keeps who it is. Where `did` is given the address
   * is another connector's protocol endpoint, versioned or as its version metadata says.
   */
  async add(url: string, id?: string): Promise<Peer> {
    const base = baseOf(url);
    if (id !== undefined && !this.#options.resolver.isMock(id)) {
      if (id === this.#options.signer.did) throw itself(url);
      return this.#learn(id, await this.#versioned(id, base));
    }
    const did = await this.didAt(base);
    if (did === this.#options.signer.did) throw itself(url);
    if (!this.#options.resolver.isMock(did)) {
      await this.#options.resolver.resolve(did, 0); // a moment ago it may not have run
    }
    return this.#learn(did); // anew, where it is known: it may have moved
  }

  /** Who says to be at the address of a node. */
  async didAt(url: string): Promise<string> {
    const base = baseOf(url);
    return this.#options.resolver.localDidAt(base) ?? this.#didAt(base);
  }

  /**
   * Throws where no contract could be carried out with that participant. Keeps nothing: whoever
   * only asks fills no book and takes no name from those this node trades with.
   */
  async meet(did: string): Promise<void> {
    if (this.#peers.has(did) || this.#options.resolver.isMock(did)) return;
    const document = await this.#options.resolver.resolve(did);
    if (this.#options.resolver.localBase(did) === undefined) addressIn(document);
  }

  /** Keeps a participant that this node trades with, by its DID document. */
  async learn(did: string): Promise<Peer> {
    const known = this.#peers.get(did) ?? this.#learning.get(did);
    if (known) return known;
    const work = this.#learn(did);
    this.#learning.set(did, work);
    try {
      return await work;
    } finally {
      this.#learning.delete(did);
    }
  }

  async keyOf(did: string): Promise<PublicJwk> {
    if (did === this.#options.signer.did) return this.#options.signer.publicJwk;
    const key = currentKey(await this.#options.resolver.resolve(did));
    if (key) return key;
    throw new ComityError("IDENTITY_INVALID", { problem: `${did} has no Ed25519 key` });
  }

  async post(did: string, path: string, body: unknown): Promise<unknown> {
    return this.#repeat(did, () => this.send(did, path, body));
  }

  async get(did: string, path: string): Promise<unknown> {
    return this.#repeat(did, async () => this.#call(did, `${await this.#base(did)}${path}`));
  }

  /** GET of an address that the peer's own documents gave. */
  async fetch(did: string, url: string): Promise<unknown> {
    return this.#repeat(did, async () => this.#call(did, url));
  }

  /** GET in one try, given up after a time, and where the answer is larger than it may be. */
  async getOnce(
    did: string,
    path: string,
    limits: { readonly timeoutMs: number; readonly bytesMax?: number },
  ): Promise<unknown> {
    return answerOf(
      this.nameOf(did),
      await this.#exchange(did, `${await this.#base(did)}${path}`, limits),
    );
  }

  /** POST in one try; PEER_UNREACHABLE is worth another, PEER_REFUSED is final. */
  async send(did: string, url: string, body: unknown): Promise<unknown> {
    const full = url.startsWith("/") ? `${await this.#base(did)}${url}` : url;
    return this.#call(did, full, JSON.stringify(body));
  }

  /** POST in one try, with what the answer's head tells; `tag`: only if it is not as it was. */
  async ask(
    did: string,
    url: string,
    body: unknown,
    tag?: string,
  ): Promise<{ body: unknown; bytes: number; tag?: string; link?: string } | "unchanged"> {
    const headers = tag === undefined ? {} : { "if-none-match": tag };
    const answer = await this.#exchange(did, url, { body: JSON.stringify(body), headers });
    // RFC 9110 §13.1.2: what a GET answers with 304, any other method answers with 412
    if (tag !== undefined && answer.status === 412) return "unchanged";
    const { etag, link } = answer;
    return {
      body: answerOf(this.nameOf(did), answer),
      bytes: Buffer.byteLength(answer.body),
      ...(etag !== undefined && { tag: etag }),
      ...(link !== undefined && { link }),
    };
  }

  /** Knows it no more; what was agreed with it stands. False where it was not known. */
  async remove(did: string): Promise<boolean> {
    if (!this.#peers.has(did)) return false;
    await this.#options.store.commit([{ op: "remove", kind: "peer", id: did }]);
    this.#peers.delete(did);
    return true;
  }

  /** ADDRESS_FORBIDDEN where this node would not call that address for that peer. */
  assertCallable(did: string, url: string): void {
    assertCallable(url, this.#options.resolver.trustedOrigin(did));
  }

  /** The same for where its stream is fetched; returns how the name is looked up, if not freely. */
  streamLookup(did: string, endpoint: string): LookupFunction | undefined {
    return streamLookup(endpoint, this.#options.resolver.localBase(did));
  }

  /** The origin that may be private where data of that peer are fetched over HTTP. */
  dataOrigin(did: string, url: string): string | undefined {
    const base = this.#options.resolver.localBase(did);
    const parsed = URL.parse(url);
    if (base === undefined || parsed === null) return undefined;
    const isOwn = isLoopbackHost(parsed.hostname) || parsed.hostname === new URL(base).hostname;
    return isOwn ? parsed.origin : undefined;
  }

  /** The base that DSP paths are put behind. */
  async dspBase(did: string): Promise<string> {
    if (this.#options.resolver.isMock(did)) return this.#protocolBase(did);
    const named = this.#peers.get(did)?.protocolUrl;
    if (named !== undefined) return named;
    const document = await this.#options.resolver.resolve(did);
    if (this.#options.resolver.localBase(did) === undefined && !nodeServiceOf(document)) {
      const catalog = endpointOf(document, "CatalogService");
      if (catalog !== undefined) return baseOf(catalog).replace(/\/catalog$/, "");
    }
    return `${await this.#base(did)}${dspPath}`;
  }

  async #base(did: string): Promise<string> {
    const local = this.#options.resolver.localBase(did);
    if (local !== undefined) return local;
    try {
      return addressIn(await this.#options.resolver.resolve(did));
    } catch (thrown) {
      const known = this.#peers.get(did)?.url;
      if (known === undefined) throw thrown;
      return known;
    }
  }

  async #call(did: string, url: string, body?: string): Promise<unknown> {
    const call = body === undefined ? {} : { body };
    return answerOf(this.nameOf(did), await this.#exchange(did, url, call));
  }

  async #exchange(
    did: string,
    url: string,
    call: Pick<OutboundCall, "body" | "timeoutMs" | "headers" | "bytesMax">,
  ): Promise<OutboundAnswer> {
    const { identity, resolver, outbound } = this.#options;
    return outbound.call({
      bytesMax: answerBytesMax,
      ...call,
      method: call.body === undefined ? "GET" : "POST",
      url,
      headers: { ...call.headers, ...(await identity.headersFor(did)) },
      trustedOrigin: resolver.trustedOrigin(did),
    });
  }

  /** Of a peer without a DID document: the listed address, or what its version metadata says. */
  async #protocolBase(did: string): Promise<string> {
    const base = this.#options.resolver.localBase(did) ?? "";
    const known = this.#versions.get(did) ?? this.#versioned(did, base);
    this.#versions.set(did, known);
    known.catch(() => this.#versions.delete(did)); // asked again when it answers
    return known;
  }

  /** DSP 2025-1 §4.3: the path of our version, where the address tells; else the address itself. */
  async #versioned(did: string, base: string): Promise<string> {
    const { outbound, resolver } = this.#options;
    const url = `${base}/.well-known/dspace-version`;
    const trustedOrigin = resolver.trustedOrigin(did);
    const { status, body } = await outbound.call({ method: "GET", url, trustedOrigin });
    if (status !== 200) return base;
    const { protocolVersions } = parseMessage(VersionMetadata, parseJson(body, did));
    const ours = protocolVersions.find(({ version }) => version === dspVersion);
    if (ours) return baseOf(`${base}/${ours.path.replace(/^\/+/, "")}`);
    const spoken = protocolVersions.map(({ version }) => version).join(", ");
    const problem = `it speaks the protocol in version ${spoken}, not ${dspVersion}`;
    throw new ComityError("PEER_REFUSED", { peer: this.nameOf(did), problem });
  }

  async #repeat<T>(did: string, call: () => Promise<T>): Promise<T> {
    for (const waitMs of this.#options.backOffMs ?? [100, 300, 900]) {
      try {
        return await call();
      } catch (thrown) {
        if (!(thrown instanceof ComityError) || thrown.code !== "PEER_UNREACHABLE") throw thrown;
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (this.#options.resolver.localBase(did) === undefined) {
        // it may have moved
        await this.#options.resolver.resolve(did, 60_000).catch(() => undefined);
      }
    }
    return call();
  }

  async #didAt(base: string): Promise<string> {
    const url = `${base}/.well-known/did.json`;
    const { status, body } = await this.#options.outbound.call({ method: "GET", url });
    if (status !== 200) {
      throw new ComityError("PEER_UNREACHABLE", {
        peer: base,
        problem: `${url} answers ${status}`,
      });
    }
    return parseMessage(DidDocument, parseJson(body, base)).id;
  }

  async #learn(did: string, named?: string): Promise<Peer> {
    const known = this.#peers.get(did);
    const protocolUrl = named ?? known?.protocolUrl;
    if (!known && this.#peers.size >= (this.#options.peersMax ?? 10_000)) {
      throw new ComityError("LIMIT_REACHED", { limit: this.#peers.size, what: "peers" });
    }
    const { resolver } = this.#options;
    const document = resolver.isMock(did) ? undefined : await resolver.resolve(did);
    const service = document && nodeServiceOf(document);
    const others = this.list().filter((other) => other.did !== did);
    const taken = new Set(others.map(({ name }) => name));
    const wanted = known?.name ?? nameFrom(service?.name ?? did);
    let name = wanted;
    for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
    const peer: Peer = {
      did,
      name,
      url: resolver.localBase(did) ?? (document ? addressIn(document) : ""),
      ...(protocolUrl === undefined ? {} : { protocolUrl }),
      ...(service?.title === undefined ? {} : { title: service.title }),
      ...(service?.country === undefined ? {} : { country: service.country }),
      ...(service?.currency === undefined ? {} : { currency: service.currency }),
      ...(service?.place === undefined ? {} : { place: service.place }),
    };
    this.#peers.set(did, peer);
    try {
      await this.#options.store.commit([{ op: "put", kind: "peer", id: did, doc: peer }]);
    } catch (thrown) {
      if (!known) this.#peers.delete(did);
      throw thrown;
    }
    return peer;
  }
}

function itself(url: string): ComityError {
  return new ComityError("ADDRESS_FORBIDDEN", { url, problem: "it is this node itself" });
}

function addressIn(document: DidDocument): string {
  const node = endpointOf(document, nodeServiceType);
  if (node !== undefined) return baseOf(node);
  const catalog = endpointOf(document, "CatalogService");
  if (catalog !== undefined) return new URL(catalog).origin;
  const problem = `the DID document of ${document.id} names no node to call`;
  throw new ComityError("IDENTITY_INVALID", { problem });
}

/** A topic level that reads well, out of what somebody calls itself. */
function nameFrom(text: string): string {
  const plain = decodeName(text.replace(/^did:web:/, "")).toLowerCase();
  const name = plain
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60);
  return name === "" ? "peer" : name;
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
