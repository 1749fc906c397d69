/**
 * The Thing directory: what may connect as a device, and what it may publish and see.
 *
 * In come Things with a name and a scope, out go their tokens (once; the store keeps only a
 * hash) and, at each connection, the Principal whose scope the data plane checks. Everything is
 * held in memory after the load, so a connection needs no disk. It never looks at messages: the
 * data plane tells it when a Thing was last seen, and that is forgotten on restart.
 * Beside it: `access.ts` who may what, `users.ts` people and programs, `app-keys.ts` apps,
 * `credentials.ts` who is calling, `secret.ts` a token and the one before it, `slow-down.ts` who
 * tries in vain, `last-seen.ts` what each Thing sent last, `audit.ts` what people did, `wot/`
 * Things as the W3C describes them.
 */
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { type Entropy, newUrn } from "../kernel/id.ts";
import type { JsonObject } from "../kernel/json-object.ts";
import type { Place } from "../kernel/place.ts";
import type { Price } from "../kernel/price.ts";
import { priceProblem } from "../kernel/price-problem.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import { overlaps } from "../kernel/topic.ts";
import type { Store, Write } from "../ports/store.ts";
import type { Principal } from "./access.ts";
import {
  certificateIn,
  CertificateIndex,
  type PeerCertificate,
  type ThingCertificate,
} from "./certificate.ts";
import { LastSeen, seenOf } from "./last-seen.ts";
import { draftProblem, textIn, type ThingDraft } from "./thing-draft.ts";
import {
  docOfSecret,
  isGood,
  newSecret,
  renewed,
  type Secret,
  type SecretDoc,
  secretOf,
  turnOf,
} from "./secret.ts";

export interface Thing {
  /** `[a-z0-9-]{1,64}`, unique on its node; the MQTT username. */
  readonly id: string;
  /** The Thing's own identity, whatever it is called here. */
  readonly urn: string;
  readonly title: string;
  /** A plain word for people, such as `bus` or `pump`. */
  readonly kind: string;
  readonly place?: Place;
  /** Topic filters. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Properties of its Thing Description, as W3C WoT TD 1.1 §5.3.1.3 has them. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** Its Thing Description as its owner wrote it; this node's own forms are added when it is read. */
  readonly td?: JsonObject;
  readonly access?: ThingAccess;
  /** With which it may come over TLS, instead of its token. */
  readonly certificate?: ThingCertificate;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** The right to a Thing's data: Regulation (EU) 2023/2854 (Data Act), Art. 4 and 5. */
export interface ThingAccess {
  /** Who owns or rents it (Art. 2(12)): a participant's id. */
  readonly user: string;
  /** What a third party pays that the user sends (Art. 9); absent: nothing. */
  readonly price?: Price;
  /** Other prices, for third parties of that class (Art. 9(4)). */
  readonly tariffs?: readonly { readonly class: RecipientClass; readonly price: Price }[];
  /** The direct cost of making the data available (Art. 9(2)(a)). */
  readonly cost?: Price;
  /** Members let out only under these measures, to the user too (Art. 4(6), 5(9)). */
  readonly tradeSecrets?: {
    readonly fields: readonly string[];
    readonly measures: readonly string[];
  };
  /** A person decided that nothing is handed over, and says why. */
  readonly withheld?: { readonly article: string; readonly reason: string };
}

export interface ThingWithToken {
  readonly thing: Thing;
  readonly token: string;
}

/** What stands or falls with a Thing that is made. */
interface MadeAlong {
  readonly writes?: readonly Write[];
  /** Of a token that it has already; absent: it gets one. */
  readonly hash?: Buffer;
}

export interface ThingsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly thingsMax?: number;
}

/** What became of a Thing; told once it is durable. */
export interface ThingChange {
  readonly before?: Thing;
  readonly after?: Thing;
}

interface Entry {
  readonly thing: Thing;
  readonly secret: Secret;
}

const kind = "thing";

export class Things {
  readonly seen = new LastSeen();
  readonly #options: ThingsOptions;
  readonly #thingsMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #byUrn = new Map<string, string>();
  readonly #byCertificate = new CertificateIndex();
  readonly #closers = new Set<(id: string) => void>();
  readonly #firstUses = new Map<string, () => void>();
  readonly #listeners = new Set<(change: ThingChange) => void>();

