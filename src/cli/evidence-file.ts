import type { Command } from "commander";
import { type CliIo, globals } from "./context.ts";
import { printJson, printLine } from "./output.ts";
import { writeText } from "./write-text.ts";

interface Written {
  /** Absent: it is printed. */
  readonly out: string | undefined;
  /** What to say instead of how it is checked. */
  readonly told?: string | undefined;
}

/** Writes a file of evidence, and says how anybody checks it. */
export function writeEvidence(
  io: CliIo,
  command: Command,
  evidence: unknown,
  { out, told }: Written,
): void {
  if (out === undefined) return printJson(io, evidence);
  writeText(out, `${JSON.stringify(evidence, null, 2)}\n`);
  if (globals(command).json === true) return printJson(io, { file: out });
  printLine(io, `${out}: ${told ?? `check it anywhere with comity verify ${out}`}`);
}
