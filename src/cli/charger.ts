import { Command } from "commander";
import type { ChargerCommands, ChargerResource } from "../client/energy.ts";
import { secondsOf } from "../kernel/duration.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid, wattsFrom, wholeNumber } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `charger`: what charges electric vehicles and connects by OCPP. */
export function chargerCommand(io: CliIo): Command {
  const charger = new Command("charger").description("chargers of electric vehicles, by OCPP");
  charger
    .command("list")
    .description("all of them, and how they stand")
    .action(async (_options: unknown, command: Command) => {
      const chargers = await connect(io, command).energy.chargers();
      if (globals(command).json === true) return printJson(io, chargers);
      const rows = chargers.map((one) => [
        one.id,
        one.online ? (one.protocol ?? "") : `last heard ${new Date(one.lastSeenAt).toISOString()}`,
        one.outlets.map(({ status }) => status).join(" "),
        one.powerW === undefined ? "-" : kilowatts(one.powerW),
        limitOf(one),
        one.transactions.join(" "),
        Object.entries(one.faults)
          .map(([code, count]) => `${code} ${count}`)
          .join(", "),
      ]);
      const heads = ["CHARGER", "LINE", "CONNECTORS", "POWER", "LIMIT", "TRANSACTIONS", "FAULTS"];
      printTable(
        io,
        heads,
        rows,
        `None has connected. Begin with: ${typed(command, "thing add cp-1")}`,
      );
    });
  charger
    .command("password <charger>")
    .description("a new password in OCPP's length, for one that takes no Thing's token")
    .action(async (id: string, _options: unknown, command: Command) => {
      const made = await connect(io, command).energy.makePassword(id);
      if (globals(command).json === true) return printJson(io, made);
      printLine(io, `${id}'s password: ${made.password}   (told only now)`);
    });
  charger
    .command("limit <charger> <power>")
    .description('the most it may take: "11kW", "3600W", or none')
    .option("--for <time>", "so long, such as 2h (default: until it is changed)")
    .action(async (id: string, power: string, flags: { for?: string }, command: Command) => {
      const seconds = flags.for === undefined ? undefined : secondsOf(flags.for);
      if (flags.for !== undefined && seconds === undefined) {
        throw invalid(`--for "${flags.for}" is not a time such as 2h`);
      }
      const watts = power === "none" ? null : wattsFrom(power);
      const asked = { watts, ...(seconds !== undefined && { seconds }) };
      const { outcome } = await connect(io, command).energy.command(id, "limit", asked);
      if (globals(command).json === true) return printJson(io, { charger: id, outcome });
      const what = watts === null ? "as much as it can" : `at most ${kilowatts(watts)}`;
      const when = outcome === "set" ? "" : ", told when it connects";
      printLine(io, `${id} takes ${what}${when}.`);
    });
  charger
    .command("reset <charger>")
    .description("boot it anew")
    .option("--hard", "at once, whatever it does (default: when nothing charges)")
    .action(act(io, "reset", (_rest, { hard }) => ({ hard: hard === true })));
  charger
    .command("trigger <charger> <message>")
    .description("have it say MeterValues, or another, now")
    .action(act(io, "trigger", ([message = ""]) => ({ message })));
  charger
    .command("availability <charger> <on|off>")
    .description("take it out of use, or back")
    .option("--evse <number>", "that one alone (default: all of it)")
    .action(
      act(io, "availability", ([state = ""], flags) => {
        if (state !== "on" && state !== "off") throw invalid(`"${state}" is neither on nor off`);
        return { operative: state === "on", ...evseOf(flags) };
      }),
    );
  charger
    .command("start <charger> <tag>")
    .description("begin to charge for a tag")
    .option("--evse <number>", "at that one (default: the charger chooses)")
    .action(act(io, "start", ([tag = ""], flags) => ({ tag, ...evseOf(flags) })));
  charger
    .command("stop <charger> <transaction>")
    .description("end a transaction")
    .action(act(io, "stop", ([transaction = ""]) => ({ transaction })));
  charger
    .command("allow <tag>")
    .description('let a tag charge, or "*": anybody')
    .action(async (tag: string, _options: unknown, command: Command) => {
      await connect(io, command).energy.addIdTag(tag);
      if (globals(command).json === true) return printJson(io, { allowed: tag });
      printLine(io, tag === "*" ? "Anybody may charge." : `${tag} may charge.`);
    });
  charger
    .command("forbid <tag>")
    .description("let it charge no more")
    .action(async (tag: string, _options: unknown, command: Command) => {
      await connect(io, command).energy.removeIdTag(tag);
      if (globals(command).json === true) return printJson(io, { forbidden: tag });
      printLine(io, `${tag} is not allowed any more.`);
    });
  charger
    .command("tags")
    .description("who may charge")
    .action(async (_options: unknown, command: Command) => {
      const tags = await connect(io, command).energy.idTags();
      if (globals(command).json === true) return printJson(io, tags);
      const rows = tags.map((tag) => [tag]);
      printTable(
        io,
        ["TAG"],
        rows,
        `Nobody may charge. Begin with: ${typed(command, "charger allow TAG")}`,
      );
    });
  return charger;
}

interface Flags {
  readonly hard?: boolean;
  readonly evse?: string;
}

/** What a command of the line asks of the charger, and how the answer is told. */
function act<C extends keyof ChargerCommands>(
  io: CliIo,
  name: C,
  asked: (rest: readonly string[], flags: Flags) => ChargerCommands[C],
) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const [id = "", ...rest] = command.args;
    const energy = connect(io, command).energy;
    const answer = await energy.command(id, name, asked(rest, command.opts<Flags>()));
    if (globals(command).json === true) return printJson(io, answer);
    printLine(io, `${id}: ${answer.status ?? "done"}`);
  };
}

function evseOf({ evse }: Flags): { evse?: number } {
  return evse === undefined ? {} : { evse: wholeNumber("--evse", evse) };
}

function kilowatts(watts: number): string {
  return `${Number((watts / 1000).toFixed(3))} kW`;
}

function limitOf({ limitW, limit }: ChargerResource): string {
  if (limitW === undefined) return "";
  return limit === "set" ? kilowatts(limitW) : `${kilowatts(limitW)} (${limit})`;
}
