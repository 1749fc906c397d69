/**
 * Revenue shares: what a product earns belongs to several owners, and the node that sells it owes
 * the others their parts.
 *
 * In come who owns what from which month on (`parts.ts`) and what the ledger has of an agreement's
 * month: receipts that both signed, charges that were accepted, less what was credited. Out go
 * entries that move each owner's part from what was earned to what is owed to it, once a month is
 * over; where something was credited or signed later, the difference, as an entry of its own. The
 * buyer sees nothing of it. A part is of the month's whole sum and rounded down once, so that it
 * does not depend on how receipts fell.
 */
import { type Clock, monthOf } from "../../kernel/clock.ts";
import { formatAmount } from "../../kernel/amount.ts";
import { ComityError } from "../../kernel/errors.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { Store, Write } from "../../ports/store.ts";
import type { AuditFinding } from "../audit.ts";
import type { Entry, Ledger, Posting, RunningSum } from "../ledger.ts";
import { linesIn, partySumId, rowsOf } from "../ledger.ts";
import { monthsStillOpen } from "../late-months.ts";
import { receiptsUntil } from "../statement.ts";
import { type Owner, type Parts, partOf } from "./parts.ts";

export interface OwnerSharesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly parts: Parts;
  readonly agreements: { list(): readonly Agreement[] };
  readonly onFailed: (error: unknown) => void;
  readonly everyMs?: number;
}

/** What an agreement's month came to, and whose it is; kind `owner-share`. */
export interface OwnerShare {
  /** `2026-11`. */
  readonly month: string;
  readonly agreement: string;
  readonly product: string;
  readonly currency: string;
  /** Integer micro-units, when its entries were made last. */
  readonly revenue: string;
  readonly parts: readonly (Owner & { readonly micro: string })[];
  /** One for each time that something was added or taken back; `micro` is the difference. */
  readonly entries: readonly {
    readonly at: string;
    readonly owner: string;
    readonly micro: string;
  }[];
}

/** Kind `owner-payment`. */
export interface OwnerPayment {
  readonly id: string;
  readonly at: string;
  readonly owner: string;
  readonly currency: string;
  /** Integer micro-units. */
  readonly micro: string;
  readonly reference: string;
}

const shareKind = "owner-share";
const paymentKind = "owner-payment";

export class OwnerShares {
  readonly #options: OwnerSharesOptions;
  readonly #turns = new Turns();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OwnerSharesOptions) {
    this.#options = options;
  }

  /** From now on the months that are over are booked by themselves. */
  start(): void {
    const { onFailed, everyMs = 3_600_000 } = this.#options;
    const look = (): void => void this.look().catch(onFailed);
    this.#timer = setInterval(look, everyMs).unref();
    look();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turns.settled();
  }

  /** Books the months that are over. */
  async look(): Promise<void> {
    for (const month of monthsStillOpen(this.#options.clock)) await this.book(month);
  }

  /** Whose what is of a month that is running or over, as the ledger has it now. */
  async month(month: string): Promise<OwnerShare[]> {
    const { store, agreements, parts } = this.#options;
    const owned = await parts.in(month);
    if (owned.size === 0) return [];
    const beside = await besideReceipts(store, month);
    const found: OwnerShare[] = [];
    for (const { id, product, price, role } of agreements.list()) {
      const owners = role === "provider" ? owned.get(product) : undefined;
      if (owners === undefined) continue;
      const known = await store.get<OwnerShare>(shareKind, shareId(month, id));
      const { before, last } = await receiptsUntil(store, id, month);
      const usage = BigInt((last ?? before)?.amountMicro ?? 0) - BigInt(before?.amountMicro ?? 0);
      const revenue = usage + (beside.get(id) ?? 0n);
      if (revenue === 0n && known === undefined) continue;
      found.push({
        ...{ month, agreement: id, product, currency: price.currency },
        revenue: String(revenue),
        parts: owners.map((one) => ({ ...one, micro: String(partOf(revenue, one)) })),
        entries: known?.entries ?? [],
      });
    }
    return found;
  }

  /** Posts what is not posted yet of a month that is over; OWNERS_INVALID where it is not. */
  book(month: string): Promise<OwnerShare[]> {
    return this.#turns.take("", async () => {
      const { clock, ledger } = this.#options;
      if (month >= monthOf(clock.now())) {
        throw new ComityError("OWNERS_INVALID", {
          of: `what ${month} earned`,
          problem: "it is not over",
        });
      }
      const at = new Date(clock.now()).toISOString();
      const shares = await this.month(month);
      const booked = shares.map((share) => withEntries(share, at));
      const writes: Write[] = [];
      const entries: Entry[] = [];
      for (const [i, share] of booked.entries()) {
        const before = shares[i]?.entries.length ?? 0;
        if (share.entries.length === before) continue;
        entries.push(...entriesOf(share).slice(before));
        const id = shareId(month, share.agreement);
        writes.push({ op: "put", kind: shareKind, id, doc: share });
      }
      if (writes.length > 0) await ledger.post(entries, writes);
      return booked;
    });
  }

  /** What each owner is owed and not paid, in micro-units, by currency. */
  async due(): Promise<{ owner: string; currency: string; micro: bigint }[]> {
    const owners = new Map<string, Set<string>>();
    for await (const { doc } of rowsOf<OwnerShare>(this.#options.store, shareKind)) {
      for (const { owner } of doc.entries) {
        owners.set(owner, (owners.get(owner) ?? new Set()).add(doc.currency));
      }
    }
    const dues = [...owners].flatMap(([owner, currencies]) =>
      [...currencies].map(async (currency) => {
        return { owner, currency, micro: await this.#dueTo(owner, currency) };
      }),
    );
    return (await Promise.all(dues)).toSorted((a, b) => (a.owner < b.owner ? -1 : 1));
  }

  /** It was paid outside; OWNERS_INVALID where less is owed. */
  pay(payment: Omit<OwnerPayment, "at">): Promise<void> {
    return this.#turns.take("", async () => {
      const { owner, currency, micro } = payment;
      const due = await this.#dueTo(owner, currency);
      if (BigInt(micro) <= 0n || BigInt(micro) > due) {
        const problem = `${formatAmount(due)} ${currency} is owed to ${owner}`;
        throw new ComityError("OWNERS_INVALID", { of: currency, problem });
      }
      const at = new Date(this.#options.clock.now()).toISOString();
      const doc: OwnerPayment = { ...payment, at };
      const write: Write = { op: "add", kind: paymentKind, id: payment.id, doc };
      await this.#options.ledger.post([paymentEntry(doc)], [write]);
    });
  }

  async #dueTo(owner: string, currency: string): Promise<bigint> {
    const id = partySumId(currency, owner);
    const sum = await this.#options.store.get<RunningSum>("balance", id);
    const owed = sum && new Map(linesIn(sum)).get("owners");
    return -(owed ?? 0n);
  }
}

