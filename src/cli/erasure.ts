import { printable } from "../kernel/printable.ts";
import { Command } from "commander";
import type { ErasureResource } from "../client/erasure.ts";
import { describeSeconds } from "../kernel/duration.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { printJson, printLine } from "./output.ts";

/** `agreement erase` and `agreement erasure`. */
export function erasureCommands(io: CliIo): Command[] {
  const erase = new Command("erase")
    .description("end an agreement, erase now what it gave, and sign that to its provider")
    .argument("<agreement>", "its id")
    .action(async (id: string, _options: unknown, command: Command) => {
      const done = await connect(io, command).erase(id);
      if (globals(command).json === true) printJson(io, done);
      else printErasure(io, done);
    });
  const erasure = new Command("erasure")
    .description("what was erased after an agreement's end, as its consumer signed it")
    .argument("<agreement>", "its id")
    .action(async (id: string, _options: unknown, command: Command) => {
      const found = await connect(io, command).erasure(id);
      if (globals(command).json === true) printJson(io, found);
      else printErasure(io, found);
    });
  return [erase, erasure];
}

function printErasure(io: CliIo, erasure: ErasureResource): void {
  const { record, receivedAt } = erasure;
  printLine(io, headline(erasure));
  if (record === undefined) return;
  const { erased, kept, from, to } = record;
  const part = (name: string, text: string): void => printLine(io, `  ${name.padEnd(9)} ${text}`);
  part("erased", `${counted(erased)}, ${record.erasedAt}`);
  if (from !== undefined && to !== undefined) {
    const epoch = from.epoch === to.epoch ? from.epoch : `${from.epoch} to ${to.epoch}`;
    part("positions", printable(`${from.position} to ${to.position} of ${epoch}`));
  }
  if (kept !== undefined) {
    part("kept", printable(`${counted(kept)}, under ${kept.agreements.join(", ")}`));
  }
  part("ended", printable(record.endedAt));
  part("signed by", printable(record.consumer));
  if (receivedAt !== undefined) part("received", receivedAt);
  else part("told", toldText(erasure));
  if (erasure.role === "provider") {
    printLine(io, "  It is the consumer's signed word, no proof that no copy is left.");
  }
}

function headline({ state, role, deleteAfterSeconds = 0, dueAt }: ErasureResource): string {
  const within = describeSeconds(deleteAfterSeconds);
  switch (state) {
    case "none":
      return "Its terms promise no erasure that this node would hear of.";
    case "running":
      return `The agreement stands; what it gives is erased within ${within} after its end.`;
    case "waiting":
      return `Ended; erased by ${dueAt}.`;
    case "overdue":
      return role === "provider" ? `Due ${dueAt}, not received.` : `Due ${dueAt}, not erased yet.`;
    case "erased":
      return role === "provider" ? "Erased, says its consumer." : "Erased.";
  }
}

function counted({ messages, bytes }: { messages: number; bytes: number }): string {
  return `${messages.toLocaleString("en")} messages (${bytes.toLocaleString("en")} bytes)`;
}

function toldText({ told }: ErasureResource): string {
  if (told === undefined) return "not yet; it is tried until the provider has it";
  return told.taken ? "the provider has it" : printable(`refused: ${told.problem ?? ""}`);
}
