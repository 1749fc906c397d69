import { randomUUID } from "node:crypto";
import { Command } from "commander";
import type { DemandResource } from "../client/energy.ts";
import { isoDuration, secondsOf } from "../kernel/duration.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid, wattsFrom } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `demand`: calls to take less, made by a grid company, followed by who has chargers. */
export function demandCommand(io: CliIo): Command {
  const demand = new Command("demand").description("demand response: calls, and who follows them");
  demand.addCommand(followCommand(io));
  demand
    .command("list")
    .description("the streams that are followed, and their calls")
    .action(async (_options: unknown, command: Command) => {
      const follows = await connect(io, command).energy.demand();
      if (globals(command).json === true) return printJson(io, follows);
      const first = typed(command, "demand follow FILTER --chargers NAME");
      const none = `None is followed. Begin with: ${first}`;
      const heads = ["DEMAND", "FILTER", "CHARGERS", "CALLS", "FAULTS"];
      printTable(io, heads, follows.map(rowOf), none);
    });
  demand
    .command("remove <name>")
    .description("follow it no more; its limits are taken back")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).energy.removeDemand(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is followed no more.`);
    });
  demand.addCommand(callCommand(io));
  demand
    .command("cancel <topic> <call>")
    .description("call it off, on the topic it was made on")
    .option("--program <name>", "its program", programDefault)
    .action(async (topic: string, id: string, flags: { program: string }, command: Command) => {
      const object = { objectType: "EVENT", id, programID: flags.program };
      const off = { objectType: "EVENT", operation: "DELETE", object };
      await connect(io, command).publish(topic, JSON.stringify(off), { qos: 1 });
      if (globals(command).json === true) return printJson(io, off);
      printLine(io, `${id} is called off.`);
    });
  return demand;
}

const programDefault = "demand-response";

interface FollowFlags {
  readonly chargers: string;
  readonly capacity?: string;
  readonly name?: string;
}

function followCommand(io: CliIo): Command {
  return new Command("follow")
    .argument("<filter>", "where the calls come, such as from/grid/calls/#")
    .description("have chargers take less when they are called to")
    .requiredOption("--chargers <names>", "comma between; * is all of them")
    .option("--capacity <power>", "of their connection, such as 44kW: levels are shares of it")
    .option("--name <name>", "how it is called (default: demand)")
    .action(async (filter: string, flags: FollowFlags, command: Command) => {
      const { chargers, capacity, name } = flags;
      const made = await connect(io, command).energy.followDemand({
        ...{ filter, chargers: chargers.split(",").map((one) => one.trim()) },
        ...(capacity !== undefined && { capacityKw: wattsFrom(capacity) / 1000 }),
        ...(name !== undefined && { id: name }),
      });
      if (globals(command).json === true) return printJson(io, made);
      printLine(io, `${made.id} follows ${made.filter} with ${made.chargers.join(", ")}.`);
      printLine(io, `It reports on ${made.topic}/#`);
    });
}

interface CallFlags {
  readonly limit: string;
  readonly in?: string;
  readonly for: string;
  readonly program: string;
  readonly id?: string;
}

function callCommand(io: CliIo): Command {
  return new Command("call")
    .argument("<topic>", "of a product that others have agreed to")
    .description("call those who follow to take less for a time (an OpenADR 3.0 event)")
    .requiredOption("--limit <power>", "the most each of them may take, such as 50kW")
    .requiredOption("--for <time>", "so long, such as 1h")
    .option("--in <time>", "beginning then, such as 15m (default: now)")
    .option("--program <name>", "its program", programDefault)
    .option("--id <name>", "how the call is called (default: made for it)")
    .action(async (topic: string, flags: CallFlags, command: Command) => {
      const seconds = secondsOf(flags.for);
      const wait = flags.in === undefined ? 0 : secondsOf(flags.in);
      if (seconds === undefined || seconds === 0) throw invalid(`--for "${flags.for}" is no time`);
      if (wait === undefined) throw invalid(`--in "${flags.in}" is no time such as 15m`);
      const type = "IMPORT_CAPACITY_LIMIT";
      const now = Date.now();
      const start = new Date(now + wait * 1000).toISOString();
      const event = {
        ...{ objectType: "EVENT", id: flags.id ?? randomUUID(), programID: flags.program },
        ...{ createdDateTime: new Date(now).toISOString() },
        modificationDateTime: new Date(now).toISOString(),
        payloadDescriptors: [
          { objectType: "EVENT_PAYLOAD_DESCRIPTOR", payloadType: type, units: "KW" },
        ],
        intervalPeriod: { start, duration: isoDuration(seconds) },
        intervals: [{ id: 0, payloads: [{ type, values: [wattsFrom(flags.limit) / 1000] }] }],
      };
      await connect(io, command).publish(topic, JSON.stringify(event), { qos: 1 });
      if (globals(command).json === true) return printJson(io, event);
      printLine(io, `${event.id}: at most ${flags.limit} from ${start} for ${flags.for}.`);
    });
}

function rowOf({ id, filter, chargers, calls, faults }: DemandResource): readonly string[] {
  const open = calls.map((call) => `${call.id} ${call.state} until ${call.until}`);
  const wrong = Object.entries(faults).map(([code, count]) => `${code} ${count}`);
  return [id, filter, chargers.join(" "), open.join("; "), wrong.join(", ")];
}
