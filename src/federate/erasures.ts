/**
 * Erasures: what becomes of an agreement's data after its end, where its terms have the consumer
 * delete them (`deleteAfterSeconds`). The span begins in the very commit that ends the agreement.
 * When it has passed, the consumer's node erases what it stored, step by step, each step one
 * commit with its count; then it writes down what it did, signs that, and brings it to the
 * provider until it has it. What was paid for is told by `received-stretch.ts`, what is signed by
 * `erasure-record.ts`; the provider's side is `erasure-receipts.ts`.
 */
import type { Clock } from "../kernel/clock.ts";
import { type Crash, neverCrash } from "../kernel/crash.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { Turns } from "../kernel/turns.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import type { GeneralJws, Signer } from "../ports/signer.ts";
import type { Store, Write } from "../ports/store.ts";
import type { ErasureBook, ErasureDoc } from "./erasure-book.ts";
import { type ErasureRecord, keptForMax, signErasure } from "./erasure-record.ts";
import type { Outbox } from "./outbox.ts";
import {
  type Interval,
  joined,
  sparedBy,
  stepOf,
  type Stretch,
  stretchOf,
} from "./received-stretch.ts";

export interface ErasuresOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: Agreements;
  readonly book: ErasureBook;
  readonly outbox: Outbox;
  readonly crash?: Crash;
}

/** What keeps an agreement's data besides its log. */
export interface KeptElsewhere {
  /** Resolves when nothing that came under the agreement is being stored any more. */
  readonly settled: (agreement: string) => Promise<void>;
  /** Lets go of what is kept under the topics of that log. */
  readonly forget: (log: string) => Promise<void>;
  /** The log holds nothing any more at these positions: nor is anything to tell of them. */
  readonly erase: (log: string, from: number, to: number) => Promise<void>;
}

/** Read and erased at a time: so long do other commits wait. */
const stepBytesMax = 4_194_304;
const checkEveryMs = 600_000;
const failedRetryMs = 60_000;

/** The consumer's half. */
export class Erasures {
  readonly #options: ErasuresOptions;
  readonly #turns = new Turns();
  #elsewhere: KeptElsewhere | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ErasuresOptions) {
    this.#options = options;
    const told = (id: string, told: NonNullable<ErasureDoc["told"]>): Promise<void> => {
      const doc = options.book.get(id);
      return doc === undefined ? Promise.resolve() : options.book.put(id, { ...doc, told });
    };
    options.outbox.handle("erasure", {
      delivered: ({ subject }) => told(subject, { taken: true }),
      refused: ({ subject }, { message }) => told(subject, { taken: false, problem: message }),
    });
    options.agreements.onEnded(() => this.#arm());
  }

  /** From now on what is due is erased; what a stop left half done first. */
  start(elsewhere: KeptElsewhere): void {
    this.#elsewhere = elsewhere;
    this.#arm();
  }

