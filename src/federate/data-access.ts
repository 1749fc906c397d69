import { hash } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { Turns } from "../kernel/turns.ts";
import { covers } from "../kernel/topic.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { Product } from "../market/product.ts";
import type { Refusal, Refusals } from "../market/refusals.ts";
import type { Store } from "../ports/store.ts";
import type { Thing, ThingAccess, Things } from "../things/directory.ts";
import type { Endings } from "./endings.ts";

export interface DataAccessOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly things: Things;
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  readonly refusals: Refusals;
  readonly endings: Endings;
  /** ISO 4217, of what is free. */
  readonly currency: string;
  readonly gatekeepers: readonly string[];
  /** The stream is there for who may agree to it. */
  readonly serve: (product: Product) => Promise<unknown>;
}

/** Who was let in to which Thing's data, at whose word; kept under its product's id. */
interface Entry {
  readonly product: string;
  /** The Thing's URN: another Thing of the same name is another one. */
  readonly urn: string;
  readonly thing: string;
  readonly user: string;
  readonly reader: string;
  readonly withdrawn: boolean;
}

export type AccessAnswer =
  | { readonly granted: { readonly product: string; readonly offer: string } }
  | { readonly refused: Refusal };

const kind = "data-access";
/** Third parties at a time that one user sends to one Thing. */
const readersMax = 100;

/**
 * A user's right to the data of their Thing (Regulation (EU) 2023/2854, Art. 4(1)) and to send a
 * third party to them (Art. 5(1)). Who has it is offered exactly that Thing's topics, in an offer
 * that nobody else sees; from there on it is a product like any other: negotiated, signed,
 * enforced, counted. The right's end ends the agreements made by it.
 */
export class DataAccess {
  readonly #options: DataAccessOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #turns = new Turns();
  readonly #ends: readonly (() => void)[];

  private constructor(options: DataAccessOptions) {
    this.#options = options;
    const { things, agreements } = options;
    const look = (): void => void this.settle().catch(() => undefined); // again at the next start
    // an agreement may be signed while its right ends
    this.#ends = [things.onClosed(look), agreements.onMade(look)];
  }

  static async open(options: DataAccessOptions): Promise<DataAccess> {
    const access = new DataAccess(options);
    for (const { doc } of await options.store.list<Entry>(kind)) {
      access.#entries.set(doc.product, doc);
    }
    return access;
  }

