import type { Frame } from "./frame.ts";
import { amountShort, duration, figure } from "./render.ts";

/** One line about all of it. */
export function plainLine(frame: Frame): string {
  const up = frame.rows.filter(({ state }) => state === "up");
  const rate = up.reduce((sum, row) => sum + row.rate, 0);
  const messages = frame.rows.reduce((sum, row) => sum + row.messages, 0);
  const running = frame.nodes.filter((node) => node.running).length;
  const sums = frame.totals.map(({ amount, currency }) => `${amountShort(amount, 9)} ${currency}`);
  return [
    duration(frame.seconds),
    `${running}/${frame.nodes.length} nodes`,
    `${up.length}/${frame.rows.length} streams`,
    `${figure(rate)} msg/s`,
    `${messages.toLocaleString("en")} messages`,
    sums.join(", "),
  ].join("  ");
}

/** Every stream with its effect; printed at the end, and in between one at a time. */
export function effectLines(frame: Frame): string[] {
  return frame.rows.map(({ stream, from, to, messages, amount, currency, sentence, value, unit }) =>
    [
      `${stream} (${from} → ${to}):`,
      `${messages.toLocaleString("en")} messages, ${amount} ${currency}.`,
      `${sentence} ${figure(value)} ${unit}.`,
    ].join(" "),
  );
}
