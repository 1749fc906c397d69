import { Command } from "commander";
import type { AcceptWish, PendingDetail, PendingResource } from "../client/onboarding.ts";
import { objectAt } from "../kernel/json-object.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { firstMessage, tellFirstMessage, waits } from "./first-message.ts";
import { placeFrom, repeated } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

interface AcceptOptions {
  readonly name?: string;
  readonly title?: string;
  readonly kind?: string;
  readonly place?: string;
  readonly publish?: string[];
  readonly subscribe?: string[];
  readonly describe?: boolean;
  readonly keepCode?: boolean;
  readonly wait?: boolean;
}

/** `pending`: devices that came with a claim code and wait for a decision. */
export function pendingCommand(io: CliIo): Command {
  const pending = new Command("pending").description(
    "devices that came with a claim code and wait for a decision",
  );
  pending
    .command("list")
    .description("all of them")
    .action(async (_options: unknown, command: Command) => {
      const devices = await connect(io, command).pending();
      if (globals(command).json === true) return printJson(io, devices);
      const heads = ["DEVICE", "ID", "CLAIM", "FROM", "MESSAGES", "LAST", "TOPICS"];
      const none = `No device waits. Make a code for them: ${typed(command, "claim create")}`;
      printTable(io, heads, devices.map(rowOf), none);
    });
  pending
    .command("show <device>")
    .description("its card: where it comes from, what it sends, what it would be")
    .action(async (id: string, _options: unknown, command: Command) => {
      const device = await connect(io, command).pendingDevice(id);
      if (globals(command).json === true) return printJson(io, device);
      printCard(io, device);
    });
  pending.addCommand(acceptCommand(io));
  pending
    .command("refuse <device>")
    .description("let it go; its code opens nothing to it any more")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).refuse(id);
      if (globals(command).json === true) return printJson(io, { refused: id });
      printLine(io, `${id} is refused.`);
    });
  return pending;
}

function acceptCommand(io: CliIo): Command {
  return new Command("accept")
    .description("make a Thing of it; it is told its own token, and its messages flow at once")
    .argument("<device>", "its name or its id")
    .option("--name <name>", "the Thing's name (default: from what it calls itself)")
    .option("--title <text>", "for people")
    .option("--kind <word>", "what it is, such as bus or pump")
    .option("--place <lat,lon[,name]>", "where it stands")
    .option("--publish <filter>", "topics it may publish (default: as seen); repeatable", repeated)
    .option("--subscribe <filter>", "topics it may see (default: none); repeatable", repeated)
    .option("--describe", "keep the Description drafted from what it sent")
    .option("--keep-code", "its code stays its password (only of a code made with --max 1)")
    .option("--wait", "wait for its first message (default: on a terminal, without --json)")
    .option("--no-wait", "do not")
    .action(async (id: string, options: AcceptOptions, command: Command) => {
      const node = connect(io, command);
      const { thing, listens, until } = await node.accept(id, wishFrom(options));
      const json = globals(command).json === true;
      const isWaiting = waits(io, options.wait, json);
      if (json) {
        const first = isWaiting ? await firstMessage(io, node, thing.id) : undefined;
        return printJson(io, { thing, listens, until, ...(first && { firstMessage: first }) });
      }
      printLine(
        io,
        `${id} is accepted as Thing ${thing.id}; it may publish ${list(thing.publish)}.`,
      );
      if (options.keepCode === true) printLine(io, "Its claim code stays its password.");
      else if (listens) printLine(io, "It is told its own token.");
      else {
        printLine(io, `It does not listen for a token: its code lets it in until ${until}.`);
        printLine(
          io,
          `Give it one of its own before then: ${typed(command, `thing rotate ${thing.id}`)}`,
        );
      }
      if (isWaiting) await tellFirstMessage(io, node, thing.id);
    });
}

function wishFrom(options: AcceptOptions): AcceptWish {
  const { name, title, kind, place, publish, subscribe, describe, keepCode } = options;
  return {
    ...(name !== undefined && { name }),
    ...(title !== undefined && { title }),
    ...(kind !== undefined && { kind }),
    ...(place !== undefined && { place: placeFrom(place) }),
    ...(publish && { publish }),
    ...(subscribe && { subscribe }),
    ...(describe === true && { describe }),
    ...(keepCode === true && { keepsCode: true }),
  };
}

function rowOf(device: PendingResource): (string | number)[] {
  const { name, id, claim, addresses, messages, lastAt, topics } = device;
  const names = topics.map(({ topic }) => topic);
  const shown = names.length > 2 ? `${names.slice(0, 2).join(", ")}, …` : names.join(", ");
  return [name, id, claim, addresses.join(", "), messages, lastAt, shown];
}

function printCard(io: CliIo, device: PendingDetail): void {
  const { name, id, claim, door, addresses, connected, listens, messages, outside, beyond } =
    device;
  printLine(io, `${name} (${id})`);
  const now = door === "HTTP" ? "" : connected ? ", connected" : ", gone for now";
  printLine(io, `  comes by   ${claim}, over ${door} from ${addresses.join(", ")}${now}`);
  if (addresses.length > 1) {
    printLine(io, "             from several addresses: the code or the name is used twice");
  }
  printLine(io, `  messages   ${messages} since ${device.firstAt}, the last at ${device.lastAt}`);
  if (outside > 0) printLine(io, `             ${outside} outside its code's topics`);
  if (beyond > 0) printLine(io, `             ${beyond} on more topics than are shown`);
  printLine(io, `  accepted   as ${device.suggestedName}, publishing ${list(device.publish)}`);
  if (device.shared !== undefined) printLine(io, `             but ${device.shared}`);
  const described = Object.keys(objectAt(device.td["properties"]));
  if (described.length > 0) printLine(io, `  --describe keeps ${described.join(", ")}`);
  printLine(io, `  its token  ${listens ? "is told it" : "is to be given to it by hand"}`);
  printLine(io);
  const rows = device.topics.map(({ topic, messages: sent, bytes, preview }) => [
    topic,
    sent,
    bytes,
    preview,
  ]);
  printTable(io, ["TOPIC", "MESSAGES", "BYTES", "LAST"], rows, "Nothing on its code's topics yet.");
}

function list(filters: readonly string[]): string {
  return filters.map((filter) => `'${filter}'`).join(", ");
}
