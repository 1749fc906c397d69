import { Command } from "commander";
import type { AgreementPriceResource } from "../client/prices.ts";
import { describePrice } from "../kernel/price-text.ts";
import { printable } from "../kernel/printable.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { invalid, wholeNumber } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { priceGiven } from "./price.ts";

interface PriceOptions {
  readonly set?: string;
  readonly per?: string;
  readonly from?: string;
  readonly accept?: boolean;
  readonly refuse?: boolean;
}

/** `agreement price`: what it costs and did cost, another price, and the answer to one. */
export function agreementPriceCommand(io: CliIo): Command {
  return new Command("price")
    .description("an agreement's prices; ask for another one, or answer what was asked")
    .argument("<agreement>", "its id")
    .option("--set <price>", 'as provider: ask for another, such as "0.003 EUR" or a YAML file')
    .option("--per <messages>", "how many messages --set is for (default: 1)")
    .option("--from <time>", "when it takes effect, such as 2027-01-01T00:00:00Z")
    .option("--accept", "as consumer: sign the one that waits")
    .option("--refuse", "as consumer: keep the price there is")
    .action(async (id: string, options: PriceOptions, command: Command) => {
      const { prices } = connect(io, command);
      const { set, per = "1", from, accept = false, refuse = false } = options;
      if ([set !== undefined, accept, refuse].filter(Boolean).length > 1) {
        throw invalid("--set, --accept and --refuse each go alone");
      }
      if ((set === undefined) !== (from === undefined)) {
        throw invalid("--set and --from go together: a price takes effect at a stated moment");
      }
      let told: AgreementPriceResource[];
      if (set !== undefined && from !== undefined) {
        told = await prices.offer(id, priceGiven(set, wholeNumber("--per", per)), from);
      } else if (accept || refuse) told = await prices.decide(id, accept);
      else told = await prices.of(id);
      if (globals(command).json === true) return printJson(io, told);
      const rows = told.map(({ number, price, from: since, state, reason }) => {
        const why = reason === undefined ? state : `${state}: ${reason}`;
        return [String(number), describePrice(price), printable(since), printable(why)];
      });
      printTable(io, ["NUMBER", "PRICE", "FROM", "STATE"], rows, "");
      if (told.at(-1)?.state !== "waiting") return;
      printLine(io, `Its consumer answers, on its own node: comity agreement price ${id} --accept`);
    });
}
