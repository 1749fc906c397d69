import { Command } from "commander";
import type { SetoffResource } from "../client/setoffs.ts";
import { ComityError } from "../kernel/errors.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { didOf } from "./partner.ts";
import { writeText } from "./write-text.ts";

/** `setoff`: what two participants owe each other, cleared against each other. */
export function setoffCommand(io: CliIo): Command {
  const command = new Command("setoff").description(
    "clear what you and a partner owe each other; signed by both, and no money moves",
  );
  command
    .command("list", { isDefault: true })
    .description("what is owed both ways, and what was set off or waits for a signature")
    .action(async (_options: unknown, self: Command) => list(io, self));
  command
    .command("propose <partner>")
    .option("--currency <code>", "needed where more than one is owed both ways")
    .description("draw it up, or ask the partner's node to; DID or name")
    .action(async (partner: string, { currency }: { currency?: string }, self: Command) => {
      const node = connect(io, self);
      const other = await didOf(node, partner);
      const of = currency ?? (await onlyCurrency(node, other));
      const { setoff } = await node.setoffs.propose(other, of);
      if (globals(self).json === true) return printJson(io, { setoff });
      if (setoff !== undefined) return print(io, setoff, partner);
      printLine(io, `${partner} draws up what is set off between you, and was asked to.`);
      printLine(io, "What it draws up is signed here as it comes, if the books here say the same.");
    });
  command
    .command("accept <id>")
    .description("sign what the partner offered; it counts from then")
    .action(async (id: string, _options: unknown, self: Command) => {
      const node = connect(io, self);
      const agreed = await node.setoffs.accept(id);
      if (globals(self).json === true) return printJson(io, agreed);
      print(io, agreed, await nameOf(node, agreed.with));
    });
  command
    .command("cancel <id>")
    .option("--reason <text>", "for the other side to read", "")
    .description("refuse what the partner offered, or take back what was drawn up here")
    .action(async (id: string, { reason }: { reason: string }, self: Command) => {
      await connect(io, self).setoffs.giveUp(id, reason);
      printLine(io, `${id} is given up; nothing of it was cleared.`);
    });
  command
    .command("show <id>")
    .option("--out <file>", "write what was signed, as JSON")
    .description("one set-off: each statement, what was due of it and what is cleared")
    .action(async (id: string, { out }: { out?: string }, self: Command) => {
      const node = connect(io, self);
      const found = await node.setoffs.get(id);
      if (out !== undefined) {
        writeText(out, `${JSON.stringify(found.signed, undefined, 2)}\n`);
        return printLine(io, `${out} has what was signed.`);
      }
      if (globals(self).json === true) return printJson(io, found);
      const name = await nameOf(node, found.with);
      print(io, found, name);
      const rows = found.items.map(({ statement, provider, due, cleared }) => {
        return [statement, provider === found.with ? name : "this node", due, cleared];
      });
      printTable(io, ["STATEMENT", "OWED TO", "DUE", "CLEARED"], rows, "");
    });
  command
    .command("auto <partner> <on|off>")
    .description("whether this node signs by itself what its own books say as well")
    .action(async (partner: string, word: string, _options: unknown, self: Command) => {
      if (word !== "on" && word !== "off") throw invalid(`"${word}" is neither on nor off`);
      const node = connect(io, self);
      await node.setoffs.always(await didOf(node, partner), word === "on");
      const how = word === "on" ? "by itself, where its books say the same" : "when you accept it";
      printLine(io, `This node signs what ${partner} sets off ${how}.`);
    });
  return command;
}

type Node = ReturnType<typeof connect>;

async function list(io: CliIo, self: Command): Promise<void> {
  const node = connect(io, self);
  const [open, all] = [await node.setoffs.open(), await node.setoffs.list()];
  if (globals(self).json === true) return printJson(io, { open, setoffs: all });
  const names = new Map((await node.peers()).map(({ did, name }) => [did, name]));
  const rows = open.map(({ with: other, currency, owedToUs, owedByUs, clears }) => {
    return [names.get(other) ?? other, currency, owedToUs, owedByUs, clears];
  });
  const none = "Nothing is owed both ways under accepted statements.";
  printTable(io, ["PARTNER", "", "OWED TO YOU", "OWED BY YOU", "CAN BE CLEARED"], rows, none);
  for (const one of all) print(io, one, names.get(one.with) ?? one.with);
}

const states = {
  drawn: "waits for their signature",
  offered: "waits for yours: comity setoff accept",
  agreed: "signed by both",
};

function print(io: CliIo, setoff: SetoffResource, name: string): void {
  const { id, with: other, currency, cleared, claims, state } = setoff;
  printLine(
    io,
    `${id}  with ${name}: ${cleared} ${currency} cleared on both sides, ${states[state]}`,
  );
  for (const { provider, owed, left } of claims) {
    const who = provider === other ? `${name} is` : "you are";
    printLine(io, `  ${who} owed ${owed} before, ${left} after`);
  }
}

async function nameOf(node: Node, did: string): Promise<string> {
  return (await node.peers()).find((one) => one.did === did)?.name ?? did;
}

async function onlyCurrency(node: Node, other: string): Promise<string> {
  const open = (await node.setoffs.open()).filter((one) => one.with === other);
  const [only] = open;
  if (only === undefined) {
    const problem = "nothing is owed both ways with that partner";
    throw new ComityError("SETOFF_REFUSED", { problem });
  }
  if (open.length === 1) return only.currency;
  throw invalid(`say --currency: ${open.map(({ currency }) => currency).join(", ")} are owed`);
}
