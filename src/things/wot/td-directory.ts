import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { type Entropy, newUrn } from "../../kernel/id.ts";
import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { mergePatch, mergePatchOf } from "../../kernel/merge-patch.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Store } from "../../ports/store.ts";
import type { ThingChange, Things } from "../directory.ts";
import { TdInvalid } from "./problem.ts";
import { enriched, patchable, type Registered, registered } from "./registration.ts";
import { listOf } from "./td-rules.ts";
import { SortedIds } from "./sorted-ids.ts";
import { TdEvents } from "./td-events.ts";
import { type NodeAddress, nodeSecurity, thingDescription } from "./thing-description.ts";
import type { Validator } from "./validator.ts";

export interface TdDirectoryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly things: Things;
  readonly validator: Validator;
  /** Where forms of the node's own Things point to. */
  readonly address: () => NodeAddress;
  readonly registrationsMax?: number;
}

export interface TdPage {
  readonly members: readonly JsonObject[];
  readonly total: number;
  /** Another when the order of the whole has changed. */
  readonly etag: string;
}

const kind = "td";
const idBytesMax = 512;
const pageMax = 1_000;
const purgeMs = 60_000;

/**
 * The directory of Descriptions (W3C WoT Discovery §7.2): those of the node's own Things, as they
 * are made, and those that were registered of Things elsewhere, as they were given. Bodies stay in
 * the store; what is held in memory, from the first question on, is ids and ends.
 */
export class TdDirectory {
  readonly #options: TdDirectoryOptions;
  readonly #registrationsMax: number;
  readonly #ids = new SortedIds();
  /** Ids of what was registered. */
  readonly #registrations = new Set<string>();
  /** Of those that end: when, milliseconds since the Unix epoch. */
  readonly #ends = new Map<string, number>();
  readonly #turns = new Turns();
  readonly #end: () => void;
  #events: Promise<TdEvents> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #etag = 0;

  constructor(options: TdDirectoryOptions) {
    this.#options = options;
    this.#registrationsMax = options.registrationsMax ?? 200_000;
    this.#end = options.things.onChanged((change) => void this.#onThing(change));
  }

  /** The events; with them everything is loaded, once. */
  events(): Promise<TdEvents> {
    this.#events ??= this.#load();
    return this.#events;
  }

  /** Enriched with its registration; undefined where there is none, or it has expired. */
  async get(id: string): Promise<JsonObject | undefined> {
    await this.events();
    return this.#read(id);
  }

