import { formatAmount, microOf, parseAmount } from "../kernel/amount.ts";
import { type Clock, monthOf } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Used } from "../kernel/price.ts";
import { Turns } from "../kernel/turns.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Owed } from "../meter/owed.ts";
import type { Store } from "../ports/store.ts";
import { noUsage } from "../ports/usage.ts";
import { owedBefore } from "./owed-before.ts";

export interface SpendingLimitsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: Agreements;
  readonly counts: ConsumerCounts;
  readonly owed: Owed;
  readonly onFailed: (error: unknown) => void;
}

/** What may be spent under one agreement, or in a month under all that are paid in a currency. */
export interface SpendingLimit {
  /** Absent: all of them together. */
  readonly agreement?: string;
  readonly currency: string;
  /** Decimal string. */
  readonly amount: string;
  readonly per: "month" | "life";
}

export interface LimitState extends SpendingLimit {
  /** Decimal string: what was taken in the month, or over the agreement's life. */
  readonly spent: string;
  /** Of the limit, rounded down. */
  readonly percent: number;
  /** Agreements whose stream rests because of it. */
  readonly resting: readonly string[];
}

/** Kind `spending-limit`. */
interface Kept extends SpendingLimit {
  /** The last warning of the period. */
  readonly warned?: { readonly period: string; readonly percent: number };
}

/** Kind `spending-rest`: a stream that would have cost more than a limit allows. */
interface Rest {
  readonly limit: string;
  /** Micro-units over the agreement's life that its next checkpoint would make. */
  readonly needs: string;
}

/** What this organisation owes under one agreement, in micro-units. */
interface Sum {
  /** Over its life, with what is being taken now. */
  life: bigint;
  /** Of it, for the months before. */
  before: bigint;
}

const kinds = { limit: "spending-limit", rest: "spending-rest" } as const;
const warnings = [100, 80, 50] as const;
const lookEveryMs = 60_000;

/**
 * Limits that an organisation sets itself. A checkpoint that would make the bill greater than a
 * limit is not taken: the stream rests where it is, its agreement stands, and it goes on when the
 * limit is raised or the next month begins. So a bill is never above its limit; below it by one
 * checkpoint at most, and by what the last month's receipts still lack when a month begins.
 */
