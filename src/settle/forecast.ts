import { dayMs } from "../kernel/clock.ts";

/** What was spent by then, in integer micro-units, over the agreement's or the month's life. */
export interface SpentBy {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly micro: bigint;
}

/** What a month will have cost at its end; integer micro-units. */
export interface Forecast {
  readonly expected: bigint;
  /** If the rest of it were as the least of the recent days, and as the greatest. */
  readonly least: bigint;
  readonly most: bigint;
}

/** Days that are looked back on. */
export const recentDays = 7;

/**
 * What was spent in the month so far, and for what is left of it the mean rate of the recent days;
 * the range is what the least and the greatest of these days would make. `recent` holds sums by
 * moments about a day apart, the oldest first, the last of them now; a node that has seen less than
 * a day goes by what it has seen. `spent`: in the month so far.
 */
export function forecastOf(
  spent: bigint,
  recent: readonly SpentBy[],
  month: { readonly now: number; readonly ends: number },
): Forecast {
  const left = BigInt(Math.max(0, month.ends - month.now));
  const rates = recent.slice(1).map((by, i) => rateOf(recent[i]!, by));
  const first = recent[0];
  const last = recent.at(-1);
  if (first === undefined || last === undefined || rates.length === 0) {
    return { expected: spent, least: spent, most: spent };
  }
  const at = (perDay: bigint): bigint => spent + (perDay * left) / BigInt(dayMs);
  const byRate = rates.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    expected: at(rateOf(first, last)),
    least: at(byRate[0]!),
    most: at(byRate.at(-1)!),
  };
}

/** Micro-units a day. */
function rateOf(from: SpentBy, to: SpentBy): bigint {
  const ms = BigInt(Math.max(1, to.at - from.at));
  const micro = to.micro - from.micro;
  return ((micro < 0n ? 0n : micro) * BigInt(dayMs)) / ms;
}
