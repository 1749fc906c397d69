import { Command } from "commander";
import { connect, type CliIo, globals } from "./context.ts";
import { wholeNumber } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

export function retainedCommand(io: CliIo): Command {
  const retained = new Command("retained").description("the last messages that topics keep");
  retained
    .command("list")
    .argument("[filter]", "a topic filter", "#")
    .option("--limit <n>", "so many at most", "100")
    .description("topics with a retained message")
    .action(async (filter: string, { limit }: { limit: string }, command: Command) => {
      const rows = await connect(io, command).retained(filter, wholeNumber("--limit", limit));
      if (globals(command).json === true) return printJson(io, rows);
      const cells = rows.map(({ topic, at, payloadBytes }) => [topic, at, payloadBytes]);
      printTable(io, ["TOPIC", "SINCE", "BYTES"], cells, "No topic keeps a message.");
    });
  retained
    .command("clear")
    .argument("<filter>", "a topic filter, such as 'old/#'")
    .description("forget those of the topics that match")
    .action(async (filter: string, _options: unknown, command: Command) => {
      const told = await connect(io, command).clearRetained(filter);
      if (globals(command).json === true) return printJson(io, told);
      printLine(io, `${told.cleared.toLocaleString("en")} forgotten.`);
    });
  return retained;
}
