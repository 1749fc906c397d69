import { type Clock, monthBefore, monthOf } from "../kernel/clock.ts";

const lateMonths = 3;

/** Months that are over and looked at again: something of them may be signed only now. */
export function monthsStillOpen(clock: Clock): string[] {
  const months: string[] = [];
  for (let month = monthOf(clock.now()); months.length < lateMonths;) {
    month = monthBefore(month);
    months.push(month);
  }
  return months;
}
