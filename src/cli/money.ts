import { Command } from "commander";
import { monthOf, systemClock } from "../kernel/clock.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { addSignedStatements } from "./signed-statement.ts";
import { writeEvidence } from "./evidence-file.ts";
import { printJson, printTable } from "./output.ts";
import { verifyCommand } from "./verify.ts";

/** `usage`, `statement`, `bill` and `verify`. */
export function moneyCommands(io: CliIo): Command[] {
  return [usageCommand(io), statementCommand(io), billCommand(io), verifyCommand(io)];
}

function usageCommand(io: CliIo): Command {
  return new Command("usage")
    .description("what was counted so far, by agreement")
    .option("--forecast", "what the month comes to, by the rate of the last seven days")
    .action(async ({ forecast }: { forecast?: true }, command: Command) => {
      if (forecast) return printForecasts(io, command);
      const usage = await connect(io, command).usage();
      if (globals(command).json === true) return printJson(io, usage);
      const rows = usage.map((row) => [
        row.agreement,
        row.title,
        row.role === "provider" ? "sold" : "bought",
        row.evidence,
        row.messages,
        row.bytes,
        `${row.amount} ${row.currency}`,
        row.receipted?.messages ?? 0,
        withheldText(row.refused ?? {}),
      ]);
      const heads = "AGREEMENT,PRODUCT,,EVIDENCE,MESSAGES,BYTES,AMOUNT,SIGNED FOR,WITHHELD".split(
        ",",
      );
      printTable(io, heads, rows, "Nothing was delivered yet.");
    });
}

async function printForecasts(io: CliIo, command: Command): Promise<void> {
  const forecasts = await connect(io, command).spending.forecasts();
  if (globals(command).json === true) return printJson(io, forecasts);
  const rows = forecasts.map(({ title, role, month, currency, spent, expected, least, most }) => [
    ...[title, role === "provider" ? "sold" : "bought", month],
    `${spent} ${currency}`,
    ...(expected === undefined
      ? ["after the first hour", ""]
      : [about(expected), `${about(least)} to ${about(most)}`]),
  ]);
  const heads = ["PRODUCT", "", "MONTH", "SO FAR", "EXPECTED", "RANGE"];
  printTable(io, heads, rows, "Nothing that costs anything was agreed yet.");
}

/** No more digits than a forecast is good for. */
function about(amount = "0"): string {
  return Number(amount).toLocaleString("en", { maximumSignificantDigits: 3 });
}

function statementCommand(io: CliIo): Command {
  const statement = new Command("statement")
    .description("the month's sums, from receipts both sides signed, or one-sided counts")
    .argument("[month]", "such as 2026-11 (default: this one)")
    .action(async (given: string | undefined, _options: unknown, command: Command) => {
      const month = given ?? monthOf(systemClock.now());
      const lines = await connect(io, command).statement(month);
      if (globals(command).json === true) return printJson(io, lines);
      const rows = lines.map((line) => [
        line.agreement,
        line.title,
        line.role === "provider" ? "sold" : "bought",
        line.evidence,
        line.messages,
        line.bytes,
        line.receipts,
        `${line.amount} ${line.currency}`,
      ]);
      const heads = "AGREEMENT,PRODUCT,,EVIDENCE,MESSAGES,BYTES,RECEIPTS,AMOUNT".split(",");
      printTable(io, heads, rows, `No receipts in ${month}.`);
    });
  addSignedStatements(io, statement);
  return statement;
}

function billCommand(io: CliIo): Command {
  return new Command("bill")
    .description("a month's bill of one agreement, with all its evidence")
    .argument("<month>", "such as 2026-11")
    .argument("<agreement>", "its id")
    .option("--out <file>", "write it there; else it is printed")
    .action(
      async (month: string, agreement: string, options: { out?: string }, command: Command) => {
        const bill = await connect(io, command).bill(month, agreement);
        const isOneSided = (bill as { evidence?: unknown }).evidence === "one-sided";
        const told = isOneSided ? "evidence: one-sided; the provider alone counted" : undefined;
        writeEvidence(io, command, bill, { out: options.out, told });
      },
    );
}

function withheldText(refused: Readonly<Record<string, number>>): string {
  const parts = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  return parts.join(", ");
}