  /** Resolves when the step under way is committed. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#turns.settled();
  }

  /** Now, whenever it would be due, of an agreement that has ended; STATE_INVALID of any other. */
  async erase(id: string): Promise<void> {
    const { agreements, book } = this.#options;
    const agreement = agreements.need(id);
    const stands = agreement.role === "provider" ? "seen from its provider's side" : "active";
    if (agreement.role === "provider" || agreement.state === "active") {
      const act = "to erase what it gave";
      throw new ComityError("STATE_INVALID", { what: "Agreement", id, state: stands, act });
    }
    await this.#take(agreement);
    const doc = book.get(id);
    if (doc?.signed === undefined || doc.told?.taken !== false) return;
    const letter = this.#letter(agreement, doc.signed);
    const { told: _, ...untold } = doc;
    await book.put(id, untold, letter === undefined ? [] : [letter.write]);
    letter?.send();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#elsewhere === undefined) return;
    const waitMs = Math.min(this.#options.book.nextDueInMs(), checkEveryMs);
    this.#timer = setTimeout(() => void this.#check(), Math.max(0, waitMs)).unref();
  }

  async #check(): Promise<void> {
    const { agreements, book, clock, journal } = this.#options;
    try {
      await book.keepTime();
      for (const id of book.due()) await this.#take(agreements.need(id));
      this.#arm();
    } catch (error) {
      if (this.#closed) return;
      const text = `What is due cannot be erased: ${problemOf(error)}`;
      journal.record({ at: clock.now(), kind: "erasure.failed", text });
      this.#timer = setTimeout(() => void this.#check(), failedRetryMs).unref();
    }
  }

  /** One agreement after the other: two may have paid for the same positions. */
  #take(agreement: Agreement): Promise<void> {
    return this.#turns.take("erasing", async () => {
      if (!this.#closed) await this.#eraseAndTell(agreement);
    });
  }

  async #eraseAndTell(agreement: Agreement): Promise<void> {
    const { book, signer, crash = neverCrash } = this.#options;
    const { id } = agreement;
    let doc = book.get(id) ?? {};
    if (doc.signed !== undefined) return;
    if (doc.record === undefined) {
      const record = await this.#eraseAll(agreement);
      if (record === undefined) return; // the node is closing: it goes on there
      doc = { ...book.get(id), record };
      await book.put(id, doc);
      crash("erasure.stored");
    }
    const signed = await signErasure(doc.record!, signer);
    const letter = this.#letter(agreement, signed);
    await book.put(id, { ...doc, signed }, letter === undefined ? [] : [letter.write]);
    crash("erasure.signed");
    letter?.send();
    this.#say(agreement, doc.record!);
  }

  async #eraseAll(agreement: Agreement): Promise<ErasureRecord | undefined> {
    const { book, clock, store } = this.#options;
    const { id, provider, consumer, ended } = agreement;
    await this.#elsewhere?.settled(id);
    const stretch = await stretchOf(store, id);
    const kept = stretch === undefined ? undefined : await this.#eraseStretch(agreement, stretch);
    if (this.#closed) return undefined;
    return {
      ...{ v: 1, type: "erasure", agreement: id, provider, consumer },
      ...(stretch === undefined ? {} : { from: stretch.begin, to: stretch.end }),
      erased: book.get(id)?.erased ?? { messages: 0, bytes: 0 },
      ...(kept === undefined ? {} : { kept }),
      endedAt: ended?.at ?? new Date(clock.now()).toISOString(),
      erasedAt: new Date(clock.now()).toISOString(),
    };
  }

  /** Undefined: nothing of it was to be kept. */
  async #eraseStretch(
    { id, provider }: Agreement,
    stretch: Stretch,
  ): Promise<ErasureRecord["kept"]> {
    const { agreements, book, store, crash = neverCrash } = this.#options;
    const others = agreements
      .list()
      .filter((one) => one.role === "consumer" && one.provider === provider && one.id !== id)
      .filter((one) => book.get(one.id)?.record === undefined);
    const { log, from, to } = stretch;
    const all = await sparedBy(store, others, log);
    const spared = all.filter((one) => one.from < to && one.to > from);
    if (spared.length === 0) await this.#elsewhere?.forget(log);
    const kept = { messages: 0, bytes: 0 };
    let gone: readonly Interval[] = [];
    for (let position = from; position < to && !this.#closed;) {
      const blocks = await store.readLog(log, position, stepBytesMax);
      const step = stepOf(blocks, stretch, spared);
      kept.messages += step.kept.messages;
      kept.bytes += step.kept.bytes;
      gone = joined([...gone, ...step.gone]);
      if (step.writes.length > 0) {
        const doc = book.get(id) ?? {};
        const { messages, bytes } = doc.erased ?? { messages: 0, bytes: 0 };
        const erased = {
          messages: messages + step.erased.messages,
          bytes: bytes + step.erased.bytes,
        };
        await book.put(id, { ...doc, erased }, step.writes);
        crash("erasure.erased");
      }
      position = step.next;
    }
    for (const [first, next] of gone) await this.#elsewhere?.erase(log, first, next);
    if (kept.messages === 0) return undefined;
    return { ...kept, agreements: spared.map((one) => one.agreement).slice(0, keptForMax) };
  }

  /** Undefined where the provider's connector has no door for it. */
  #letter({ id, provider, keys }: Agreement, record: GeneralJws): Letter | undefined {
    if (keys[this.#options.signer.did] === undefined) return undefined;
    return this.#options.outbox.prepare({
      did: provider,
      url: `/comity/v1/agreements/${encodeURIComponent(id)}/erasure`,
      body: { record },
      kind: "erasure",
      subject: id,
    });
  }

  #say({ id, title }: Agreement, { erased, kept }: ErasureRecord): void {
    const rest = kept === undefined ? "" : `, ${kept.messages} kept under other agreements`;
    this.#options.journal.record({
      at: this.#options.clock.now(),
      kind: "agreement.erased",
      text: `${title}: ${erased.messages} messages erased${rest}`,
      agreement: id,
    });
  }
}

interface Letter {
  readonly write: Write;
  readonly send: () => void;
}
