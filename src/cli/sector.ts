import { printable } from "../kernel/printable.ts";
import { Command } from "commander";
import type { FigureResource, NewIndicatorResource } from "../client/sectors.ts";
import type { NewSourceResource, SourceResource } from "../client/sectors.ts";
import { secondsOf } from "../kernel/duration.ts";
import { connect, type CliIo, globals, readText, typed } from "./context.ts";
import { invalid, repeated } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `sector`, `source` and `indicator`. */
export function sectorCommands(io: CliIo): Command[] {
  return [sectorCommand(io), sourceCommand(io), indicatorCommand(io)];
}

function sectorCommand(io: CliIo): Command {
  const sector = new Command("sector").description("what this node knows of transport, energy, …");
  sector
    .command("list")
    .description("the sectors there are")
    .action(async (_options: unknown, command: Command) => {
      const sectors = await connect(io, command).sectors();
      if (globals(command).json === true) return printJson(io, sectors);
      const names = (of: readonly { name: string }[]) => of.map(({ name }) => name).join(" ");
      const rows = sectors.map(({ name, sources, outputs, indicators }) => [
        name,
        names(sources),
        names(outputs),
        names(indicators),
      ]);
      printTable(io, ["SECTOR", "IN", "OUT", "INDICATORS"], rows, "There are none.");
    });
  sector
    .command("show <name>")
    .description("its formats, indicators and product template")
    .action(async (name: string, _options: unknown, command: Command) => {
      const found = await connect(io, command).sector(name);
      if (globals(command).json === true) return printJson(io, found);
      printLine(io, `${found.title} (${found.name})`);
      for (const source of found.sources) {
        printLine(io, `  in         ${source.name}, from ${source.ways.join(", ")}`);
      }
      for (const { name: output, title } of found.outputs) {
        printLine(io, `  out        ${output}: ${title}`);
      }
      for (const { name: indicator, title, unit, formula } of found.indicators) {
        printLine(io, `  indicator  ${indicator} (${unit}): ${title}`);
        printLine(io, `             ${formula}`);
      }
      printLine(io, `  template   ${JSON.stringify(found.template)}`);
    });
  return sector;
}

interface SourceFlags {
  readonly topic?: string;
  readonly url?: string;
  readonly file?: string;
  readonly from?: string;
  readonly tcp?: string;
  readonly every?: string;
  readonly name?: string;
}

