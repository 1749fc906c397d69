/** ANSI colours, or none. */
export interface Paint {
  (text: string, colour: "bold" | "dim" | "green" | "red" | "yellow" | "cyan" | "inverse"): string;
}

const codes = { bold: 1, dim: 2, green: 32, red: 31, yellow: 33, cyan: 36, inverse: 7 } as const;

export const coloured: Paint = (text, colour) => `\u001B[${codes[colour]}m${text}\u001B[0m`;
export const plain: Paint = (text) => text;

/** Colours only on a terminal that wants them (https://no-color.org). */
export function paintFor(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return isTerminal && !refused ? coloured : plain;
}

// eslint-disable-next-line no-control-regex
const ansi = /\u001B\[\d+m/g;

/** Columns a text takes, colours left out. */
export function widthOf(text: string): number {
  return Array.from(text.replace(ansi, "")).length;
}

/** Cut to the width with an ellipsis; only for text without colours. */
export function clip(text: string, width: number): string {
  const chars = Array.from(text);
  return chars.length <= width ? text : `${chars.slice(0, Math.max(0, width - 1)).join("")}…`;
}

export function left(text: string, width: number): string {
  const clipped = clip(text, width);
  return clipped + " ".repeat(width - widthOf(clipped));
}

export function right(text: string, width: number): string {
  const clipped = clip(text, width);
  return " ".repeat(width - widthOf(clipped)) + clipped;
}