  /** In the order of ids. */
  async page(offset: number, limit: number): Promise<TdPage> {
    await this.events();
    await this.purge();
    const ids = this.#ids.slice(offset, offset + Math.min(limit, pageMax));
    const read = await Promise.all(ids.map((id) => this.#read(id)));
    const members = read.filter((td) => td !== undefined);
    return { members, total: this.#ids.size, etag: String(this.#etag) };
  }

  /** All of them as `[id, JSON]`, a piece at a time. */
  async *pieces(pieceMax: number): AsyncIterable<[string, string][]> {
    await this.events();
    const ids = this.ids();
    for (let at = 0; at < ids.length; at += pieceMax) {
      const piece = ids.slice(at, at + pieceMax);
      const read = await Promise.all(piece.map((id) => this.#read(id)));
      yield piece.flatMap((id, index): [string, string][] => {
        const td = read[index];
        return td === undefined ? [] : [[id, JSON.stringify(td)]];
      });
    }
  }

  /** Of all, in order. */
  ids(): readonly string[] {
    return this.#ids.slice(0, this.#ids.size);
  }

  /** TdInvalid where it is not valid, or has an id of its own. */
  async addAnonymous(text: string): Promise<string> {
    const given = await this.#options.validator.read("td", text);
    if (given["id"] !== undefined) {
      const description =
        "stands in the body: put it to /things/{id} (only a TD without is posted)";
      throw new TdInvalid([{ field: "id", description }]);
    }
    const id = newUrn(this.#options.entropy);
    await this.#register(id, given, undefined);
    return id;
  }

  async put(id: string, text: string): Promise<"created" | "updated"> {
    const given = await this.#options.validator.read("td", text);
    requireId(id, given);
    await this.events();
    return this.#turns.take(id, async () => {
      const own = this.#options.things.ofUrn(id);
      if (own !== undefined) {
        const { registration: _told, ...td } = given;
        await this.#options.things.describe(own.id, withoutNodeForms(td, this.#options.address()));
        return "updated";
      }
      const before = await this.#registered(id);
      await this.#register(id, given, before);
      return before === undefined ? "created" : "updated";
    });
  }

  /** JSON Merge Patch (RFC 7396); NOT_FOUND where there is nothing to change. */
  async patch(id: string, patch: unknown): Promise<void> {
    if (!isObject(patch)) {
      throw new TdInvalid([{ field: "(root)", description: "is no JSON object" }]);
    }
    await this.events();
    await this.#turns.take(id, async () => {
      const { things, validator, address } = this.#options;
      const own = things.ofUrn(id);
      const before = await this.#registered(id);
      if (own === undefined && before === undefined) throw notFound(id);
      const whole = before ? patchable(before) : thingDescription(own!, address());
      const after = mergePatch(whole, patch);
      const given = await validator.read("td", JSON.stringify(after));
      // an anonymous one may have been given without an id: it has one here
      requireId(id, { ...given, id: given["id"] ?? id });
      if (own === undefined) return this.#register(id, given, before);
      await things.describe(own.id, withoutNodeForms(given, address()));
    });
  }

  async remove(id: string): Promise<void> {
    const events = await this.events();
    await this.#turns.take(id, async () => {
      const own = this.#options.things.ofUrn(id);
      if (own !== undefined) return this.#options.things.remove(own.id);
      if (!this.#isHere(id)) throw notFound(id);
      await this.#forget(id, events);
    });
  }

  /** Removes what is past its end. */
  async purge(): Promise<void> {
    const events = await this.events();
    const now = this.#options.clock.now();
    const over = [...this.#ends].filter(([, end]) => end <= now);
    await Promise.all(
      over.map(([id]) =>
        this.#turns.take(id, async () => {
          const end = this.#ends.get(id);
          if (end !== undefined && end <= now) await this.#forget(id, events);
        }),
      ),
    );
  }

  async close(): Promise<void> {
    this.#end();
    clearInterval(this.#timer);
    await this.#turns.settled();
  }

  async #load(): Promise<TdEvents> {
    const { store, things } = this.#options;
    const events = await TdEvents.open(store);
    let after = "";
    for (;;) {
      const page = await store.list<Registered>(kind, { after, limit: pageMax });
      for (const { id, doc } of page) this.#hold(id, doc);
      after = page.at(-1)?.id ?? "";
      if (page.length < pageMax) break;
    }
    this.#ids.addAll(this.#registrations);
    this.#ids.addAll(things.list().map(({ urn }) => urn));
    this.#etag = events.last;
    events.listen(({ number, type }) => {
      if (type !== "thing_updated") this.#etag = number;
    });
    this.#timer = setInterval(() => void this.purge(), purgeMs).unref();
    return events;
  }

