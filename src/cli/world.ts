import { Command } from "commander";
import { type CliIo, globals } from "./context.ts";

interface WorldFlags {
  readonly once?: boolean;
  readonly config?: string;
  readonly reset?: boolean;
}

export function worldCommand(io: CliIo): Command {
  return new Command("world")
    .description("a small world to look at: five nations' nodes that trade live data")
    .option("--once", "run some seconds in a temporary folder, check everything, print a summary")
    .option("--config <world.yaml>", "another world")
    .option("--reset", "forget what the last run left, and start anew")
    .action(async (flags: WorldFlags, command: Command) => {
      const { runWorld } = await import("../world/main.ts");
      const { data } = globals(command);
      io.exitCode = await runWorld({
        once: flags.once === true,
        ...(flags.config !== undefined && { config: flags.config }),
        ...(flags.reset !== undefined && { reset: flags.reset }),
        ...(data !== undefined && { data }),
      });
    });
}
