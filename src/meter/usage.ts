/**
 * The meter: what was delivered under each agreement becomes usage, and usage becomes receipts.
 *
 * In come acknowledged checkpoints from the provider's links (`Meter`, here), and on the
 * consumer the checkpoints its own links commit (`consumer-counts.ts`). Out go usage rows, one
 * for what each commit found acknowledged, and from them receipts: bodies the provider builds
 * and signs (`receipts-provider.ts`) and the consumer compares with its own counts and co-signs
 * (`receipts-consumer.ts`). What a receipt is and what makes one wrong is in `receipt.ts`.
 *
 * The meter never sees a payload or a topic, never bills a position twice, and never bills what
 * the other side has not acknowledged.
 */
import type { Clock } from "../kernel/clock.ts";
import { dayMs, monthOf } from "../kernel/clock.ts";
import { neverCrash } from "../kernel/crash.ts";
import type { Crash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { noUsage } from "../ports/usage.ts";
import type { Checkpoint, HandedOver, Refusal, UsagePort } from "../ports/usage.ts";
import { lastUsageRows, monthOfRows, usageRowWrite } from "./usage-rows.ts";
import type { UsageRow } from "./usage-rows.ts";
import { loadTallies, Tallies } from "./tally.ts";
import type { Tally } from "./tally.ts";

export interface MeterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly crash?: Crash;
  /** How often refusals and one-sided counts are written down. */
  readonly flushMs?: number;
}

/** What one MQTT packet can carry (MQTT 5.0 §1.5.5): no message has more bytes to claim. */
const payloadBytesMax = 268_435_455;

/** What clocks are corrected by; where it is more, the month before was a clock's fault. */
const setBackMaxMs = dayMs;

/** Acknowledged in one month and one epoch, not yet in the store. */
interface Pending {
  readonly month: string;
  readonly at: number;
  readonly checkpoint: Checkpoint;
}

interface Account {
  /** The last row in the store. */
  row: UsageRow | undefined;
  /** What the next commit takes. */
  waiting: Pending[];
  /** Nobody signs for it: what one month and epoch adds up to is one row. */
  unsigned: boolean;
  /** The furthest claim that was taken, durable or not. */
  newest: Checkpoint;
  /** The commit under way, and the one that follows it. */
  writing: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

export class Meter implements UsagePort {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #crash: Crash;
  readonly #accounts = new Map<string, Account>();
  readonly #listeners = new Set<(agreement: string) => void>();
  readonly #tallies: Tallies;

  private constructor(
    options: MeterOptions,
    rows: ReadonlyMap<string, UsageRow>,
    tallies: Tallies,
  ) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#crash = options.crash ?? neverCrash;
    this.#tallies = tallies;
    for (const [agreement, row] of rows) this.#accounts.set(agreement, newAccount(row));
  }

  static async open(options: MeterOptions): Promise<Meter> {
    const rows = await lastUsageRows(options.store);
    const known = await loadTallies(options.store);
    const tallies = new Tallies(options.store, known, options.flushMs ?? 5000);
    return new Meter(options, rows, tallies);
  }

