import { Command } from "commander";
import { connect, type CliIo, globals } from "./context.ts";
import { printJson, printLine } from "./output.ts";

/** `audit`: exit code 1 where the books do not follow from what was signed. */
export function auditCommand(io: CliIo): Command {
  return new Command("audit")
    .description("recompute the ledger from all that was signed; name what does not agree")
    .action(async (_options: unknown, command: Command) => {
      const report = await connect(io, command).books.audit();
      const { receipts, postings, books, findings, problems } = report;
      if (problems > 0) io.exitCode = 1;
      if (globals(command).json === true) return printJson(io, report);
      printLine(io, `${counted(receipts, "receipt")}, ${counted(postings, "posting")}.`);
      for (const { currency, accounts, sum } of books) {
        const balances = Object.entries(accounts).filter(([, amount]) => amount !== "0");
        const text = balances.map(([name, amount]) => `${name} ${amount}`).join(", ");
        printLine(io, `  ${currency}  ${text}; sum ${sum}`);
      }
      for (const { what, problem } of findings) printLine(io, `  ${what}: ${problem}`);
      const more = problems - findings.length;
      if (more > 0) printLine(io, `  and ${more.toLocaleString("en")} more`);
      printLine(
        io,
        problems === 0
          ? "Every book balances, and follows from what was signed."
          : `${counted(problems, "problem")}. Keep the store as it is: the receipts are evidence.`,
      );
    });
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}
