import type { Frame, Pressed, Row } from "./frame.ts";
import { clip, left, right, widthOf } from "./paint.ts";
import type { Paint } from "./paint.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: typeof left;
  readonly text: (row: Row) => string;
}

const count = (value: number): string => Math.round(value).toLocaleString("en");

/** `12.3`, `1,234`: as many decimals as fit the size. */
export function figure(value: number): string {
  const decimals = Math.abs(value) >= 100 ? 0 : 1;
  return value.toLocaleString("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** `0:42`, `1:02:03`. */
export function duration(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

function columnsFor(width: number): Column[] {
  const wide = width >= 110;
  const rate = (row: Row): string => (row.state === "up" ? figure(row.rate) : row.state);
  const latency = ({ latencyMs, state }: Row): string =>
    latencyMs === undefined || state !== "up" ? "–" : figure(latencyMs);
  const always: Column[] = [
    { title: "STREAM", width: 16, align: left, text: ({ stream }) => stream },
    { title: "FROM → TO", width: 18, align: left, text: ({ from, to }) => `${from} → ${to}` },
    { title: "MSG/S", width: 5, align: right, text: rate },
    { title: "MS", width: 4, align: right, text: latency },
  ];
  const money: Column = {
    title: "AMOUNT",
    width: wide ? 16 : 10,
    align: right,
    text: ({ amount, currency }) => `${amountShort(amount, wide ? 11 : 6)} ${currency}`,
  };
  const effect = (space: number): Column => ({
    title: "EFFECT",
    width: space,
    align: left,
    text: ({ value, unit }) => `${figure(value)} ${unit}`,
  });
  if (!wide) return [...always, money, effect(width - 58)];
  const more: Column[] = [
    { title: "MESSAGES", width: 10, align: right, text: ({ messages }) => count(messages) },
    {
      title: "AGREEMENT",
      width: 9,
      align: left,
      text: ({ agreement }) => agreement.replace("urn:uuid:", "").slice(0, 8),
    },
  ];
  return [...always, ...more, money, effect(width - 86)];
}

/** Whole units always; of the decimals as many as there is room for. */
export function amountShort(amount: string, width: number): string {
  if (amount.length <= width) return amount;
  const [whole = amount] = amount.split(".");
  return whole.length >= width - 1 ? whole : amount.slice(0, width);
}

/** The frame as lines of at most `columns`; the lines to copy alone may be longer. */
export function render(
  frame: Frame,
  pressed: Pressed,
  size: { readonly columns: number; readonly rows: number },
  paint: Paint,
): string[] {
  const width = Math.max(80, size.columns);
  const lines = [
    headline(frame, width, paint),
    nations(frame, paint),
    "",
    ...table(frame, pressed.chosen, width, paint),
    "",
    ...chosen(frame.rows[pressed.chosen], width, paint),
    totals(frame, width, paint),
    "",
    paint("Watch a stream from outside:", "dim"),
    ...pressed.paste,
    "",
    keys(pressed, paint),
    ...pressed.notice.flatMap((text) => wrap(text, width)),
  ];
  const left = size.rows - heightOf(lines, size.columns) - 2;
  if (left > 0 && frame.ticker.length > 0) {
    lines.push("", ...frame.ticker.slice(0, left).map((one) => tick(one, width, paint)));
  }
  return lines;
}

/** Rows on a screen of that width: a line to copy is wrapped by the terminal itself. */
export function heightOf(lines: readonly string[], columns: number): number {
  let rows = 0;
  for (const line of lines) rows += Math.max(1, Math.ceil(widthOf(line) / columns));
  return rows;
}

function headline(frame: Frame, width: number, paint: Paint): string {
  const name = "Comity: live data between sovereign nodes";
  const where = `${frame.nodes[0]?.url ?? ""}/  ${duration(frame.seconds)}`;
  const space = " ".repeat(Math.max(2, width - widthOf(name) - widthOf(where)));
  return `${paint(name, "bold")}${space}${where}`;
}

function nations(frame: Frame, paint: Paint): string {
  return frame.nodes
    .map(({ name, country, running }) => {
      const dot = running ? paint("●", "green") : paint("○", "red");
      return `${dot} ${name} ${paint(country, "dim")}`;
    })
    .join("   ");
}

function table(frame: Frame, chosen: number, width: number, paint: Paint): string[] {
  const columns = columnsFor(width - 3);
  const header = columns.map(({ title, width, align }) => align(title, width)).join(" ");
  const lines = frame.rows.map((row, index) => {
    const text = columns.map(({ width, align, text }) => align(text(row), width)).join(" ");
    const line = `${index + 1}  ${text}`;
    if (index === chosen) return paint(line, "inverse");
    if (row.state === "up") return line;
    return paint(line, row.state === "down" ? "yellow" : "dim");
  });
  return [paint(`   ${header}`, "dim"), ...lines];
}

function chosen(row: Row | undefined, width: number, paint: Paint): string[] {
  if (!row) return [];
  const id = row.agreement.replace("urn:uuid:", "");
  return [
    paint(clip(row.sentence, width), "cyan"),
    ...(row.told === "" ? [] : [clip(row.told, width)]),
    clip(`agreement ${id}, ${count(row.messages)} messages, ${row.amount} ${row.currency}`, width),
  ];
}

function totals(frame: Frame, width: number, paint: Paint): string {
  const sums = frame.totals.map(({ amount, currency }) => `${amountShort(amount, 9)} ${currency}`);
  return paint(clip(`sellers earned ${sums.join(", ")}`, width), "dim");
}

function keys(pressed: Pressed, paint: Paint): string {
  if (pressed.busy !== undefined) return paint(pressed.busy, "yellow");
  const key = (letter: string, does: string): string => `${paint(letter, "bold")} ${does}`;
  return [
    key("↑↓", "choose"),
    key("r", "revoke"),
    key("l", "cut link"),
    key("k", "kill -9 a node"),
    key("v", "verify bill"),
    key("q", "quit"),
  ].join("   ");
}

function tick({ at, text }: Frame["ticker"][number], width: number, paint: Paint): string {
  const time = new Date(at).toISOString().slice(11, 19);
  return `${paint(time, "dim")} ${clip(text, width - 9)}`;
}

/** Broken at blanks; a word longer than the line stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
