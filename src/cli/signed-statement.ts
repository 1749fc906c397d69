import { Command } from "commander";
import type { SignedStatementResource } from "../client/books.ts";
import { monthOf, systemClock } from "../kernel/clock.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { writeEvidence } from "./evidence-file.ts";
import { amountFrom, invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { didOf } from "./partner.ts";

interface DisputeOptions {
  readonly amount?: string;
  readonly reason?: string;
  readonly credit?: string;
  readonly agree?: true;
  readonly withdraw?: true;
}

/** `statement signed`, `draw`, `export` and `paid`: what both sides say of a month. */
export function addSignedStatements(io: CliIo, statement: Command): void {
  statement
    .command("signed")
    .argument("[month]", "such as 2026-11 (default: all)")
    .description("statements between two nodes, and how their lines stand")
    .action(async (month: string | undefined, _options: unknown, command: Command) => {
      const node = connect(io, command);
      const all = await node.books.statements(month);
      if (globals(command).json === true) return printJson(io, all);
      const names = new Map((await node.peers()).map(({ did, name }) => [did, name]));
      if (all.length === 0)
        printLine(io, "None yet. The provider draws one up when a month is over.");
      for (const one of all) printStatement(io, one, names.get(one.with) ?? one.with);
    });
  statement
    .command("draw <consumer>")
    .argument("[month]", "such as 2026-11 (default: this one)")
    .description("as provider: state what the month has come to since the last one; DID or name")
    .action(async (consumer: string, month: string | undefined, _: unknown, command: Command) => {
      const node = connect(io, command);
      const asked = month ?? monthOf(systemClock.now());
      const drawn = await node.books.draw(await didOf(node, consumer), asked);
      if (globals(command).json === true) return printJson(io, drawn);
      printStatement(io, drawn, consumer);
    });
  statement
    .command("export <statement>")
    .description("a file with both sides' words and all that proves its lines; its id")
    .option("--out <file>", "write it there; else it is printed")
    .action(async (id: string, { out }: { out?: string }, command: Command) => {
      writeEvidence(io, command, await connect(io, command).books.evidence(id), { out });
    });
  statement
    .command("paid <statement> <amount>")
    .option("--reference <text>", "the bank's, or your own", "")
    .option("--in <amount>", 'what came instead, such as "1360 JPY"; with --rate and --source')
    .option("--rate <decimal>", "so much of it for one of the statement's currency")
    .option("--source <text>", 'whose rate and of when, such as "ECB, 2026-11-20"')
    .description('as provider: the money came, such as "12.5 EUR"; part of it will do')
    .action(async (id: string, text: string, options: PaidOptions, command: Command) => {
      const { reference } = options;
      const exchanged = exchangedIn(options);
      const act = { do: "paid", ...amountFrom(text), reference, ...(exchanged && { exchanged }) };
      const told = await connect(io, command).books.act(id, act);
      if (globals(command).json === true) return printJson(io, told);
      for (const { due, ...of } of told.dues) printLine(io, `${due} ${of.currency} are still due.`);
    });
}

interface PaidOptions {
  readonly reference: string;
  readonly in?: string;
  readonly rate?: string;
  readonly source?: string;
}

function exchangedIn({ in: came, rate, source }: PaidOptions) {
  const said = [came, rate, source].filter((one) => one !== undefined);
  if (said.length === 0) return undefined;
  if (came === undefined || rate === undefined || source === undefined) {
    throw invalid("--in, --rate and --source belong together");
  }
  return { ...amountFrom(came), rate, source };
}

/** `dispute`: a line of a statement, from the first word to the last. */
export function disputeCommand(io: CliIo): Command {
  return new Command("dispute")
    .description("dispute one line of a statement, or end it; the other lines go on")
    .argument("<statement>", "its id, from comity statement signed")
    .argument("<agreement>", "whose line it is")
    .option("--amount <decimal>", "as consumer: what is owed instead, with --reason")
    .option("--reason <text>", "why, for both sides to read")
    .option("--credit <decimal>", "as provider: offer a credit note, with --reason")
    .option("--agree", "as consumer: take the credit note that was offered")
    .option("--withdraw", "as consumer: the line stands as it was")
    .action(async (id: string, agreement: string, options: DisputeOptions, command: Command) => {
      const node = connect(io, command);
      const act = actOf(agreement, options) ?? {
        do: "agree",
        agreement,
        credit: await creditOf(await node.books.statements(), id, agreement),
      };
      const told = await node.books.act(id, act);
      if (globals(command).json === true) return printJson(io, told);
      printStatement(io, told, told.with);
    });
}

/** Undefined: to agree, for which the credit note's hash is needed. */
function actOf(agreement: string, options: DisputeOptions) {
  const { amount, reason, credit, agree, withdraw } = options;
  const said = [amount, credit, agree, withdraw].filter((one) => one !== undefined);
  if (said.length !== 1) throw invalid("say one of --amount, --credit, --agree and --withdraw");
  if (agree) return undefined;
  if (withdraw) return { do: "withdraw", agreement };
  if (reason === undefined) throw invalid("--reason is missing: the other side will read it");
  return amount === undefined
    ? { do: "credit", agreement, amount: credit, reason }
    : { do: "dispute", agreement, amount, reason, files: [] };
}

async function creditOf(
  all: readonly SignedStatementResource[],
  id: string,
  agreement: string,
): Promise<string> {
  const line = all.find((one) => one.id === id)?.lines.find((one) => one.agreement === agreement);
  const hash = line?.dispute?.credit?.hash;
  if (hash === undefined) throw invalid("no credit note was offered for that line");
  return hash;
}

function printStatement(io: CliIo, statement: SignedStatementResource, other: string): void {
  const { id, role, lines, dues, problem } = statement;
  printLine(io, `${id}  ${role === "provider" ? "to" : "from"} ${other}`);
  const rows = lines.map((line) => {
    const { title, agreement, messages, stated, amount, currency, state, dispute } = line;
    const why = dispute === undefined ? "" : `${dispute.state}: ${dispute.reason}`;
    return [title, agreement, messages, `${stated} ${currency}`, amount, state, why];
  });
  printTable(io, ["PRODUCT", "AGREEMENT", "MESSAGES", "STATED", "STANDS", "", ""], rows, "");
  for (const { currency, accepted, paid, setOff, due } of dues) {
    const cleared = setOff === "0" ? "" : `${setOff} set off, `;
    printLine(io, `  ${currency}: ${accepted} accepted, ${paid} paid, ${cleared}${due} due`);
  }
  if (problem !== undefined) printLine(io, `  not taken by the other side: ${problem}`);
}