  private constructor(options: ThingsOptions) {
    this.#options = options;
    this.#thingsMax = options.thingsMax ?? 100_000;
  }

  static async open(options: ThingsOptions): Promise<Things> {
    const things = new Things(options);
    const stored = await options.store.list<{ thing: Thing } & SecretDoc>(kind);
    for (const { id, doc } of stored) {
      things.#entries.set(id, { thing: doc.thing, secret: secretOf(doc) });
      things.#byUrn.set(doc.thing.urn, id);
      things.#byCertificate.add(doc.thing.certificate, id);
    }
    return things;
  }

  /** In order of id. */
  list(): readonly Thing[] {
    return [...this.#entries.values()]
      .map((entry) => entry.thing)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: string): Thing | undefined {
    return this.#entries.get(id)?.thing;
  }

  /** The Thing that a W3C Thing Description's `id` names. */
  ofUrn(urn: string): Thing | undefined {
    return this.get(this.#byUrn.get(urn) ?? "");
  }

  get size(): number {
    return this.#entries.size;
  }

  /** THING_INVALID, STORE_CONFLICT or LIMIT_REACHED where it cannot be. */
  async create(draft: ThingDraft, along: MadeAlong = {}): Promise<ThingWithToken> {
    const problem = draftProblem(draft);
    if (problem !== undefined) throw new ComityError("THING_INVALID", { problem });
    if (this.#entries.size >= this.#thingsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: this.#thingsMax, what: "Things" });
    }
    const { clock, entropy } = this.#options;
    const thing: Thing = {
      id: draft.name,
      urn: this.#urnOf(draft) ?? newUrn(entropy),
      title: draft.title ?? textIn(draft.td?.["title"]) ?? draft.name,
      kind: draft.kind ?? "thing",
      ...(draft.place !== undefined && { place: draft.place }),
      publish: draft.publish ?? [`${draft.name}/#`],
      subscribe: draft.subscribe ?? [],
      properties: draft.properties ?? {},
      ...this.#certificateOf(draft),
      ...(draft.td !== undefined && { td: draft.td }),
      createdAt: new Date(clock.now()).toISOString(),
    };
    this.#byUrn.set(thing.urn, thing.id); // now, so that of two that come at once one has it
    this.#byCertificate.add(thing.certificate, thing.id);
    try {
      return await this.#add(thing, along);
    } catch (error) {
      this.#byUrn.delete(thing.urn);
      this.#byCertificate.remove(thing.certificate);
      throw error;
    }
  }

  /** A new token; the old one is good for so long, and 0 ends its connections now. */
  async rotate(id: string, graceMs: number): Promise<ThingWithToken> {
    const { thing, secret: old } = this.#entry(id);
    const { token, secret } = renewed(old, this.#options, graceMs);
    await this.#store(thing, secret, "put");
    this.#firstUses.delete(id);
    if (graceMs === 0) this.#close(id);
    return { thing, token };
  }

  /** Another Thing Description; its connections, token and topics stay. */
  async describe(id: string, td: JsonObject): Promise<Thing> {
    const { thing: before, secret } = this.#entry(id);
    const title = textIn(td["title"]) ?? before.title;
    const thing: Thing = { ...before, title, properties: {}, td };
    return this.#change(thing, secret);
  }

  /** Whose data these are; THING_INVALID where they cannot be told from another Thing's. */
  async setAccess(id: string, access: ThingAccess): Promise<Thing> {
    const { thing: before, secret } = this.#entry(id);
    const problem = this.sharedTopic(before) ?? (access.price && priceProblem({ ...access.price }));
    if (problem !== undefined) throw new ComityError("THING_INVALID", { problem });
    return this.#change({ ...before, access }, secret);
  }

  /** A topic tells whose data it is only where no other Thing may publish on it. */
  sharedTopic(thing: Pick<Thing, "id" | "publish">): string | undefined {
    for (const other of this.list()) {
      if (other.id === thing.id) continue;
      const [theirs] = other.publish.filter((one) =>
        thing.publish.some((own) => overlaps(own, one)),
      );
      if (theirs !== undefined) return `${other.id} may publish on its topics too, by '${theirs}'`;
    }
    return undefined;
  }

  async remove(id: string): Promise<void> {
    const { thing: before } = this.#entry(id);
    await this.#options.store.commit([{ op: "remove", kind, id }]);
    this.#entries.delete(id);
    this.#byUrn.delete(before.urn);
    this.#byCertificate.remove(before.certificate);
    this.seen.forget(id);
    this.#close(id);
    this.#tell({ before });
  }

  /** Who this is, or undefined; takes as long whether the Thing or only its token is wrong. */
  authenticate(id: string, token: string): Principal | undefined {
    const entry = this.#entries.get(id);
    const turn = turnOf(token, entry?.secret, this.#options.clock.now());
    if (turn === undefined || entry === undefined) return undefined;
    const onFirstUse = this.#firstUses.get(id);
    if (this.#firstUses.delete(id)) onFirstUse?.();
    const { publish, subscribe } = entry.thing;
    return { kind: "thing", id, publish, subscribe, turn };
  }

  /** The Thing that comes with this certificate, which TLS has verified. */
  ofCertificate(certificate: PeerCertificate): Principal | undefined {
    const thing = this.get(this.#byCertificate.of(certificate) ?? "");
    if (thing === undefined) return undefined;
    const { id, publish, subscribe } = thing;
    return { kind: "thing", id, publish, subscribe };
  }

  /** Whether a connection that came with that turn's token may stay. */
  isGood(id: string, turn: number): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && isGood(entry.secret, turn, this.#options.clock.now());
  }

  /** Told by the data plane; a Thing that is not here is let pass. */
  noteSeen(id: string, topic: string, payload: Uint8Array): void {
    if (!this.#entries.has(id)) return;
    this.seen.note(id, seenOf(this.#options.clock.now(), topic, payload));
  }

  /** Called once, when the Thing comes in with its token for the first time from now. */
  onFirstUse(id: string, listener: () => void): void {
    this.#firstUses.set(id, listener);
  }

  /** Called with the id of a Thing whose connections must end. Returns what stops listening. */
  onClosed(listener: (id: string) => void): () => void {
    this.#closers.add(listener);
    return () => this.#closers.delete(listener);
  }

  async #change(after: Thing, secret: Secret): Promise<Thing> {
    const before = this.get(after.id);
    await this.#store(after, secret, "put");
    this.#tell({ ...(before && { before }), after });
    return after;
  }

  /** The one its Description has (TD 1.1 §5.3.1.1), unless another Thing has it. */
  #urnOf({ td }: ThingDraft): string | undefined {
    const urn = textIn(td?.["id"]);
    const taken = this.#byUrn.get(urn ?? "");
    if (urn === undefined || taken === undefined) return urn;
    throw new ComityError("THING_INVALID", { problem: `its id "${urn}" is that of ${taken}` });
  }

  /** Unless another Thing has it. */
  #certificateOf({ certificate: asked }: ThingDraft): { certificate?: ThingCertificate } {
    const certificate = asked && certificateIn(asked);
    if (certificate === undefined || typeof certificate === "string") return {};
    const taken = this.#byCertificate.holder(certificate);
    if (taken === undefined) return { certificate };
    throw new ComityError("THING_INVALID", { problem: `its certificate is that of ${taken}` });
  }

  /** Called with every change, once it is durable. Returns what stops listening. */
  onChanged(listener: (change: ThingChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: ThingChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #close(id: string): void {
    this.#firstUses.delete(id);
    for (const listener of this.#closers) listener(id);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new ComityError("NOT_FOUND", { what: "Thing", id });
    return entry;
  }

  async #add(thing: Thing, along: MadeAlong): Promise<ThingWithToken> {
    const { token, secret } = newSecret(this.#options.entropy);
    const { hash = secret.hash, writes } = along;
    await this.#store(thing, { ...secret, hash }, "add", writes);
    this.#tell({ after: thing });
    return { thing, token };
  }

  async #store(
    thing: Thing,
    secret: Secret,
    op: "add" | "put",
    writes: readonly Write[] = [],
  ): Promise<void> {
    const { id } = thing;
    const doc = { thing, ...docOfSecret(secret) };
    await this.#options.store.commit([{ op, kind, id, doc }, ...writes]);
    this.#entries.set(id, { thing, secret });
  }
}