  async #read(id: string): Promise<JsonObject | undefined> {
    const { things, address } = this.#options;
    const own = things.ofUrn(id);
    if (own !== undefined) {
      return enriched(thingDescription(own, address()), id, { created: own.createdAt });
    }
    const kept = await this.#registered(id);
    return kept && enriched(kept.td, id, kept.registration);
  }

  #registered(id: string): Promise<Registered | undefined> {
    return this.#isHere(id)
      ? this.#options.store.get<Registered>(kind, id)
      : Promise.resolve(undefined);
  }

  #isHere(id: string): boolean {
    if (!this.#registrations.has(id)) return false;
    const end = this.#ends.get(id);
    return end === undefined || end > this.#options.clock.now();
  }

  async #register(id: string, given: JsonObject, before: Registered | undefined): Promise<void> {
    const events = await this.events();
    if (before === undefined && this.#registrations.size >= this.#registrationsMax) {
      const limit = this.#registrationsMax;
      throw new ComityError("LIMIT_REACHED", { limit, what: "registered Descriptions" });
    }
    const createdAt = before && Date.parse(before.registration.created);
    const doc = registered(given, this.#options.clock.now(), createdAt);
    const type = before === undefined ? "thing_created" : "thing_updated";
    const patch = before && mergePatchOf(before.td, doc.td);
    const change = { type, id, ...(patch && { patch }) } as const;
    await events.commit(change, [{ op: "put", kind, id, doc }]);
    this.#hold(id, doc);
    this.#ids.add(id);
  }

  #hold(id: string, { registration: { expires } }: Registered): void {
    this.#registrations.add(id);
    if (expires === undefined) this.#ends.delete(id);
    else this.#ends.set(id, Date.parse(expires));
  }

  async #forget(id: string, events: TdEvents): Promise<void> {
    await events.commit({ type: "thing_deleted", id }, [{ op: "remove", kind, id }]);
    this.#registrations.delete(id);
    this.#ends.delete(id);
    this.#ids.remove(id);
  }

  async #onThing({ before, after }: ThingChange): Promise<void> {
    const events = await this.events();
    const id = (after ?? before)?.urn ?? "";
    if (after) this.#ids.add(id);
    else this.#ids.remove(id);
    const type = before === undefined ? "thing_created" : after ? "thing_updated" : "thing_deleted";
    const { address } = this.#options;
    const described =
      before && after && [before, after].map((one) => thingDescription(one, address()));
    const [old = {}, fresh = {}] = described ?? [];
    // the change itself is durable already; where its event is not, the node stops with its store
    await events
      .commit({ type, id, ...(described && { patch: mergePatchOf(old, fresh) }) }, [])
      .catch(() => {});
  }
}

function requireId(id: string, { id: told }: JsonObject): void {
  if (told !== id) {
    const description = `is ${JSON.stringify(told)}, and the address says ${JSON.stringify(id)}`;
    throw new TdInvalid([{ field: "id", description }]);
  }
  if (Buffer.byteLength(id) > idBytesMax || /\p{Cc}/u.test(id)) {
    const description = `has more than ${idBytesMax} bytes, or control characters`;
    throw new TdInvalid([{ field: "id", description }]);
  }
}

/** What comes back from a reader has the forms that the node added: they are no words of its owner. */
function withoutNodeForms(td: JsonObject, { httpUrl, mqttUrl }: NodeAddress): JsonObject {
  const isOwn = (form: unknown): boolean => {
    const href = String(objectAt(form)["href"]);
    return ![httpUrl, mqttUrl].some((url) => href.startsWith(`${url}/`));
  };
  const strip = (members: unknown): JsonObject =>
    Object.fromEntries(
      Object.entries(objectAt(members)).map(([name, one]) => {
        const { forms, ...rest } = objectAt(one);
        const own = Array.isArray(forms) ? forms.filter(isOwn) : [];
        return [name, own.length > 0 ? { ...rest, forms: own } : rest];
      }),
    );
  const { properties, actions, events, security, securityDefinitions, ...rest } = td;
  const { [nodeSecurity]: _node, ...definitions } = objectAt(securityDefinitions);
  const isNodes = listOf(security).every((one) => one === nodeSecurity);
  const about = {
    ...rest,
    ...(Object.keys(definitions).length > 0 && { securityDefinitions: definitions }),
    ...(!isNodes && { security }),
  };
  const { messages, ...others } = objectAt(events);
  const isMade = objectAt(messages)["title"] === "Everything it publishes";
  return {
    ...about,
    properties: strip(properties),
    actions: strip(actions),
    events: strip(isMade ? others : events),
  };
}

function notFound(id: string): ComityError {
  return new ComityError("NOT_FOUND", { what: "Thing Description", id });
}