  /** Agreements under which something was acknowledged. */
  agreements(): string[] {
    return [...this.#accounts].filter(([, account]) => account.row).map(([agreement]) => agreement);
  }

  /** Durably acknowledged; what is still being written does not count yet. */
  acknowledged(agreement: string): Checkpoint {
    return checkpointOf(this.#accounts.get(agreement)?.row);
  }

  /** The running number of the last usage row, 0 before the first. */
  lastRow(agreement: string): number {
    return this.#accounts.get(agreement)?.row?.seq ?? 0;
  }

  /** Resolves when it is durable. What is not beyond the furthest claim changes nothing. */
  async acknowledge(agreement: string, checkpoint: Checkpoint, unsigned = false): Promise<void> {
    requireCounts(checkpoint);
    const account = this.#account(agreement);
    account.unsigned ||= unsigned;
    if (isBeyond(checkpoint, account.newest)) this.#enqueue(account, checkpoint);
    if (account.waiting.length === 0) return account.writing;
    // Everything acknowledged while a commit is under way becomes one row of the next.
    account.next ??= settled(account.writing).then(() => {
      account.writing = account.next;
      account.next = undefined;
      return this.#write(agreement, account);
    });
    return account.next;
  }

  async acknowledgedBefore(agreement: string, month: string): Promise<number> {
    const { before } = await monthOfRows(this.#store, agreement, month);
    return before?.totalMessages ?? 0;
  }

  handedOver(agreement: string): HandedOver {
    return this.#tallies.handedOver(agreement);
  }

  refused(agreement: string, reason: Refusal, messages: number): void {
    this.#tallies.refused(agreement, reason, messages);
  }

  /** One-sided counts and refusals of one agreement. */
  tally(agreement: string): Tally {
    return this.#tallies.of(agreement);
  }

  /** Refusals of the whole node, by reason. */
  refusals(): Record<string, number> {
    return this.#tallies.refusals();
  }

  /** Called after usage became durable. Returns the function that stops listening. */
  listen(listener: (agreement: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    const accounts = [...this.#accounts.values()];
    await Promise.all(accounts.map((account) => settled(account.next ?? account.writing)));
    await this.#tallies.close();
  }

  #account(agreement: string): Account {
    let account = this.#accounts.get(agreement);
    if (account === undefined) {
      account = newAccount(undefined);
      this.#accounts.set(agreement, account);
    }
    return account;
  }

  #enqueue(account: Account, checkpoint: Checkpoint): void {
    const at = this.#clock.now();
    const newest = account.waiting.at(-1);
    const before = newest?.month ?? account.row?.month ?? "";
    const now = monthOf(at);
    // A clock set back a little opens no old month; one that was wrong by more binds nobody.
    const month = now < before && monthOf(at + setBackMaxMs) >= before ? before : now;
    if (newest?.month === month && newest.checkpoint.epoch === checkpoint.epoch) {
      account.waiting.pop();
    }
    account.waiting.push({ month, at, checkpoint });
    account.newest = checkpoint;
  }

  async #write(agreement: string, account: Account): Promise<void> {
    const batch = account.waiting.splice(0);
    const rows: UsageRow[] = [];
    for (const pending of batch) {
      const last = rows.at(-1) ?? account.row;
      const row = nextRow(last, pending);
      rows.push(account.unsigned ? joined(last, row) : row);
    }
    const stored = account.row?.seq ?? 0;
    const writes = rows.map((row) =>
      usageRowWrite(row.seq > stored ? "add" : "put", agreement, row),
    );
    try {
      await this.#store.commit(writes);
    } catch (problem) {
      // The claim may be made again; what waits is cumulative and covers this batch as well.
      account.newest = account.waiting.at(-1)?.checkpoint ?? checkpointOf(account.row);
      throw problem;
    } finally {
      account.writing = undefined;
    }
    this.#crash("usage.committed");
    account.row = rows.at(-1) ?? account.row;
    for (const listener of this.#listeners) listener(agreement);
  }
}

function newAccount(row: UsageRow | undefined): Account {
  const newest = checkpointOf(row);
  return { row, waiting: [], unsigned: false, newest, writing: undefined, next: undefined };
}

function settled(promise: Promise<void> | undefined): Promise<void> {
  return promise === undefined ? Promise.resolve() : promise.catch(() => {});
}

function checkpointOf(row: UsageRow | undefined): Checkpoint {
  if (row === undefined) return noUsage;
  const { epoch, to, totalMessages, totalBytes } = row;
  return { epoch, position: to, messages: totalMessages, payloadBytes: totalBytes };
}

/** In every count; a mixed claim is no later checkpoint of the same stream. */
function isBeyond(claim: Checkpoint, known: Checkpoint): boolean {
  const messages = claim.messages - known.messages;
  const bytes = claim.payloadBytes - known.payloadBytes;
  if (messages < 0 || bytes < 0 || bytes > messages * payloadBytesMax) return false;
  // In another epoch positions cannot be compared, so that only messages tell.
  if (claim.epoch !== known.epoch) return messages > 0 && claim.position > 0;
  const positions = claim.position - known.position;
  return positions > 0 && messages <= positions;
}

function requireCounts(checkpoint: Checkpoint): void {
  const { position, messages, payloadBytes } = checkpoint;
  if ([position, messages, payloadBytes].every((n) => Number.isSafeInteger(n) && n >= 0)) return;
  throw new ComityError("BODY_INVALID", {
    problem: "a checkpoint's position, messages and bytes are whole numbers ≥ 0",
  });
}

/** The row with what the one before it counted, where both are of one month and epoch. */
function joined(last: UsageRow | undefined, row: UsageRow): UsageRow {
  if (last?.month !== row.month || last.epoch !== row.epoch) return row;
  const messages = last.messages + row.messages;
  return { ...row, seq: last.seq, from: last.from, messages, bytes: last.bytes + row.bytes };
}

function nextRow(last: UsageRow | undefined, pending: Pending): UsageRow {
  const { epoch, position, messages, payloadBytes } = pending.checkpoint;
  return {
    seq: (last?.seq ?? 0) + 1,
    epoch,
    from: last?.epoch === epoch ? last.to : 0,
    to: position,
    messages: messages - (last?.totalMessages ?? 0),
    bytes: payloadBytes - (last?.totalBytes ?? 0),
    totalMessages: messages,
    totalBytes: payloadBytes,
    at: pending.at,
    month: pending.month,
  };
}
