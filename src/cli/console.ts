import { Command } from "commander";
import { connect, type CliIo, globals } from "./context.ts";
import { printJson, printLine } from "./output.ts";

/** `console`: a way into the node's own pages. */
export function consoleCommand(io: CliIo): Command {
  return new Command("console")
    .description("print a link that opens the console once, signed in as who asks")
    .action(async (_options: unknown, command: Command) => {
      const http = connect(io, command);
      const { path, until } = await http.signInLink();
      const url = `${http.url}${path}`;
      if (globals(command).json === true) return printJson(io, { url, until });
      printLine(io, `${url}   (good once, until ${until})`);
    });
}
