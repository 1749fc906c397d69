import { Command } from "commander";
import type { SpendingLimitResource } from "../client/spending.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

interface SetOptions {
  readonly agreement?: string;
  readonly per?: string;
}

/** `budget`: limits that the organisation sets itself. */
export function budgetCommand(io: CliIo): Command {
  const budget = new Command("budget").description("limits on what is spent");
  budget
    .command("list", { isDefault: true })
    .description("every limit, and what is spent of it")
    .action(async (_options: unknown, command: Command) => {
      const node = connect(io, command);
      const limits = await node.spending.list();
      if (globals(command).json === true) return printJson(io, limits);
      const titles = new Map((await node.agreements()).map(({ id, title }) => [id, title]));
      const rows = limits.map((limit) => {
        const { agreement, amount, currency, spent, percent, resting } = limit;
        const rests = resting.map((id) => titles.get(id) ?? id).join(", ");
        const whose = agreement === undefined ? "all together" : titles.get(agreement);
        return [
          whose ?? "",
          `${amount} ${currency} ${spanOf(limit)}`,
          spent,
          `${percent} %`,
          rests,
        ];
      });
      const none = "No limits. Set one: comity budget set '20 EUR'";
      printTable(io, ["FOR", "LIMIT", "SPENT", "", "RESTS"], rows, none);
    });
  budget
    .command("set <amount>")
    .description('such as "20 EUR": in a month, for all agreements together')
    .option("--agreement <id>", "for one agreement alone")
    .option("--per <span>", "month, or life: as long as the agreement lasts", "month")
    .action(async (text: string, { agreement, per }: SetOptions, command: Command) => {
      const [, amount, currency = ""] = /^(\d[\d.]*) ?([A-Z]{3})$/.exec(text) ?? [];
      if (amount === undefined) throw invalid(`"${text}" is no amount such as "20 EUR"`);
      if (per !== "month" && per !== "life") throw invalid(`--per "${per}" is not month or life`);
      const of = { ...(agreement !== undefined && { agreement }), currency };
      const limit = await connect(io, command).spending.set({ ...of, amount, per });
      if (globals(command).json === true) return printJson(io, limit);
      const { spent, percent } = limit;
      const left = `${spent} ${currency} are spent of it (${percent} %)`;
      printLine(io, `At most ${limit.amount} ${currency} ${spanOf(limit)}; ${left}.`);
    });
  budget
    .command("clear <of>")
    .description("take one away: of a currency (EUR), or of an agreement by its id")
    .action(async (of: string, _options: unknown, command: Command) => {
      const isCurrency = /^[A-Z]{3}$/.test(of);
      await connect(io, command).spending.clear(isCurrency ? { currency: of } : { agreement: of });
      if (globals(command).json === true) return printJson(io, { cleared: of });
      printLine(io, `No limit for ${of} any more.`);
    });
  return budget;
}

function spanOf({ per }: SpendingLimitResource): string {
  return per === "month" ? "a month" : "over its life";
}
