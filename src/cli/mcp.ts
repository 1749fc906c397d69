import { once } from "node:events";
import { Command } from "commander";
import { packageVersion } from "../api/version.ts";
import { connect, type CliIo } from "./context.ts";
import { interrupted } from "./interrupt.ts";

/** `mcp`: an agent's program starts it and speaks the Model Context Protocol over stdio. */
export function mcpCommand(io: CliIo): Command {
  return new Command("mcp")
    .description("let an AI agent find, buy and read streams (Model Context Protocol over stdio)")
    .action(async (_options: unknown, command: Command) => {
      const node = connect(io, command);
      const { serveStdio } = await import("@modelcontextprotocol/server/stdio");
      const { agentServer } = await import("../api/mcp/agent-server.ts");
      const interrupt = interrupted(io);
      const server = serveStdio(() => agentServer({ node, version: packageVersion() }));
      await Promise.race([once(process.stdin, "close"), interrupt.promise]);
      interrupt.dispose();
      await server.close();
    });
}
