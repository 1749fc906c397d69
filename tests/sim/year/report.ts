import { formatAmount } from "../../../src/kernel/amount.ts";
import { ways } from "./dishonest.ts";
import type { YearOptions, YearResult } from "./year.ts";

export type Size = Pick<YearOptions, "participants" | "dealsEach" | "daysPerMonth">;

export const whole: Size = { participants: 50, dealsEach: 4, daysPerMonth: 28 };
/** Everything of the whole, among fewer and on fewer days. */
export const short: Size = { participants: 12, dealsEach: 3, daysPerMonth: 3 };

const problemsMax = 50;

/** For people; the last line is the result in one. */
export function summaryOf(result: YearResult): string[] {
  const { problems, losses, participants, receipts } = result;
  const did = Object.entries(result.did).map(([what, count]) => `${count} ${what}`);
  const lines = [did.join(", "), "", "what the dishonest tried, and what came of it:"];
  for (const { name } of ways) {
    const row = result.ways.find(({ way }) => way === name);
    const answers = [...(row?.answers ?? [])].map(([answer, count]) => `${count} × ${answer}`);
    const most = [...(row?.most ?? [])].map(([currency, micro]) => {
      return `${formatAmount(micro)} ${currency}`;
    });
    lines.push(`  ${name}`, ...answers.map((answer) => `    ${answer}`));
    if (most.length > 0) lines.push(`    unsigned at a month's end at most: ${most.join(", ")}`);
  }
  lines.push("", "what honest sellers lost to who did not sign in the end:");
  for (const { deal, micro, mostMicro } of losses) {
    const { currency } = deal.price;
    const bound = `${formatAmount(mostMicro)} ${currency}`;
    const who = `${deal.seller.name} to ${deal.buyer.name}`;
    if (micro > 0n) lines.push(`  ${who}: ${formatAmount(micro)} of at most ${bound}`);
  }
  if (problems.length > 0) {
    lines.push("", ...problems.slice(0, problemsMax));
    lines.push(`books do not balance: ${problems.length} problems`);
    return lines;
  }
  const counted = `${participants} participants, ${receipts} receipts`;
  lines.push(`books balanced: ${counted}, lost at most ${mostOf(result)}`);
  return lines;
}

/** The greatest loss to one buyer, by currency. */
function mostOf({ losses }: YearResult): string {
  const most = new Map<string, bigint>();
  for (const { deal, micro } of losses) {
    const { currency } = deal.price;
    if (micro > (most.get(currency) ?? 0n)) most.set(currency, micro);
  }
  const texts = [...most].map(([currency, micro]) => `${formatAmount(micro)} ${currency}`);
  return texts.length === 0 ? "nothing" : texts.toSorted().join(", ");
}
