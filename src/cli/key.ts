import { Command } from "commander";
import type { AppKeyResource } from "../client/app-keys.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { graceOption, graceSecondsOf, repeated, secondsFrom } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { deviceUrls } from "./publish-lines.ts";

interface AddOptions {
  readonly publish?: string[];
  readonly subscribe?: string[];
  readonly expires?: string;
}

/** `key`: what an app connects with; it opens its topics and nothing else. */
export function keyCommand(io: CliIo): Command {
  const key = new Command("key").description("apps' keys: topics to publish and to follow");
  key
    .command("add <name>")
    .description("add one; prints its token, once")
    .option("--publish <filter>", "topics it may publish; repeatable", repeated)
    .option("--subscribe <filter>", "topics it may see; repeatable", repeated)
    .option("--expires <time>", "good for so long, such as 90d (default: until it is removed)")
    .action(async (id: string, options: AddOptions, command: Command) => {
      const { publish, subscribe, expires } = options;
      const made = await connect(io, command).keys.add({
        id,
        ...(publish && { publish }),
        ...(subscribe && { subscribe }),
        ...(expires !== undefined && { expiresInSeconds: secondsFrom("--expires", expires) }),
      });
      await printKey(io, command, made);
    });
  key
    .command("list")
    .description("all of them")
    .action(async (_options: unknown, command: Command) => {
      const keys = await connect(io, command).keys.list();
      if (globals(command).json === true) return printJson(io, keys);
      const rows = keys.map(({ id, publish, subscribe, expiresAt }) => [
        ...[id, publish.join(" "), subscribe.join(" "), expiresAt ?? "never"],
      ]);
      const none = `No keys yet. Add one: ${typed(command, "key add NAME --subscribe FILTER")}`;
      printTable(io, ["KEY", "PUBLISHES", "SUBSCRIBES", "EXPIRES"], rows, none);
    });
  key
    .command("rotate <name>")
    .description("give it a new token; the old one is good for a while")
    .option(...graceOption)
    .action(async (id: string, { grace }: { grace?: string }, command: Command) => {
      const made = await connect(io, command).keys.rotate(id, graceSecondsOf(grace));
      await printKey(io, command, made);
    });
  key
    .command("remove <name>")
    .description("remove it; its connections end")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).keys.remove(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is removed; its token is good no more.`);
    });
  return key;
}

async function printKey(
  io: CliIo,
  command: Command,
  { key, token }: { readonly key: AppKeyResource; readonly token: string },
): Promise<void> {
  const { mqttUrl } = await deviceUrls(connect(io, command));
  if (globals(command).json === true) return printJson(io, { key, token, mqttUrl });
  printLine(io, `App key ${key.id}`);
  printLine(io, `  username  ${key.id}`);
  printLine(io, `  token     ${token}   (told only now)`);
  printLine(io, `  MQTT      mqtt://${key.id}:${token}@${new URL(mqttUrl).host}`);
  printLine(io, `  HTTP      authorization: Bearer ${key.id}:${token}`);
  if (key.expiresAt !== undefined) printLine(io, `  expires   ${key.expiresAt}`);
}
