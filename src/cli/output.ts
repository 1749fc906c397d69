import { ComityError, problemOf } from "../kernel/errors.ts";
import { printable } from "../kernel/printable.ts";
import type { CliIo } from "./context.ts";

/** What failed, and what to do. */
export function printError(io: CliIo, thrown: unknown, json: boolean): void {
  const known = thrown instanceof ComityError;
  const code = known ? thrown.code : "INTERNAL";
  const message = problemOf(thrown);
  const remedy = known ? thrown.remedy : "This is a mistake in comity; please report that line.";
  if (json) io.stderr.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
  else io.stderr.write(`comity: ${printable(message)}\n  ${printable(remedy)}\n`);
}

export function printJson(io: CliIo, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line, whatever is in it: much of it is a peer's words. */
export function printLine(io: CliIo, text = ""): void {
  io.stdout.write(`${printable(text)}\n`);
}

export type Cell = string | number;

/** Columns as wide as they need; numbers stand right, texts left; `none` where there is no row. */
export function printTable(
  io: CliIo,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
): void {
  if (rows.length === 0) return printLine(io, none);
  const right = heads.map((_, i) => rows.every((row) => typeof row[i] === "number"));
  const cells = [heads, ...rows.map((row) => row.map(cellText))];
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  for (const row of cells) {
    const line = row.map((cell, i) =>
      right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    );
    printLine(io, line.join("  ").trimEnd());
  }
}

function cellText(cell: Cell): string {
  // a node's or peer's words must not steer the terminal
  return typeof cell === "number" ? cell.toLocaleString("en") : printable(cell);
}
