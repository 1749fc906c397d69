import { Command } from "commander";
import type { ChangeResource, RecognitionResource } from "../client/commissions.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { printJson, printLine } from "./output.ts";

/** `commission recognise`, `recognised`, `update` and `forget`. */
export function recognitionCommands(io: CliIo): Command[] {
  return [
    new Command("recognise")
      .description("take a participant's word about a sector, as it stands now")
      .argument("<issuer>", "its DID, a peer's name, or the address of its node")
      .requiredOption("--sector <name>", "such as transport")
      .action(async (issuer: string, { sector }: { sector: string }, command: Command) => {
        const made = await connect(io, command).commissions.recognise(issuer, sector);
        if (globals(command).json === true) return printJson(io, made);
        const { title, version, hash } = made.accepted;
        printLine(io, `${title} ${version} of ${made.issuerName} is recognised.`);
        printLine(io, `  hash     ${hash}`);
        printLine(io, `  find     ${typed(command, `find --mark ${made.sector}`)}`);
      }),
    new Command("recognised")
      .description("whose word is taken, and what they have published since")
      .option("--check", "ask them now")
      .action(async ({ check }: { check?: boolean }, command: Command) => {
        const { commissions } = connect(io, command);
        const all = await (check === true ? commissions.check() : commissions.recognised());
        if (globals(command).json === true) return printJson(io, all);
        if (all.length === 0) {
          printLine(
            io,
            `Nobody's yet: ${typed(command, "commission recognise ISSUER --sector NAME")}`,
          );
        }
        for (const one of all) printRecognition(io, one, command);
      }),
    new Command("update")
      .description("accept the version that waits")
      .argument("<name>", "[issuer/]sector")
      .action(async (name: string, _options: unknown, command: Command) => {
        const now = await connect(io, command).commissions.update(name);
        if (globals(command).json === true) return printJson(io, now);
        printLine(io, `${now.sector} ${now.accepted.version} of ${now.issuerName} is accepted.`);
      }),
    new Command("forget")
      .description("take its word no more; its marks count no more here")
      .argument("<name>", "[issuer/]sector")
      .action(async (name: string, _options: unknown, command: Command) => {
        await connect(io, command).commissions.forget(name);
        if (globals(command).json === true) return printJson(io, { forgotten: name });
        printLine(io, `${name} is recognised no more.`);
      }),
  ];
}

/** What a version says otherwise, under one word for how much it means. */
export function printChanges(io: CliIo, changes: readonly ChangeResource[]): void {
  const word = { major: "breaks", minor: "new", patch: "said" };
  for (const { level, text } of changes) printLine(io, `  ${word[level].padEnd(7)}  ${text}`);
}

function printRecognition(io: CliIo, one: RecognitionResource, command: Command): void {
  const { sector, issuerName, accepted, offered, problem, checkedAt } = one;
  printLine(io, `${sector} ${accepted.version} of ${issuerName}, looked at ${checkedAt}`);
  if (problem !== undefined) printLine(io, `  wrong    ${problem}`);
  if (offered === undefined) return;
  const { version } = offered.commission;
  printLine(
    io,
    `  ${version} waits: ${typed(command, `commission update ${issuerName}/${sector}`)}`,
  );
  printChanges(io, offered.changes);
}
