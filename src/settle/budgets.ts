import { formatAmount, parseAmount } from "../kernel/amount.ts";
import { type Clock, monthOf } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { type Entropy, newUrn } from "../kernel/id.ts";
import {
  dearestMicro,
  isCharged,
  isFree,
  type Price,
  type Used,
  usageMicro,
} from "../kernel/price.ts";
import { Turns } from "../kernel/turns.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Owed } from "../meter/owed.ts";
import type { Store } from "../ports/store.ts";
import { noUsage } from "../ports/usage.ts";
import type { Users } from "../things/users.ts";
import { owedBefore } from "./owed-before.ts";

export interface BudgetsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly users: Users;
  readonly agreements: Agreements;
  readonly counts: ConsumerCounts;
  readonly owed: Owed;
}

/** What somebody wants to agree to, as the catalogue shows it. */
export interface Purchase {
  readonly offer: string;
  readonly provider: string;
  readonly product: string;
  readonly price: Price;
  /** The offer's own caps, where it has them. */
  readonly messagesMax?: number | undefined;
  readonly bytesMax?: number | undefined;
  /** At most so much over the agreement's life, in the price's currency; decimal. */
  readonly spendMax?: string | undefined;
  /** Whose budget it counts against, where they have one. */
  readonly user?: string | undefined;
}

/** A user's budget and what this month's agreements may use of it; decimal strings. */
export interface BudgetState {
  readonly amount: string;
  readonly currency: string;
  readonly per: "month";
  readonly committed: string;
  readonly left: string;
}

/** Money set aside for one agreement; kind `spending`. */
interface Spending {
  readonly id: string;
  readonly user?: string;
  /** Absent while it is negotiated. */
  readonly agreement?: string;
  readonly provider: string;
  readonly product: string;
  readonly currency: string;
  readonly maxMicro: string;
  /** Its negotiation failed; one that was signed may still come about, and is held to it. */
  readonly released?: true;
  /** ISO 8601, UTC. */
  readonly at: string;
}

const kind = "spending";
/** How long after it was asked for an agreement can come about; clocks differ by so much. */
const lateMs = 3_600_000;
const skewMs = 60_000;

/**
 * Limits on what agreements may cost this organisation. The most an agreement can cost is set
 * aside before it is negotiated, so that a budget holds whatever arrives at once; a stream that
 * would cost more than was set aside is not taken any further (`affords`).
 */
export class Budgets {
  readonly #options: BudgetsOptions;
  readonly #spendings = new Map<string, Spending>();
  readonly #byAgreement = new Map<string, Spending>();
  /** Agreements that reached their limit, until they have ended. */
  readonly #spent = new Set<string>();
  readonly #onSpent = new Set<(agreement: Agreement) => void>();
  readonly #turns = new Turns();

  private constructor(options: BudgetsOptions) {
    this.#options = options;
  }

  static async open(options: BudgetsOptions): Promise<Budgets> {
    const budgets = new Budgets(options);
    await budgets.#load();
    // A crash fell between the agreement and the note that the money is for it.
    for (const agreement of options.agreements.list()) budgets.#bind(agreement);
    options.agreements.onMade((agreement) => budgets.#bind(agreement));
    options.agreements.onEnded(({ id }) => budgets.#spent.delete(id));
    return budgets;
  }

  /** Sets the money aside, then runs the negotiation; BUDGET_EXCEEDED says what is left. */
  async agree(wanted: Purchase, negotiate: () => Promise<Agreement>): Promise<Agreement> {
    const spending = await this.#turns.take(wanted.user ?? "", () => this.#setAside(wanted));
    if (!spending) return negotiate();
    try {
      const agreement = await negotiate();
      await this.#keep(this.#assign(spending.id, agreement.id));
      return agreement;
    } catch (error) {
      const now = this.#spendings.get(spending.id) ?? spending;
      if (now.agreement === undefined) await this.#keep({ ...now, released: true });
      throw error;
    }
  }

  /** Undefined: the user has no budget. */
  async stateOf(user: string): Promise<BudgetState | undefined> {
    const budget = this.#options.users.get(user)?.budget;
    if (!budget) return undefined;
    const committed = await this.#committed(user, budget.currency);
    const left = (parseAmount(budget.amount) ?? 0n) - committed;
    return {
      ...budget,
      per: "month",
      committed: formatAmount(committed),
      left: formatAmount(left < 0n ? 0n : left),
    };
  }

  /** May so much be taken under the agreement, over its life? Else listeners end it. */
  affords(agreement: Agreement, used: Used): boolean {
    const spending = this.#byAgreement.get(agreement.id);
    if (!spending) return true;
    const cost = this.#options.owed.billMicro(agreement, used);
    const isIn = cost === 0n || agreement.price.currency === spending.currency;
    if (isIn && cost <= BigInt(spending.maxMicro)) return true;
    if (!this.#spent.has(agreement.id)) {
      this.#spent.add(agreement.id);
      for (const listener of this.#onSpent) listener(agreement);
    }
    return false;
  }

  /** Called once when an agreement's stream has come to its limit. */
  onSpent(listener: (agreement: Agreement) => void): void {
    this.#onSpent.add(listener);
  }

  async #setAside(wanted: Purchase): Promise<Spending | undefined> {
    const { clock, entropy, users } = this.#options;
    const { user, provider, product, price } = wanted;
    const budget = user === undefined ? undefined : users.get(user)?.budget;
    const maxMicro = mostOf(wanted);
    if (maxMicro === 0n || (maxMicro === undefined && !budget)) return undefined;
    if (budget) await this.#requireLeft(wanted, maxMicro, budget.currency);
    const spending: Spending = {
      id: newUrn(entropy),
      ...(budget && user !== undefined && { user }),
      ...{ provider, product, currency: price.currency, maxMicro: String(maxMicro) },
      at: new Date(clock.now()).toISOString(),
    };
    await this.#keep(spending);
    return spending;
  }

  async #requireLeft(
    { user = "", offer, price }: Purchase,
    maxMicro: bigint | undefined,
    currency: string,
  ): Promise<void> {
    const state = await this.stateOf(user);
    const left = `${state?.left} of ${state?.amount} ${currency} are left this month`;
    const refuse = (problem: string): never => {
      throw new ComityError("BUDGET_EXCEEDED", { who: user, offer, left, problem });
    };
    if (price.currency !== currency) refuse(`it is paid in ${price.currency}`);
    if (maxMicro === undefined) refuse("it has no limit of its own, and none was named");
    if ((maxMicro ?? 0n) > (parseAmount(state?.left ?? "0") ?? 0n)) {
      refuse(`it may cost up to ${formatAmount(maxMicro ?? 0n)} ${currency}`);
    }
  }

  /** What this month's money is bound by: what was used, and what running agreements may use. */
  async #committed(user: string, currency: string): Promise<bigint> {
    const month = monthOf(this.#options.clock.now());
    let sum = 0n;
    for (const spending of this.#spendings.values()) {
      if (spending.user !== user || spending.currency !== currency) continue;
      sum += await this.#ofMonth(spending, month);
    }
    return sum;
  }

  async #ofMonth(spending: Spending, month: string): Promise<bigint> {
    const { agreements, counts, owed, store } = this.#options;
    const { agreement: id, maxMicro, at, released = false } = spending;
    const agreement = id === undefined ? undefined : agreements.get(id);
    if (!agreement) return released || !at.startsWith(month) ? 0n : BigInt(maxMicro);
    const before = await owedBefore(store, owed, agreement, month);
    const { messages, payloadBytes: bytes } = (await counts.last(agreement.id)) ?? noUsage;
    const used = { messages, bytes };
    const all = agreement.state === "active" ? BigInt(maxMicro) : owed.billMicro(agreement, used);
    return all > before ? all - before : 0n;
  }