export class SpendingLimits {
  readonly #options: SpendingLimitsOptions;
  readonly #limits = new Map<string, Kept>();
  readonly #rests = new Map<string, Rest>();
  readonly #sums = new Map<string, Sum>();
  /** Of the month, by currency. */
  readonly #overall = new Map<string, bigint>();
  readonly #onResumed = new Set<(agreement: string) => void>();
  readonly #turns = new Turns();
  /** The month that the sums are of. */
  #month = "";
  #reading: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  private constructor(options: SpendingLimitsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), lookEveryMs).unref();
  }

  static async open(options: SpendingLimitsOptions): Promise<SpendingLimits> {
    const limits = new SpendingLimits(options);
    const { store, agreements } = options;
    for (const { id, doc } of await store.list<Kept>(kinds.limit)) limits.#limits.set(id, doc);
    for (const { id, doc } of await store.list<Rest>(kinds.rest)) limits.#rests.set(id, doc);
    await limits.#look();
    agreements.onMade(({ id, role }) => {
      if (role === "consumer") limits.#sums.set(id, { life: 0n, before: 0n });
    });
    agreements.onEnded(({ id }) => limits.#resume(id));
    return limits;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  list(): LimitState[] {
    return [...this.#limits].map(([id, limit]) => {
      const spent = this.#spentOf(limit);
      const { warned: _, ...told } = limit;
      return {
        ...told,
        spent: formatAmount(spent),
        percent: percentOf(spent, limit),
        resting: [...this.#rests].filter(([, rest]) => rest.limit === id).map(([one]) => one),
      };
    });
  }

  /** Throws NOT_FOUND, BODY_INVALID. In force when it resolves; streams that may go on do so. */
  async set(limit: SpendingLimit): Promise<LimitState> {
    this.#require(limit);
    const id = idOf(limit);
    await this.#turns.take("", async () => {
      await this.#options.store.commit([{ op: "put", kind: kinds.limit, id, doc: limit }]);
      this.#limits.set(id, limit);
      await this.#reading; // which may have begun without it
      await this.#look();
    });
    return this.list().find((one) => idOf(one) === id)!;
  }

  /** NOT_FOUND where there is none. */
  async clear(limit: Pick<SpendingLimit, "agreement" | "currency">): Promise<void> {
    const id = idOf(limit);
    await this.#turns.take("", async () => {
      if (!this.#limits.has(id)) throw new ComityError("NOT_FOUND", { what: "spending limit", id });
      await this.#options.store.commit([{ op: "remove", kind: kinds.limit, id }]);
      this.#limits.delete(id);
      await this.#reading;
      await this.#look();
    });
  }

  /** May so much be taken over the agreement's life? If so they are counted as spent. */
  affords(agreement: Agreement, used: Used): boolean {
    const limits = this.#of(agreement);
    if (limits.length === 0) return true;
    if (monthOf(this.#options.clock.now()) !== this.#month) void this.#look();
    const sum = this.#sums.get(agreement.id) ?? { life: 0n, before: 0n };
    const life = this.#options.owed.billMicro(agreement, used);
    const more = life - sum.life;
    if (more <= 0n) return true;
    const reached = limits.find((one) => this.#spentOf(one) + more > microOf(one.amount));
    if (reached !== undefined) {
      this.#rest(agreement, life, reached);
      return false;
    }
    sum.life = life;
    this.#sums.set(agreement.id, sum);
    const { currency } = agreement.price;
    this.#overall.set(currency, (this.#overall.get(currency) ?? 0n) + more);
    for (const limit of limits) this.#warn(limit);
    return true;
  }

  rests(agreement: string): boolean {
    return this.#rests.has(agreement);
  }

  /** Called when a stream that rested may go on. */
  onResumed(listener: (agreement: string) => void): void {
    this.#onResumed.add(listener);
  }

  #require({ agreement: id, currency, amount, per }: SpendingLimit): void {
    const invalid = (problem: string): ComityError => new ComityError("BODY_INVALID", { problem });
    if ((parseAmount(amount) ?? -1n) < 0n) {
      throw invalid(`"${amount}" is no amount ≥ 0 with at most six places`);
    }
    if (id === undefined) {
      if (per === "life") throw invalid("a limit over life is one agreement's: name it");
      return;
    }
    const { role, price } = this.#options.agreements.need(id);
    if (role !== "consumer") throw invalid("this node is paid under that agreement, and pays not");
    if (price.currency !== currency) throw invalid(`that agreement is paid in ${price.currency}`);
  }

  #of({ id, price: { currency } }: Agreement): Kept[] {
    const own = this.#limits.get(idOf({ agreement: id, currency }));
    const overall = this.#limits.get(idOf({ currency }));
    return [own, overall].filter((one) => one !== undefined);
  }

  #spentOf({ agreement, currency, per }: SpendingLimit): bigint {
    if (agreement === undefined) return this.#overall.get(currency) ?? 0n;
    const { life = 0n, before = 0n } = this.#sums.get(agreement) ?? {};
    return per === "life" ? life : life - before;
  }

  #rest({ id, title, price }: Agreement, life: bigint, limit: Kept): void {
    if (this.#rests.has(id)) return;
    const doc: Rest = { limit: idOf(limit), needs: String(life) };
    this.#rests.set(id, doc);
    this.#write({ op: "put", kind: kinds.rest, id, doc });
    const more = formatAmount(life - (this.#sums.get(id)?.life ?? 0n));
    const text = `${title} rests: its next messages cost ${more} ${price.currency}, and`;
    this.#note(`${text} ${this.#standing(limit)}`, "budget.reached", id);
  }

  #warn(limit: Kept): void {
    const percent = percentOf(this.#spentOf(limit), limit);
    const reached = warnings.find((one) => percent >= one);
    const period = limit.per === "month" ? this.#month : "life";
    const told = limit.warned?.period === period ? limit.warned.percent : 0;
    if (reached === undefined || reached <= told) return;
    const doc: Kept = { ...limit, warned: { period, percent: reached } };
    this.#limits.set(idOf(limit), doc);
    this.#write({ op: "put", kind: kinds.limit, id: idOf(limit), doc });
    this.#note(
      `${reached} % is spent: ${this.#standing(limit)}`,
      "budget.warning",
      limit.agreement,
    );
  }

  #standing(limit: SpendingLimit): string {
    const { agreement, amount, currency, per } = limit;
    const whose =
      agreement === undefined
        ? "of all agreements together"
        : `of ${this.#options.agreements.get(agreement)?.title ?? agreement}`;
    const span = per === "month" ? `a month (${this.#month})` : "over its life";
    const spent = formatAmount(this.#spentOf(limit));
    return `${spent} of ${amount} ${currency} ${span} are spent, the limit ${whose}`;
  }

  #note(text: string, kind: string, agreement: string | undefined): void {
    const at = this.#options.clock.now();
    this.#options.journal.record({ at, kind, text, ...(agreement && { agreement }) });
  }

  /** Sums as the receipts and counts have them; then whoever may go on does. */
  #look(): Promise<void> {
    this.#reading ??= this.#read()
      .catch((error: unknown) => this.#options.onFailed(error))
      .finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<void> {
    if (this.#limits.size > 0) {
      const month = monthOf(this.#options.clock.now());
      const { store, agreements, counts, owed } = this.#options;
      const read: [Agreement, bigint, bigint][] = [];
      for (const agreement of agreements.list()) {
        const { role, id } = agreement;
        if (role !== "consumer" || this.#of(agreement).length === 0) continue;
        const before = await owedBefore(store, owed, agreement, month);
        const { messages, payloadBytes: bytes } = (await counts.last(id)) ?? noUsage;
        const stored = owed.billMicro(agreement, { messages, bytes });
        read.push([agreement, before, stored]);
      }
      this.#month = month;
      this.#overall.clear();
      for (const [{ id, price }, before, stored] of read) {
        const known = this.#sums.get(id)?.life ?? 0n;
        // What is being taken at this moment may not be stored yet.
        const life = known > stored ? known : stored;
        this.#sums.set(id, { life, before });
        const sum = (this.#overall.get(price.currency) ?? 0n) + life - before;
        this.#overall.set(price.currency, sum);
      }
    }
    for (const [id, rest] of this.#rests) if (this.#mayGoOn(id, rest)) this.#resume(id);
  }

  #mayGoOn(id: string, { needs }: Rest): boolean {
    const agreement = this.#options.agreements.get(id);
    if (agreement === undefined) return true;
    const more = BigInt(needs) - (this.#sums.get(id)?.life ?? 0n);
    return this.#of(agreement).every(
      (limit) => this.#spentOf(limit) + more <= microOf(limit.amount),
    );
  }

  #resume(id: string): void {
    if (!this.#rests.delete(id)) return;
    this.#write({ op: "remove", kind: kinds.rest, id });
    const agreement = this.#options.agreements.get(id);
    if (agreement?.state !== "active") return;
    this.#note(`${agreement.title} goes on: its limit allows it`, "budget.resumed", id);
    for (const listener of this.#onResumed) listener(id);
  }

  /** Lost in a crash it comes about again by itself. */
  #write(write: Parameters<Store["commit"]>[0][number]): void {
    this.#options.store.commit([write]).catch((error: unknown) => this.#options.onFailed(error));
  }
}

function idOf({ agreement, currency }: Pick<SpendingLimit, "agreement" | "currency">): string {
  return agreement === undefined ? `overall/${currency}` : `agreement/${agreement}`;
}

function percentOf(spent: bigint, limit: SpendingLimit): number {
  const micro = microOf(limit.amount);
  return micro === 0n ? 100 : Number((spent * 100n) / micro);
}
