import { Command } from "commander";
import type { InvoiceForm, InvoiceResource, InvoiceSettingsResource } from "../client/invoices.ts";
import { connect, type CliIo, globals, readObject, typed } from "./context.ts";
import { writeEvidence } from "./evidence-file.ts";
import { invalid, repeated } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { writeText } from "./write-text.ts";

interface ShowOptions {
  readonly form?: string;
  readonly out?: string;
}

const forms: readonly string[] = ["xml", "html", "csv"] satisfies readonly InvoiceForm[];

/** `invoice`: the legal documents of months, issued and received. */
export function invoiceCommand(io: CliIo): Command {
  const invoice = new Command("invoice").description("invoices and credit notes (EN 16931)");
  invoice
    .command("list", { isDefault: true })
    .description("what was invoiced, by this node and to it")
    .argument("[month]", "such as 2026-11 (default: all)")
    .action(async (month: string | undefined, _options: unknown, command: Command) => {
      const node = connect(io, command);
      const invoices = await node.invoices.list(month);
      const left = month === undefined ? [] : await node.invoices.uninvoiced(month);
      if (globals(command).json === true) return printJson(io, { invoices, uninvoiced: left });
      const rows = invoices.map((one) => [
        ...[one.id, one.type, one.role === "provider" ? "sold" : "bought", one.partner],
        ...[one.month, one.issued, one.due ?? "", `${one.gross} ${one.currency}`, stateOf(one)],
      ]);
      const heads = [
        "NUMBER",
        "",
        "",
        "PARTNER",
        "MONTH",
        "ISSUED",
        "DUE",
        "TOTAL",
        "BUYER'S NODE",
      ];
      printTable(io, heads, rows, "No invoices.");
      for (const line of left) {
        const what = `${line.title} to ${line.consumer}, ${line.left} ${line.currency}`;
        const most = line.left.startsWith("-") ? "invoiced too much" : "not invoiced yet";
        printLine(io, `${most}: ${what}`);
      }
    });
  invoice
    .command("issue <month>")
    .description("draw up, number, sign and send what a month owes and no invoice asked for")
    .requiredOption("--to <buyer>", "a peer's name or DID")
    .action(async (month: string, { to }: { to: string }, command: Command) => {
      const issued = await connect(io, command).invoices.issue(month, to);
      if (globals(command).json === true) return printJson(io, issued);
      for (const one of issued) printIssued(io, command, one);
    });
  invoice
    .command("show <number>")
    .description("one document; a received one as SELLER/NUMBER")
    .option("--form <form>", "xml (EN 16931, UBL 2.1), html (a page to print), csv")
    .option("--out <file>", "write it there; else it is printed")
    .action(async (id: string, options: ShowOptions, command: Command) => {
      const { out, form = out?.split(".").at(-1) } = options;
      const calls = connect(io, command).invoices;
      if (out === undefined && form === undefined) {
        const found = await calls.get(id);
        if (globals(command).json === true) return printJson(io, found);
        printLine(io, `${found.type} ${found.number}, ${found.month}, ${stateOf(found)}`);
        printLine(io, `  partner  ${found.partner}`);
        printLine(io, `  net      ${found.net} ${found.currency}`);
        printLine(io, `  tax      ${found.tax} ${found.currency}`);
        printLine(io, `  total    ${found.gross} ${found.currency}`);
        for (const { where, what, invoiced, own } of found.differences) {
          printLine(io, `  DIFFERS  ${where}, ${what}: ${invoiced}; the buyer knows ${own}`);
        }
        return;
      }
      if (form === "json") return write(io, out, JSON.stringify(await calls.get(id), null, 2));
      if (!isForm(form)) throw invalid(`--form "${form}" is not ${forms.join(", ")} or json`);
      write(io, out, await calls.form(id, form));
    });
  invoice
    .command("export <number>")
    .description("a file with one document and all that proves its lines")
    .option("--out <file>", "write it there; else it is printed")
    .action(async (id: string, { out }: { out?: string }, command: Command) => {
      writeEvidence(io, command, await connect(io, command).invoices.evidence(id), { out });
    });
  invoice
    .command("credit <number>")
    .description("give back a part of an invoice's lines by a credit note")
    .requiredOption("--line <line=amount>", "such as 1=5.00, without tax; repeatable", repeated)
    .requiredOption("--reason <text>", "why")
    .action(async (number: string, given: { line: string[]; reason: string }, command: Command) => {
      const lines = Object.fromEntries(given.line.map(lineFrom));
      const note = await connect(io, command).invoices.credit(number, given.reason, lines);
      if (globals(command).json === true) return printJson(io, note);
      printIssued(io, command, note);
    });
  invoice
    .command("settings [file]")
    .description("who this organisation is by law, how it is paid, its taxes (YAML or JSON)")
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const calls = connect(io, command).invoices;
      if (file === undefined) return printJson(io, await calls.settings());
      const settings = readObject(file, "settings of invoices") as InvoiceSettingsResource;
      const set = await calls.set(settings);
      if (globals(command).json === true) return printJson(io, set);
      printLine(io, `Invoices are of ${set.party.name}; partners' nodes are told so.`);
    });
  return invoice;
}

function printIssued(io: CliIo, command: Command, one: InvoiceResource): void {
  const { type, number, month, gross, currency, partner } = one;
  const name = type === "invoice" ? "Invoice" : "Credit note";
  printLine(io, `${name} ${number} of ${month}: ${gross} ${currency}, to ${partner}`);
  const show = typed(command, `invoice show ${number} --out ${number}.xml`);
  printLine(io, `  ${show}  (or .html, .csv)`);
}

function stateOf({ state, problem }: InvoiceResource): string {
  return problem === undefined ? state : `${state}: ${problem}`;
}

function isForm(form: string | undefined): form is InvoiceForm {
  return form !== undefined && forms.includes(form);
}

function lineFrom(text: string): [string, string] {
  const [, line, amount] = /^(\d{1,6})=(\S+)$/.exec(text) ?? [];
  if (line !== undefined && amount !== undefined) return [line, amount];
  throw invalid(`--line "${text}" is no line and amount such as 1=5.00`);
}

function write(io: CliIo, out: string | undefined, text: string): void {
  if (out === undefined) return void io.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  writeText(out, text);
  printLine(io, `${out} is written.`);
}
