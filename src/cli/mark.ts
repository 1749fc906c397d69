import type { MarkResource } from "../client/commissions.ts";
import { describeMark } from "../kernel/mark.ts";
import type { CliIo } from "./context.ts";
import { printLine } from "./output.ts";

/** `Mark: transport 2.1.0: 360 of 360 messages conform since …`, and whose word that is. */
export function printMark(io: CliIo, mark: MarkResource | undefined, indent = ""): void {
  if (mark === undefined) return;
  const whose = mark.recognised === true ? mark.issuer : `${mark.issuer}, not recognised here`;
  const verdict = mark.state === "departing" ? " It departs too often to count." : "";
  printLine(io, `${indent}Mark: ${describeMark(mark)}.${verdict}`);
  printLine(io, `${indent}  by ${whose}`);
}

/** For a table: the mark where it counts here. */
export function markText(mark: MarkResource | undefined): readonly string[] {
  if (mark?.recognised !== true) return [];
  const { sector, version, state } = mark;
  return [state === "conforming" ? `${sector} ${version}` : `${sector} ${version}: ${state}`];
}
