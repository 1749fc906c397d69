import { monthOf, type Clock } from "../kernel/clock.ts";
import { usageMicro } from "../kernel/price.ts";
import { parseAmount } from "../kernel/amount.ts";
import type { MonthlyCeiling } from "../market/grant.ts";

/**
 * How many messages, counted over the agreement's life, may be handed over until the month ends:
 * so many that all of them, acknowledged, cost no more than the ceiling.
 */
export class MonthlyAllowance {
  readonly #terms: MonthlyCeiling;
  readonly #clock: Clock;
  #month = "";
  #messagesMax = 0;

  constructor(terms: MonthlyCeiling, clock: Clock) {
    this.#terms = terms;
    this.#clock = clock;
  }

  /** A month begins once: a clock set back opens no old one. */
  get isOver(): boolean {
    return monthOf(this.#clock.now()) > this.#month;
  }

  allows(messages: number): boolean {
    return !this.isOver && messages <= this.#messagesMax;
  }

  /** `before`: what had been acknowledged when a month began. */
  async begin(before: (month: string) => Promise<number>): Promise<void> {
    const month = monthOf(this.#clock.now());
    this.#messagesMax = messagesWithin(this.#terms, await before(month));
    this.#month = month;
  }

  /** Milliseconds until the next month, UTC. */
  get leftMs(): number {
    const now = this.#clock.now();
    const at = new Date(now);
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1) - now;
  }
}

/** The greatest count n with amount(n) − amount(before) ≤ ceiling; amounts are rounded down. */
export function messagesWithin({ price, ceilingMicro }: MonthlyCeiling, before: number): number {
  const each = parseAmount(price.amount) ?? 0n;
  if (each === 0n) return Number.MAX_SAFE_INTEGER;
  const most = usageMicro(price, { messages: before, bytes: 0 }) + ceilingMicro + 1n;
  const messages = (most * BigInt(price.perMessages) - 1n) / each;
  return Math.min(Number.MAX_SAFE_INTEGER, Number(messages));
}
