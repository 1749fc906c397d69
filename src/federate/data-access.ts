import { hash } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { canonicalHash } from "../kernel/canonical.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Price } from "../kernel/price.ts";
import { Turns } from "../kernel/turns.ts";
import { covers, overlaps } from "../kernel/topic.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Catalogue } from "../market/catalogue.ts";
import { missingMeasures } from "../market/attestation.ts";
import { attestationIn } from "../market/evidence.ts";
import { termsOf } from "../market/policy.ts";
import { secretsProblem, tariffsProblem } from "../market/policy/offer-values.ts";
import type { Product, TradeSecrets } from "../market/product.ts";
import type { Refusal, Refusals } from "../market/refusals.ts";
import type { Store } from "../ports/store.ts";
import type { Thing, ThingAccess, Things } from "../things/directory.ts";
import type { SecretsAsked } from "./dsp/negotiation-provider.ts";
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

interface AccessOffer {
  readonly product: string;
  readonly offer: string;
  /** There are some: let out under these measures. */
  readonly tradeSecrets?: TradeSecrets;
}

export type AccessAnswer = { readonly granted: AccessOffer } | { readonly refused: Refusal };

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
    const { things, catalogue, currency } = this.#options;
    const terms = { price: access.price ?? freeIn(currency) };
    const problem = tariffsProblem({ ...access, terms }) ?? secretsProblem({ ...access, terms });
    if (problem !== undefined) throw new ComityError("THING_INVALID", { problem });
    const thing = await things.setAccess(id, access);
    await this.settle();
    // offers at another price than from now on; agreements stand
    for (const { product } of this.#of(thing)) await catalogue.remove(product);
    return thing;
  }

  /** What the asker, or the third party they name, may agree to; or why not, signed. */
  request(
    asker: string,
    id: string,
    thirdParty?: string,
    measures?: readonly string[],
  ): Promise<AccessAnswer> {
    return this.#turns.take("all", async () => {
      const reader = thirdParty ?? asker;
      const problem = this.#problem(asker, id, reader);
      if (problem !== undefined) {
        const subject = reader === asker ? `the data of ${id}` : `the data of ${id} for ${reader}`;
        return { refused: await this.#options.refusals.give({ asker, subject, ...problem }) };
      }
      const thing = this.#options.things.get(id);
      if (!thing) throw new ComityError("NOT_FOUND", { what: "Thing", id });
      const granted = await this.#offer(thing, asker, reader);
      return measures === undefined ? { granted } : this.#withSecrets(asker, granted, measures);
    });
  }

  /** Asked for without the measures that keep them, by whatever door. */
  refuseSecrets({ asker, product, reason }: SecretsAsked): Promise<Refusal> {
    const entry = this.#entries.get(product);
    const isUser = entry !== undefined && entry.user === asker;
    const { fields = [] } = this.#options.catalogue.get(product)?.tradeSecrets ?? {};
    const what = fields.join(", ").slice(0, 500);
    const of = entry ? `the data of ${entry.thing}` : product;
    const subject = `the trade secrets ${what} in ${of}`;
    // who is let in by the law, or by contract alone, is refused on the same ground
    const article = isUser ? "Art. 4(7)" : "Art. 5(10)";
    return this.#options.refusals.give({ asker, subject, article, reason: reason.slice(0, 900) });
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

  /** The offer that lets the trade secrets through, to who attests what keeps them. */
  async #withSecrets(
    asker: string,
    granted: AccessOffer,
    measures: readonly string[],
  ): Promise<AccessAnswer> {
    const { product, tradeSecrets } = granted;
    if (tradeSecrets === undefined) return { granted };
    const missing = missingMeasures(tradeSecrets, { measures });
    if (missing.length > 0) {
      const reason = `measures that keep them are not attested: ${missing.join(", ")}`;
      return { refused: await this.refuseSecrets({ asker, product, reason }) };
    }
    const offer = this.#options.catalogue
      .offersOf(product)
      .find((one) => attestationIn(termsOf(one)).measures !== undefined);
    if (!offer) throw new ComityError("NOT_FOUND", { what: "offer", id: product });
    return { granted: { ...granted, offer: offer["@id"] } };
  }

  async #offer(thing: Thing, user: string, reader: string): Promise<AccessOffer> {
    const { catalogue, things, serve, journal, clock } = this.#options;
    const shared = things.sharedTopic(thing);
    if (shared !== undefined) throw new ComityError("THING_INVALID", { problem: shared });
    const id = productIdOf(thing, user, reader);
    if (this.#of(thing).length >= readersMax && !this.#entries.has(id)) {
      throw new ComityError("LIMIT_REACHED", { limit: readersMax, what: "readers of a Thing" });
    }
    const entry = { product: id, urn: thing.urn, thing: thing.id, user, reader, withdrawn: false };
    await this.#put(entry);
    const wanted = this.#productOf(entry, thing);
    const { tradeSecrets } = wanted;
    const before = catalogue.get(id);
    // what is a trade secret may be told later than whose the data are
    if (
      before &&
      canonicalHash([before.tradeSecrets ?? 0]) !== canonicalHash([tradeSecrets ?? 0])
    ) {
      await catalogue.remove(id);
    }
    if (catalogue.get(id) === undefined) {
      const product = await catalogue.add(wanted);
      await serve(product);
      const text = `${reader} is offered the data of ${thing.title}, at the word of ${user}`;
      journal.record({ at: clock.now(), kind: "access.granted", text });
    }
    const offer = catalogue.offerOf(id);
    if (!offer) throw new ComityError("NOT_FOUND", { what: "offer", id });
    return { product: id, offer: offer["@id"], ...(tradeSecrets && { tradeSecrets }) };
  }

  #productOf({ product: id, user, reader }: Entry, thing: Thing) {
    const free = freeIn(this.#options.currency);
    const { price = free, tariffs, cost } = thing.access ?? {};
    const tradeSecrets = this.#secretsOf(thing);
    return {
      id,
      title: thing.title,
      description: `The data of one ${thing.kind}, for ${reader === user ? "its user" : "a third party that its user named"} (Regulation (EU) 2023/2854, Art. ${reader === user ? "4(1)" : "5(1)"}).`,
      topics: thing.publish,
      delivery: this.#deliveryOf(thing),
      // free of charge to the user; from a third party at most compensation (Art. 9)
      terms: { price: reader === user ? free : price },
      ...(reader !== user && tariffs && { tariffs }),
      ...(reader !== user && cost && { cost }),
      ...(tradeSecrets && { tradeSecrets }),
      reservedFor: reader,
      ...(thing.place && { place: thing.place }),
    };
  }

  /** As they are tagged at the Thing, and at whatever is sold of its topics (Art. 4(6)). */
  #secretsOf({ publish, access }: Thing): TradeSecrets | undefined {
    const sold = this.#options.catalogue.list().filter(({ topics, reservedFor }) => {
      const isOf = publish.some((own) => topics.some((one) => overlaps(one, own)));
      return reservedFor === undefined && isOf;
    });
    const tagged = [access?.tradeSecrets, ...sold.map((one) => one.tradeSecrets)];
    const all = (name: keyof TradeSecrets): string[] =>
      [...new Set(tagged.flatMap((one) => one?.[name] ?? []))].toSorted();
    const [fields, measures] = [all("fields"), all("measures")];
    return fields.length === 0 ? undefined : { fields, measures };
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

function freeIn(currency: string): Price {
  return { amount: "0", currency, perMessages: 1 };
}

/** The same for the same Thing, user and reader; tells nobody who they are. */
function productIdOf({ id, urn }: Thing, user: string, reader: string): string {
  const parts = JSON.stringify([urn, user, reader]);
  return `thing-${id.slice(0, 40)}-${hash("sha256", parts, "hex").slice(0, 12)}`;
}
