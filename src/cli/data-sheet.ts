import type { DataSheetResource, MeasuredResource } from "../client/data-sheet.ts";
import type { CliIo } from "./context.ts";
import { printLine } from "./output.ts";

/** The data sheet line by line; nothing where there is none. */
export function printDataSheet(
  io: CliIo,
  sheet: DataSheetResource = {},
  measured?: MeasuredResource,
): void {
  const { kind, format, messagesPerDay, bytesPerDay, retentionDays } = sheet;
  const volume = [
    ...(messagesPerDay === undefined ? [] : [`about ${number(messagesPerDay)} messages a day`]),
    ...(bytesPerDay === undefined ? [] : [`about ${number(bytesPerDay)} bytes a day`]),
  ];
  const rows: [string, string | undefined][] = [
    ["data", kind],
    ["format", format],
    ["volume", volume.length === 0 ? undefined : volume.join(", ")],
    [
      "logged",
      measured && `${number(measured.messages)} messages, ${number(measured.bytes)} bytes`,
    ],
    ["kept", retentionDays === undefined ? undefined : `${number(retentionDays)} days`],
    ["access", sheet.access],
    ["secrets", secretsOf(sheet.tradeSecrets)],
    ["contact", sheet.contact],
  ];
  for (const [name, text] of rows) {
    if (text !== undefined) printLine(io, `  ${name.padEnd(8)}  ${text}`);
  }
}

function secretsOf(tradeSecrets: boolean | undefined): string | undefined {
  if (tradeSecrets === undefined) return undefined;
  return tradeSecrets ? "there are trade secrets among them" : "no trade secrets";
}

function number(value: number): string {
  return value.toLocaleString("en");
}