  /** Whose the Thing's data are from now on; what others had through it before ends. */
  async set(id: string, access: ThingAccess): Promise<Thing> {
    const { things, catalogue } = this.#options;
    const thing = await things.setAccess(id, access);
    await this.settle();
    // offers at another price than from now on; agreements stand
    for (const { product } of this.#of(thing)) await catalogue.remove(product);
    return thing;
  }

  /** What the asker, or the third party they name, may agree to; or why not, signed. */
  request(asker: string, id: string, thirdParty?: string): Promise<AccessAnswer> {
    return this.#turns.take("all", async () => {
      const reader = thirdParty ?? asker;
      const problem = this.#problem(asker, id, reader);
      if (problem !== undefined) {
        const subject = reader === asker ? `the data of ${id}` : `the data of ${id} for ${reader}`;
        return { refused: await this.#options.refusals.give({ asker, subject, ...problem }) };
      }
      const thing = this.#options.things.get(id);
      if (!thing) throw new ComityError("NOT_FOUND", { what: "Thing", id });
      return { granted: await this.#offer(thing, asker, reader) };
    });
  }

  /** The third party hears no more; true to whoever asks, so that no Thing is told of. */
  withdraw(user: string, id: string, thirdParty: string): Promise<void> {
    return this.#turns.take("all", async () => {
      for (const entry of this.#entries.values()) {
        const { thing, user: named, reader } = entry;
        if (thing !== id || named !== user || reader !== thirdParty) continue;
        await this.#put({ ...entry, withdrawn: true });
        await this.#end(entry);
      }
    });
  }

  /** Ends what stands without a right; taken up again after a stop. */
  settle(): Promise<void> {
    return this.#turns.take("all", async () => {
      for (const entry of this.#entries.values()) {
        if (this.#isEntitled(entry)) continue;
        if (!entry.withdrawn) await this.#put({ ...entry, withdrawn: true });
        await this.#end(entry);
      }
    });
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    await this.#turns.settled();
  }

  #problem(
    asker: string,
    id: string,
    reader: string,
  ): { readonly article: string; readonly reason: string } | undefined {
    const access = this.#options.things.get(id)?.access;
    // the same whether there is such a Thing or not: who is not its user learns nothing of it
    if (access?.user !== asker) {
      return { article: "Art. 4(1)", reason: `no Thing ${id} has ${asker} as its user` };
    }
    if (access.withheld) return access.withheld;
    if (reader !== asker && this.#options.gatekeepers.includes(reader)) {
      return { article: "Art. 5(3)", reason: `${reader} is a designated gatekeeper` };
    }
    return undefined;
  }

  async #offer(thing: Thing, user: string, reader: string) {
    const { catalogue, things, serve, journal, clock } = this.#options;
    const shared = things.sharedTopic(thing);
    if (shared !== undefined) throw new ComityError("THING_INVALID", { problem: shared });
    const id = productIdOf(thing, user, reader);
    if (this.#of(thing).length >= readersMax && !this.#entries.has(id)) {
      throw new ComityError("LIMIT_REACHED", { limit: readersMax, what: "readers of a Thing" });
    }
    const entry = { product: id, urn: thing.urn, thing: thing.id, user, reader, withdrawn: false };
    await this.#put(entry);
    if (catalogue.get(id) === undefined) {
      const product = await catalogue.add(this.#productOf(entry, thing));
      await serve(product);
      const text = `${reader} is offered the data of ${thing.title}, at the word of ${user}`;
      journal.record({ at: clock.now(), kind: "access.granted", text });
    }
    const offer = catalogue.offerOf(id);
    if (!offer) throw new ComityError("NOT_FOUND", { what: "offer", id });
    return { product: id, offer: offer["@id"] };
  }

  #productOf({ product: id, user, reader }: Entry, thing: Thing) {
    const free = { amount: "0", currency: this.#options.currency, perMessages: 1 };
    return {
      id,
      title: thing.title,
      description: `The data of one ${thing.kind}, for ${reader === user ? "its user" : "a third party that its user named"} (Regulation (EU) 2023/2854, Art. ${reader === user ? "4(1)" : "5(1)"}).`,
      topics: thing.publish,
      delivery: this.#deliveryOf(thing),
      // free of charge to the user; from a third party at most compensation (Art. 9)
      terms: { price: reader === user ? free : (thing.access?.price ?? free) },
      reservedFor: reader,
      ...(thing.place && { place: thing.place }),
    };
  }

  /** Of the same quality as is available to the data holder (Art. 4(1)). */
  #deliveryOf({ publish }: Thing): "live" | "logged" {
    const logged = this.#options.catalogue.list().some(({ delivery, topics }) => {
      return delivery === "logged" && publish.some((own) => topics.some((one) => covers(one, own)));
    });
    return logged ? "logged" : "live";
  }

  #isEntitled({ withdrawn, urn, thing: id, user, reader }: Entry): boolean {
    const thing = this.#options.things.get(id);
    if (withdrawn || thing?.urn !== urn) return false;
    return this.#problem(user, id, reader) === undefined;
  }

  #of({ urn }: Thing): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.urn === urn && !entry.withdrawn);
  }

  async #end({ product, reader }: Entry): Promise<void> {
    const { catalogue, agreements, endings } = this.#options;
    await catalogue.remove(product);
    for (const one of agreements.list()) {
      if (one.role !== "provider" || one.product !== product || one.consumer !== reader) continue;
      if (one.state === "active") await endings.end(one.id, "revoked");
    }
  }

  async #put(entry: Entry): Promise<void> {
    await this.#options.store.commit([{ op: "put", kind, id: entry.product, doc: entry }]);
    this.#entries.set(entry.product, entry);
  }
}

/** The same for the same Thing, user and reader; tells nobody who they are. */
function productIdOf({ id, urn }: Thing, user: string, reader: string): string {
  const parts = JSON.stringify([urn, user, reader]);
  return `thing-${id.slice(0, 40)}-${hash("sha256", parts, "hex").slice(0, 12)}`;
}
