import { formatAmount, parseAmount } from "../kernel/amount.ts";
import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Journal } from "../kernel/journal.ts";
import { isFree } from "../kernel/price.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import { Turns } from "../kernel/turns.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Attestation } from "../market/attestation.ts";
import { wholeMonthMicro } from "../meter/standing-charges.ts";
import type { SearchQuery } from "../ports/search.ts";
import type { Store } from "../ports/store.ts";
import type { Budgets } from "../settle/budgets.ts";
import { type FoundOffer, offerAttested } from "./found-offer.ts";
import type { Offers } from "./offers.ts";

/** A standing demand: what is wanted, and what may be done when somebody offers it. */
export interface Want {
  readonly id: string;
  readonly query: Omit<SearchQuery, "limit" | "offset">;
  /** What this organisation states to be, so that it is asked the price of that class. */
  readonly as?: RecipientClass;
  /** Agrees by itself. */
  readonly auto: boolean;
  /** The most one agreement may cost over its life; `auto` needs it, or asks for what is free. */
  readonly spendMax?: { readonly amount: string; readonly currency: string };
  readonly agreementsMax: number;
  /** The latest offers that fitted, newest last. */
  readonly matches: readonly Match[];
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

export interface Match {
  readonly offer: string;
  readonly provider: string;
  readonly title: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `agreeing` stands before the negotiation, so that a stop in it leads to no second one. */
  readonly state: "told" | "agreeing" | "agreed" | "refused";
  readonly agreement?: string;
  /** Why it was not agreed to. */
  readonly problem?: string;
  /** It was asked for; what was refused without asking is looked at again. */
  readonly wasAsked?: true;
}

export type NewWant = Pick<Want, "query"> & Partial<Pick<Want, "as" | "auto" | "spendMax">>;

export interface WantsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly journal: Journal;
  readonly offers: Offers;
  readonly budgets: Budgets;
  readonly negotiate: (
    provider: string,
    offer: string,
    attested: Attestation | undefined,
  ) => Promise<Agreement>;
  /** Own offers are no answer to an own want. */
  readonly did: string;
}

const kind = "want";
const wantsMax = 1_000;
const matchesMax = 100;
const minutesPerMonth = 30 * 24 * 60;

/** Looks for what is wanted whenever peers' catalogues bring something new. */
export class Wants {
  readonly #options: WantsOptions;
  readonly #wants = new Map<string, Want>();
  readonly #turns = new Turns();
  #stop = (): void => {};

  private constructor(options: WantsOptions) {
    this.#options = options;
  }

  static async open(options: WantsOptions): Promise<Wants> {
    const wants = new Wants(options);
    for (const { doc } of await options.store.list<Want>(kind)) wants.#wants.set(doc.id, doc);
    wants.#stop = options.offers.onFound(() => wants.#lookForAll());
    return wants;
  }

  list(): readonly Want[] {
    return [...this.#wants.values()].sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  }

  /** Keeps it and looks at what is known already. BODY_INVALID where `auto` has no bound. */
  async add({ query, as, auto = false, spendMax }: NewWant): Promise<Want> {
    const { store, clock, entropy } = this.#options;
    if (this.#wants.size >= wantsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: wantsMax, what: "wants" });
    }
    const amount = spendMax === undefined ? 1n : (parseAmount(spendMax.amount) ?? 0n);
    const hasBound = spendMax !== undefined || query.free === true;
    if (amount <= 0n || (auto && !hasBound)) {
      const problem = "a want that agrees by itself needs a budget above zero, or asks for free";
      throw new ComityError("BODY_INVALID", { problem });
    }
    const want: Want = {
      id: entropy.uuid(),
      query,
      ...(as !== undefined && { as }),
      auto,
      ...(spendMax !== undefined && { spendMax }),
      agreementsMax: 1,
      matches: [],
      createdAt: new Date(clock.now()).toISOString(),
    };
    await store.commit([{ op: "add", kind, id: want.id, doc: want }]);
    this.#wants.set(want.id, want);
    await this.#turns.take(want.id, () => this.#look(want.id));
    return this.#wants.get(want.id) ?? want;
  }

  /** What was agreed under it stands. */
  async remove(id: string): Promise<void> {
    if (!this.#wants.has(id)) throw new ComityError("NOT_FOUND", { what: "want", id });
    await this.#turns.take(id, async () => {
      await this.#options.store.commit([{ op: "remove", kind, id }]);
      this.#wants.delete(id);
    });
  }

  /** Waits for what is being agreed to. */
  async close(): Promise<void> {
    this.#stop();
    await this.#turns.settled();
  }

  #lookForAll(): void {
    for (const id of this.#wants.keys()) {
      this.#turns
        .take(id, () => this.#look(id))
        .catch((error: unknown) =>
          this.#tell(`A want could not be looked for: ${problemOf(error)}`),
        );
    }
  }

  async #look(id: string): Promise<void> {
    const want = this.#wants.get(id);
    if (!want) return;
    const query = { ...want.query, limit: matchesMax };
    const { offers } = await this.#options.offers.known(query, want.as);
    for (const offer of offers) {
      const now = this.#wants.get(id);
      if (now === undefined) return;
      if (offer.provider === this.#options.did) continue;
      const known = now.matches.find(
        (one) => one.offer === offer.offer && one.provider === offer.provider,
      );
      if (known === undefined || mayNowBeAsked(now, known, offer)) await this.#take(id, offer);
    }
  }

  async #take(id: string, offer: FoundOffer): Promise<void> {
    const want = this.#wants.get(id);
    if (!want) return;
    const at = new Date(this.#options.clock.now()).toISOString();
    const { provider, title } = offer;
    const match = { offer: offer.offer, provider, title, at };
    const [wanted] = asAttested(want, offer);
    const problem = want.auto ? obstacle(want, wanted) : undefined;
    if (!want.auto || problem !== undefined) {
      const told = problem === undefined ? {} : { problem };
      await this.#note(id, { ...match, state: want.auto ? "refused" : "told", ...told });
      const why = problem === undefined ? "" : `; not agreed to, because ${problem}`;
      this.#tell(`${offer.providerName} offers what was wanted: ${title}${why}`);
      return;
    }
    await this.#note(id, { ...match, state: "agreeing" });
    try {
      const { id: agreement } = await this.#agree(want, offer);
      await this.#note(id, { ...match, state: "agreed", agreement });
      this.#tell(`${title} of ${offer.providerName} was wanted and is agreed to`, agreement);
    } catch (thrown) {
      const problem = problemOf(thrown);
      await this.#note(id, { ...match, state: "refused", problem, wasAsked: true });
      this.#tell(`${title} was wanted and not agreed to: ${problemOf(thrown)}`);
    }
  }

  /** The most it may cost is set aside first; a stream that would cost more ends there. */
  async #agree(want: Want, found: FoundOffer): Promise<Agreement> {
    const { budgets, negotiate } = this.#options;
    const limit = want.spendMax === undefined ? {} : { spendMax: want.spendMax.amount };
    const [wanted, attested] = asAttested(want, found);
    return budgets.agree({ ...wanted, ...limit }, () =>
      negotiate(wanted.provider, wanted.offer, attested),
    );
  }

