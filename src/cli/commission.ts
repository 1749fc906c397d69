import { Command } from "commander";
import type { CommissionDetail } from "../client/commissions.ts";
import { connect, type CliIo, globals, readObject, typed } from "./context.ts";
import { invalid } from "./flags.ts";
import { printChanges, recognitionCommands } from "./recognition.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `commission publish`, `list`, `show` and `diff`, and what `recognition.ts` adds. */
export function commissionCommand(io: CliIo): Command {
  const commission = new Command("commission").description(
    "vocabularies: what data of a sector look like, signed by who says so",
  );
  commission
    .command("publish [file]")
    .description("sign and publish the next version, from a file or of a sector's pack")
    .option("--pack <sector>", "as this node's own sector has it: comity sector list")
    .option("--as <version>", "its version (default: the next that its changes ask for)")
    .action(async (file: string | undefined, flags: PublishFlags, command: Command) => {
      const wish = wishFrom(file, flags);
      const published = await connect(io, command).commissions.publish(wish);
      if (globals(command).json === true) return printJson(io, published);
      const { title, sector, version, hash } = published.commission;
      printLine(io, `${title} is published as ${sector} ${version}.`);
      printLine(io, `  hash     ${hash}`);
      printLine(io, `  address  ${published.url}`);
      printChanges(io, published.changes);
    });
  commission
    .command("list")
    .description("all that are kept here, own and others'")
    .action(async (_options: unknown, command: Command) => {
      const all = await connect(io, command).commissions.list();
      if (globals(command).json === true) return printJson(io, all);
      const rows = all.map(({ sector, version, title, issuer, own, recognised, hash }) => {
        const from = own ? "yours" : recognised ? issuer : `${issuer} (not recognised)`;
        return [sector, version, title, from, hash];
      });
      const first = typed(command, "commission publish --pack transport");
      const none = `None yet. Publish one: ${first}`;
      printTable(io, ["SECTOR", "VERSION", "TITLE", "FROM", "HASH"], rows, none);
    });
  commission
    .command("show <name>")
    .description("what it says: messages, members, units, indicators ([issuer/]sector[@version])")
    .action(async (name: string, _options: unknown, command: Command) => {
      const found = await connect(io, command).commissions.get(name);
      if (globals(command).json === true) return printJson(io, found);
      printCommission(io, found);
    });
  commission
    .command("diff <old> <new>")
    .description("what a version says otherwise than another, what breaks first")
    .action(async (old: string, next: string, _options: unknown, command: Command) => {
      const changes = await connect(io, command).commissions.changes(next, old);
      if (globals(command).json === true) return printJson(io, changes);
      if (changes.length === 0) printLine(io, "They say the same.");
      printChanges(io, changes);
    });
  for (const command of recognitionCommands(io)) commission.addCommand(command);
  return commission;
}

interface PublishFlags {
  readonly pack?: string;
  readonly as?: string;
}

function wishFrom(file: string | undefined, { pack, as: version }: PublishFlags): object {
  if ((file === undefined) === (pack === undefined)) {
    throw invalid("name a file with the vocabulary, or --pack with a sector");
  }
  const said = file === undefined ? { pack } : readObject(file, "vocabulary");
  return { ...said, ...(version !== undefined && { version }) };
}

function printCommission(io: CliIo, found: CommissionDetail): void {
  const { title, sector, version, issuer, issuedAt, hash, document } = found;
  printLine(io, `${title}: ${sector} ${version}, signed by ${issuer} on ${issuedAt}`);
  printLine(io, `  ${hash}`);
  for (const [name, { title: about, members, required }] of Object.entries(document.messages)) {
    printLine(io, `  ${name}: ${about}`);
    for (const [member, { type, unit, minimum, maximum }] of Object.entries(members)) {
      const bounds = [
        ...(minimum === undefined ? [] : [`≥ ${minimum}`]),
        ...(maximum === undefined ? [] : [`≤ ${maximum}`]),
      ].join(" ");
      const needed = required.includes(member) ? "required" : "";
      const parts = [type, unit ?? "", bounds, needed].filter((part) => part !== "");
      printLine(io, `    ${member.padEnd(28)} ${parts.join(", ")}`);
    }
  }
  for (const [name, { title: about, unit, formula }] of Object.entries(document.indicators)) {
    printLine(io, `  indicator ${name} (${unit}): ${about}`);
    printLine(io, `    ${formula}`);
  }
}
