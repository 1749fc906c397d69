import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { monthOf, systemClock } from "../kernel/clock.ts";
import { describePrice } from "../kernel/price-text.ts";
import { connect, type CliIo, globals, readText } from "./context.ts";
import { printVerifiedProof } from "./evidence.ts";
import { addSignedStatements } from "./signed-statement.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

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
        if (options.out === undefined) return printJson(io, bill);
        try {
          writeFileSync(options.out, `${JSON.stringify(bill, null, 2)}\n`);
        } catch (error) {
          throw invalid(`${options.out} cannot be written: ${problemOf(error)}`);
        }
        if (globals(command).json === true) return printJson(io, { file: options.out });
        if ((bill as { evidence?: unknown }).evidence === "one-sided") {
          printLine(io, `${options.out}: evidence: one-sided; the provider alone counted`);
          return;
        }
        printLine(io, `${options.out}: check it anywhere with comity verify ${options.out}`);
      },
    );
}

const partText = {
  usage: "for what was delivered",
  month: "by the month",
  minimum: "up to the month's minimum",
} as const;

function verifyCommand(io: CliIo): Command {
  return new Command("verify")
    .description("check a bill, or a proof out of an evidence log, offline")
    .argument("<file>", "from comity bill … or comity evidence prove … --out FILE")
    .action(async (file: string, _options: unknown, command: Command) => {
      const text = readText(file);
      const { isLogProof, verifyProof } = await import("../settle/evidence-log/verify-proof.ts");
      if (isLogProof(text)) {
        const proof = verifyProof(text);
        if (globals(command).json !== true) return printVerifiedProof(io, file, proof);
        const { leaf, index, signers } = proof;
        return printJson(io, { verified: true, leaf, index, signers });
      }
      const { chainText, verifyBill } = await import("../settle/verify.ts");
      const verified = await verifyBill(parseBill(file, text));
      if (globals(command).json === true) return printJson(io, { verified: true, ...verified });
      printLine(io, `${file} verifies.`);
      printLine(io, `  agreement  ${verified.agreement} (${verified.title})`);
      printLine(io, `  provider   ${verified.provider}`);
      printLine(io, `  consumer   ${verified.consumer}`);
      printLine(io, `  month      ${verified.month}`);
      printLine(io, `  delivered  ${verified.messages.toLocaleString("en")} messages`);
      printLine(io, `  price      ${describePrice(verified.price)}`);
      printLine(io, `  amount     ${verified.amount} ${verified.currency}`);
      for (const { charge, amount } of verified.parts ?? []) {
        printLine(io, `             ${amount} ${partText[charge]}`);
      }
      printLine(io, `  evidence   ${chainText(verified.chain)}, each signed by both`);
      printLine(
        io,
        "  keys       compare them once with what both publish in their DID documents:",
      );
      for (const key of verified.keys) printLine(io, `             ${key}`);
    });
}

function parseBill(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ComityError("EVIDENCE_BROKEN", { problem: `${file}: ${problemOf(error)}` });
  }
}

function withheldText(refused: Readonly<Record<string, number>>): string {
  const parts = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  return parts.join(", ");
}