/** Charges that were accepted and credits that were taken, by agreement; micro-units. */
async function besideReceipts(store: Store, month: string): Promise<Map<string, bigint>> {
  const sums = new Map<string, bigint>();
  for (const kind of ["charge", "credit"]) {
    const prefix = `/${kind}/${month}-`;
    for await (const { doc } of rowsOf<Posting>(store, "posting", prefix)) {
      for (const { account, micro } of doc.lines) {
        if (account !== "revenue" || doc.agreement === undefined) continue;
        sums.set(doc.agreement, (sums.get(doc.agreement) ?? 0n) - BigInt(micro));
      }
    }
  }
  return sums;
}

/** What stands in the ledger of it, by owner; micro-units. */
export function bookedOf({ entries }: Pick<OwnerShare, "entries">): Map<string, bigint> {
  const booked = new Map<string, bigint>();
  for (const { owner, micro } of entries) {
    booked.set(owner, (booked.get(owner) ?? 0n) + BigInt(micro));
  }
  return booked;
}

/** With what is missing of each part, or was too much. */
function withEntries(share: OwnerShare, at: string): OwnerShare {
  const owed = new Map(share.parts.map(({ id, micro }) => [id, BigInt(micro)]));
  for (const [owner, micro] of bookedOf(share)) owed.set(owner, (owed.get(owner) ?? 0n) - micro);
  const added = [...owed].filter(([, micro]) => micro !== 0n);
  const entries = added.map(([owner, micro]) => ({ at, owner, micro: String(micro) }));
  return { ...share, entries: [...share.entries, ...entries] };
}

function entriesOf({ month, agreement, currency, entries }: OwnerShare): Entry[] {
  return entries.map(({ at, owner, micro }, i): Entry => ({
    ...{ v: 1, at, month, agreement, currency, party: owner },
    source: { kind: "share", id: `${month}-${i + 1}/${agreement}` },
    lines: [
      { account: "shared", micro },
      { account: "owners", micro: String(-BigInt(micro)) },
    ],
  }));
}

function paymentEntry({ id, at, owner, currency, micro }: OwnerPayment): Entry {
  return {
    ...{ v: 1, at, month: at.slice(0, 7), currency, party: owner },
    source: { kind: "share-payment", id },
    lines: [
      { account: "owners", micro },
      { account: "paid", micro: String(-BigInt(micro)) },
    ],
  };
}

/** Every entry about owners, for the audit. */
export async function* ownerEntries(store: Store): AsyncGenerator<Entry> {
  for await (const { doc } of rowsOf<OwnerShare>(store, shareKind)) yield* entriesOf(doc);
  for await (const { doc } of rowsOf<OwnerPayment>(store, paymentKind)) yield paymentEntry(doc);
}

/** Shares that are not the parts of what their month came to. */
export async function* ownerFindings(store: Store): AsyncGenerator<AuditFinding> {
  for await (const { id, doc } of rowsOf<OwnerShare>(store, shareKind)) {
    const posted = bookedOf(doc);
    for (const part of doc.parts) {
      const should = partOf(BigInt(doc.revenue), part);
      const is = posted.get(part.id) ?? 0n;
      posted.delete(part.id);
      if (is === should) continue;
      yield { what: `share ${id}`, problem: `${part.id} has ${is} micro-units, not ${should}` };
    }
    for (const [owner, is] of posted) {
      if (is !== 0n) yield { what: `share ${id}`, problem: `${owner} has ${is}, and no part` };
    }
  }
}

function shareId(month: string, agreement: string): string {
  return `${month}/${agreement}`;
}