function sourceCommand(io: CliIo): Command {
  const source = new Command("source").description("native formats that are read as streams");
  source
    .command("add <kind>")
    .description("read it from now on, such as gtfs-realtime")
    .requiredOption("--topic <topic>", "its messages stand below")
    .option("--url <url>", "fetched from there")
    .option("--file <path>", "read from there, on the node's machine")
    .option("--from <filter>", "taken from messages of these topics")
    .option("--tcp <host:port>", "taken line by line from there; named with up --local-source")
    .option("--every <time>", "between two readings, such as 10s or 1m (default: 30s)")
    .option("--name <name>", "how it is called (default: made from the topic)")
    .action(async (kind: string, flags: SourceFlags, command: Command) => {
      const made = await connect(io, command).addSource(sourceFrom(kind, flags));
      if (globals(command).json === true) return printJson(io, made);
      const isPolled = made.from.way === "url" || made.from.way === "file";
      const how = isPolled ? `every ${made.everySeconds} s` : "as it comes";
      printLine(io, `${made.id} reads ${made.kind} from ${made.from.address} ${how}.`);
      printLine(io, `Watch it: ${typed(command, `tail '${made.topic}/#'`)}`);
    });
  source
    .command("list")
    .description("all of them, and how they go")
    .action(async (_options: unknown, command: Command) => {
      const sources = await connect(io, command).sources();
      if (globals(command).json === true) return printJson(io, sources);
      const rows = sources.map((one) => [
        one.id,
        one.kind,
        one.topic,
        one.reads,
        one.messages,
        faultsOf(one),
        stateOf(one),
      ]);
      const first = typed(command, "source add KIND --url URL --topic TOPIC");
      const none = `Nothing is read. Begin with: ${first}`;
      printTable(
        io,
        ["SOURCE", "KIND", "TOPIC", "READ", "MESSAGES", "FAULTS", "STATE"],
        rows,
        none,
      );
    });
  source
    .command("remove <name>")
    .description("read it no more")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).removeSource(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is read no more.`);
    });
  return source;
}

function sourceFrom(kind: string, flags: SourceFlags): NewSourceResource {
  const ways = [
    ["url", flags.url],
    ["file", flags.file],
    ["topic", flags.from],
    ["tcp", flags.tcp],
  ] as const;
  const [named, ...more] = ways.flatMap(([way, address]) =>
    address === undefined ? [] : [{ way, address }],
  );
  if (!named || more.length > 0) throw invalid("name one of --url, --file, --from and --tcp");
  const { topic = "", every, name } = flags;
  const everySeconds = every === undefined ? undefined : secondsOf(every);
  if (every !== undefined && everySeconds === undefined) {
    throw invalid(`--every "${every}" is not a time such as 10s or 1m`);
  }
  return {
    kind,
    from: named,
    topic,
    ...(everySeconds !== undefined && { everySeconds }),
    ...(name !== undefined && { id: name }),
  };
}

function faultsOf({ faults }: Pick<SourceResource, "faults">): string {
  return Object.entries(faults)
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
}

function stateOf({ failures, lastError, reads }: SourceResource): string {
  if (failures > 0 && lastError) {
    const at = new Date(lastError.at).toISOString();
    return `failed ${failures} times, last at ${at}: ${lastError.text}`;
  }
  return reads === 0 ? "nothing yet" : "ok";
}

export interface IndicatorFlags {
  readonly filter: string[];
  readonly set?: string[];
  readonly name?: string;
}

/** `--set name=@FILE` takes the file's text: places of people are many. */
export function indicatorFrom(kind: string, flags: IndicatorFlags): NewIndicatorResource {
  const { filter: filters, set = [], name } = flags;
  const settings = set.map((one) => {
    const [, setting, value = ""] = /^([A-Za-z]{1,64})=(.*)$/s.exec(one) ?? [];
    if (setting === undefined) throw invalid(`--set "${one}" is not name=value`);
    return [setting, value.startsWith("@") ? readText(value.slice(1)) : value] as const;
  });
  return {
    ...{ kind, filters },
    ...(settings.length > 0 && { settings: Object.fromEntries(settings) }),
    ...(name !== undefined && { id: name }),
  };
}

function indicatorCommand(io: CliIo): Command {
  const indicator = new Command("indicator").description("figures that streams tell together");
  indicator
    .command("add <kind>")
    .description("follow streams from now on, such as headway")
    .requiredOption("--filter <filter>", "what it follows; repeatable", repeated)
    .option("--set <name=value>", "what the kind asks for; @FILE: the file's text", repeated)
    .option("--name <name>", "how it is called (default: the kind)")
    .action(async (kind: string, flags: IndicatorFlags, command: Command) => {
      const made = await connect(io, command).addIndicator(indicatorFrom(kind, flags));
      if (globals(command).json === true) return printJson(io, made);
      printLine(io, `${made.id} follows ${made.filters.join(" ")}: ${made.title} (${made.unit}).`);
      printLine(io, `Watch it: ${typed(command, `tail '${made.topic}/#'`)}`);
    });
  indicator
    .command("list")
    .description("all of them")
    .action(async (_options: unknown, command: Command) => {
      const indicators = await connect(io, command).indicators();
      if (globals(command).json === true) return printJson(io, indicators);
      const rows = indicators.map((one) => [
        one.id,
        one.title,
        one.unit,
        one.messages,
        one.keys,
        faultsOf(one),
      ]);
      const first = typed(command, "indicator add KIND --filter FILTER");
      const none = `No indicators. Begin with: ${first}`;
      const heads = ["INDICATOR", "TITLE", "UNIT", "MESSAGES", "FIGURES", "FAULTS"];
      printTable(io, heads, rows, none);
    });
  indicator
    .command("show <name>")
    .description("its figures now, and how they come about")
    .action(async (id: string, _options: unknown, command: Command) => {
      const node = connect(io, command);
      const figures = await node.figures(id);
      if (globals(command).json === true) return printJson(io, figures);
      const about = (await node.indicators()).find((one) => one.id === id);
      if (about) printLine(io, `${about.title}: ${about.formula}`);
      const rows = figures.map((one) => [one.key, one.value ?? "-", one.unit ?? "", restOf(one)]);
      printTable(io, ["KEY", "VALUE", "UNIT", ""], rows, "No figure yet.");
    });
  indicator
    .command("remove <name>")
    .description("follow it no more")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).removeIndicator(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is followed no more.`);
    });
  return indicator;
}

const shownApart: ReadonlySet<string> = new Set(["key", "value", "unit", "observedAt"]);

/** What else a figure tells, in one line. */
function restOf(figure: FigureResource): string {
  const rest = Object.entries(figure)
    .filter(([name]) => !shownApart.has(name))
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return printable(rest.join(", ")).slice(0, 160);
}
