import { Command } from "commander";
import type { NewWant } from "../client/resources.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { classFrom } from "./tariffs.ts";

interface WantFlags {
  readonly sector?: string;
  readonly unit?: string;
  readonly near?: string;
  readonly maxPrice?: string;
  readonly free?: boolean;
  readonly budget?: string;
  readonly as?: string;
  readonly auto?: boolean;
}

/** `want add`, `want list`, `want remove`. */
export function wantCommand(io: CliIo): Command {
  const want = new Command("want").description("what you look for until somebody offers it");
  want
    .command("add [words...]")
    .description("look for it from now on")
    .option("--sector <word>", "of that sector")
    .option("--unit <code>", "measured in that unit (UCUM)")
    .option("--near <lat,lon,km>", "from within that distance")
    .option("--max-price <price>", 'at most so much a message, such as "0.01 EUR"')
    .option("--free", "free of charge")
    .option("--as <class>", "state to be one of that class: sme, research or public")
    .option("--auto", "agree to the first that fits, within the budget")
    .option("--budget <amount>", 'what that agreement may cost over its life, such as "20 EUR"')
    .action(async (words: string[], flags: WantFlags, command: Command) => {
      const made = await connect(io, command).addWant(wantFrom(words, flags));
      if (globals(command).json === true) return printJson(io, made);
      const now =
        made.matches.length === 0
          ? "Nothing fits yet."
          : `See what fits: ${typed(command, "want list")}`;
      printLine(io, `It is looked for as ${made.id}. ${now}`);
    });
  want
    .command("list")
    .description("what you look for, and what fitted")
    .action(async (_options: unknown, command: Command) => {
      const wants = await connect(io, command).wants();
      if (globals(command).json === true) return printJson(io, wants);
      const rows = wants.flatMap(({ id, query, matches }) => {
        const text = query.text ?? "";
        if (matches.length === 0) return [[id, text, "", "", ""]];
        return matches.map((one) => [id, text, one.offer, one.state, one.problem ?? ""]);
      });
      const none = `Nothing is looked for. Begin with: ${typed(command, "want add WORDS")}`;
      printTable(io, ["WANT", "WORDS", "OFFER", "", ""], rows, none);
    });
  want
    .command("remove <id>")
    .description("look for it no more; agreements that were made stand")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).removeWant(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is looked for no more.`);
    });
  return want;
}

function wantFrom(words: readonly string[], flags: WantFlags): NewWant {
  const { sector, unit, near, maxPrice: priceMax, free, auto, budget } = flags;
  const [, amount, currency = ""] = /^(\S+) ?([A-Z]{3})$/.exec(budget ?? "") ?? [];
  if (budget !== undefined && amount === undefined) {
    throw invalid(`--budget "${budget}" is not an amount and a currency such as "20 EUR"`);
  }
  return {
    ...(words.length > 0 && { q: words.join(" ") }),
    ...(sector !== undefined && { sector }),
    ...(unit !== undefined && { unit }),
    ...(near !== undefined && { near }),
    ...(priceMax !== undefined && { priceMax }),
    ...(free !== undefined && { free }),
    ...(flags.as !== undefined && { as: classFrom("--as", flags.as) }),
    ...(auto !== undefined && { auto }),
    ...(amount !== undefined && { spendMax: { amount, currency } }),
  };
}