  async #note(id: string, match: Match): Promise<void> {
    const want = this.#wants.get(id);
    if (!want) return;
    const others = want.matches.filter(
      (one) => one.offer !== match.offer || one.provider !== match.provider,
    );
    const matches = [...others, match].slice(-matchesMax);
    const noted: Want = { ...want, matches };
    await this.#options.store.commit([{ op: "put", kind, id, doc: noted }]);
    this.#wants.set(id, noted);
  }

  #tell(text: string, agreement?: string): void {
    const { journal, clock } = this.#options;
    const about = agreement === undefined ? {} : { agreement };
    journal.record({ at: clock.now(), kind: "want.matched", text, ...about });
  }
}

/** What stood against it, such as the month's rate that was measured, may have passed. */
function mayNowBeAsked(want: Want, { state, wasAsked }: Match, offer: FoundOffer): boolean {
  if (!want.auto || state !== "refused" || wasAsked === true) return false;
  const [wanted] = asAttested(want, offer);
  return obstacle(want, wanted) === undefined;
}

/** The offer for the want's class, with the attestation it needs; everybody's where it has none. */
function asAttested({ as }: Want, offer: FoundOffer): [FoundOffer, Attestation | undefined] {
  const isTheirs =
    as !== undefined &&
    offer.variants?.some((one) => one.recipientClass === as && one.measures === undefined);
  if (isTheirs !== true) return [offer, undefined];
  const attested = { recipientClass: as };
  return [offerAttested(offer, attested), attested];
}

/** Why a want that agrees by itself must not agree to this one. */
function obstacle(want: Want, offer: FoundOffer): string | undefined {
  const made = want.matches.filter(({ state }) => state === "agreed" || state === "agreeing");
  if (made.length >= want.agreementsMax) return "it has the agreement it may make";
  if (isFree(offer.price)) return undefined;
  if (want.spendMax === undefined) return "it costs money, and the want has no budget";
  const { currency } = offer.price;
  const budget = want.spendMax;
  if (currency !== budget.currency) {
    return `it is paid in ${currency}, and the budget is in ${budget.currency}`;
  }
  const month = monthMicro(offer);
  if (month === undefined || month <= (parseAmount(budget.amount) ?? 0n)) return undefined;
  return `a month of it would cost ${formatAmount(month)} ${currency}, and the budget is ${budget.amount}`;
}

/** By the rate its provider measured; undefined where there is none yet: the budget still bounds it. */
function monthMicro({ price, quality, messagesMax, bytesMax }: FoundOffer): bigint | undefined {
  const isBytes = price.charges?.some(({ perBytes }) => perBytes !== undefined) ?? false;
  if (isBytes && bytesMax === undefined) return undefined;
  if (quality === undefined) return undefined;
  const messages = Math.ceil((quality.messages / quality.minutes) * minutesPerMonth);
  const capped = Math.min(messages, messagesMax ?? messages);
  return wholeMonthMicro(price, { messages: capped, bytes: bytesMax ?? 0 });
}