  /** The money that was set aside for it, found by what was asked of whom. */
  #bind({ id, role, provider, product, signedAt }: Agreement): void {
    if (role !== "consumer" || this.#byAgreement.has(id)) return;
    const signed = Date.parse(signedAt);
    const waiting = [...this.#spendings.values()].filter((one) => {
      const afterMs = signed - Date.parse(one.at);
      const isTime = afterMs > -skewMs && afterMs < lateMs;
      const isIt = one.provider === provider && one.product === product;
      return isIt && isTime && one.agreement === undefined;
    });
    const found = waiting.find((one) => !one.released) ?? waiting[0];
    if (found) this.#hold({ ...found, agreement: id });
  }

  /** Two who asked for the same at once each get the agreement that is theirs. */
  #assign(id: string, agreement: string): Spending {
    const mine = this.#need(id);
    const other = this.#byAgreement.get(agreement);
    if (other && other.id !== id) {
      const { agreement: _agreement, ...rest } = other;
      const { agreement: theirs } = mine;
      this.#hold(theirs === undefined ? rest : { ...rest, agreement: theirs });
    }
    this.#hold({ ...mine, agreement });
    return this.#need(id);
  }

  #need(id: string): Spending {
    const spending = this.#spendings.get(id);
    if (!spending) throw new Error(`no money was set aside as ${id}`);
    return spending;
  }

  async #keep(spending: Spending): Promise<void> {
    const { id } = spending;
    await this.#options.store.commit([{ op: "put", kind, id, doc: spending }]);
    this.#hold(spending);
  }

  /** What came to nothing is let go once nothing can come of it. */
  async #load(): Promise<void> {
    const { store, clock } = this.#options;
    const month = monthOf(clock.now());
    for (const { id, doc } of await store.list<Spending>(kind)) {
      const isOver = doc.agreement === undefined && clock.now() - Date.parse(doc.at) > lateMs;
      if (!isOver || (!doc.released && doc.at.startsWith(month))) this.#hold(doc);
      else await store.commit([{ op: "remove", kind, id }]);
    }
  }

  #hold(spending: Spending): void {
    this.#spendings.set(spending.id, spending);
    if (spending.agreement !== undefined) this.#byAgreement.set(spending.agreement, spending);
  }
}

/** The most it can cost over its life in micro-units; undefined: no limit. */
function mostOf({ price, messagesMax, bytesMax, spendMax }: Purchase): bigint | undefined {
  if (isFree(price)) return 0n;
  const byCap = mostByCaps(price, messagesMax, bytesMax);
  if (spendMax === undefined) return byCap;
  const named = parseAmount(spendMax);
  if (named === undefined || named <= 0n) {
    const problem = `spendMax "${spendMax}" is not an amount above zero, at most six places`;
    throw new ComityError("BODY_INVALID", { problem });
  }
  return byCap === undefined || named < byCap ? named : byCap;
}

/** Undefined where a charge goes on without a limit: by the month, or by what no cap bounds. */
function mostByCaps(price: Price, messagesMax?: number, bytesMax?: number): bigint | undefined {
  const used = { messages: messagesMax ?? 0, bytes: bytesMax ?? 0 };
  if (!isCharged(price)) return messagesMax === undefined ? undefined : usageMicro(price, used);
  const endless = price.charges.some(
    ({ per, perMessages }) =>
      per !== undefined || (perMessages === undefined ? bytesMax : messagesMax) === undefined,
  );
  return endless || price.minimum !== undefined ? undefined : dearestMicro(price, used);
}
