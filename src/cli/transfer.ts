import { Command } from "commander";
import { transferFormats } from "../market/formats.ts";
import { type CliIo, connect, globals, typed } from "./context.ts";
import { printJson, printLine, printTable } from "./output.ts";

const acts = ["start", "suspend", "resume", "complete", "terminate"] as const;

/** `transfer list`, `transfer request`, and a verb a step. */
export function transferCommand(io: CliIo): Command {
  const group = new Command("transfer").description("how agreed streams are handed over");
  group.addCommand(listCommand(io));
  group.addCommand(requestCommand(io));
  for (const act of acts) group.addCommand(actCommand(io, act));
  return group;
}

function listCommand(io: CliIo): Command {
  return new Command("list")
    .description("transfers of either side, the newest first")
    .action(async (_options: unknown, command: Command) => {
      const transfers = await connect(io, command).transfers.list();
      if (globals(command).json === true) return printJson(io, transfers);
      const rows = transfers.map(({ pid, role, format, state, agreement, problem }) => [
        pid,
        role === "provider" ? "out" : "in",
        format,
        state,
        agreement,
        problem ?? "",
      ]);
      const heads = ["TRANSFER", "", "FORMAT", "STATE", "AGREEMENT", ""];
      printTable(
        io,
        heads,
        rows,
        `No transfers yet. Agree to something: ${typed(command, "agree OFFER")}`,
      );
    });
}

function requestCommand(io: CliIo): Command {
  return new Command("request")
    .description("ask the provider of an agreement for a transfer")
    .argument("<agreement>", "its id")
    .requiredOption("--format <format>", transferFormats.join(", "))
    .action(async (agreement: string, options: { format: string }, command: Command) => {
      const asked = await connect(io, command).transfers.request(agreement, options.format);
      if (globals(command).json === true) return printJson(io, asked);
      printLine(io, `Asked for ${asked.format}: transfer ${asked.pid}`);
    });
}

function actCommand(io: CliIo, act: (typeof acts)[number]): Command {
  return new Command(act)
    .description(`${act} a transfer; the other side is told`)
    .argument("<transfer>", "its pid here, from comity transfer list")
    .option("--reason <text>", "told to the other side")
    .action(async (pid: string, options: { reason?: string }, command: Command) => {
      const transfer = await connect(io, command).transfers.act(pid, act, options.reason);
      if (globals(command).json === true) return printJson(io, transfer);
      printLine(io, `Transfer ${transfer.pid} is ${transfer.state}.`);
    });
}
