import type { DataSheetResource, MeasuredResource } from "../client/data-sheet.ts";
import type { TradeSecretsResource } from "../client/attestation.ts";
import type { OfferResource, ProductResource } from "../client/resources.ts";
import { describePrice } from "../kernel/price-text.ts";
import { allOfClass } from "../kernel/recipient-class.ts";
import type { CliIo } from "./context.ts";
import { printLine } from "./output.ts";

/** The data sheet line by line; nothing where there is none. */
export function printDataSheet(
  io: CliIo,
  sheet: DataSheetResource = {},
  { cost, tradeSecrets }: Pick<OfferResource, "cost" | "tradeSecrets"> = {},
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
    ["cost", cost && `${describePrice(cost)}, for making it available`],
    ["secrets", secretsOf(sheet.tradeSecrets, tradeSecrets)],
    ["contact", sheet.contact],
  ];
  for (const [name, text] of rows) {
    if (text !== undefined) printLine(io, `  ${name.padEnd(8)}  ${text}`);
  }
}

/** What each class pays, by its own word. */
export function printTariffs(io: CliIo, tariffs: ProductResource["tariffs"] = []): void {
  for (const { class: name, price } of tariffs) {
    printLine(io, `  tariff    ${describePrice(price)} as ${name}, for ${allOfClass(name)}`);
  }
}

/** The other offers of the same product, and how they are had. */
export function printVariants(io: CliIo, { variants = [], offer }: OfferResource): void {
  for (const { recipientClass, measures, price } of variants) {
    const flags = [
      ...(recipientClass === undefined ? [] : [`--as ${recipientClass}`]),
      ...(measures === undefined ? [] : [`--measures ${measures.join(",")}`]),
    ].join(" ");
    const what = measures === undefined ? "" : ", with the trade secrets";
    const line = `${describePrice(price)}${what}: comity agree ${offer} ${flags}`;
    printLine(io, `  also      ${line}`);
  }
}

function secretsOf(
  isTold: boolean | undefined,
  named: TradeSecretsResource | undefined,
): string | undefined {
  if (named) {
    const { fields, measures } = named;
    return `${fields.join(", ")}: let out under the measures ${measures.join(", ")}`;
  }
  if (isTold === undefined) return undefined;
  return isTold ? "there are trade secrets among them" : "no trade secrets";
}

function number(value: number): string {
  return value.toLocaleString("en");
}
