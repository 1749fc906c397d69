import { printable } from "../kernel/printable.ts";
import { Command } from "commander";
import type { HistoryRange, HistoryRow } from "../client/history.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { wholeNumber } from "./flags.ts";
import { printLine } from "./output.ts";

interface HistoryFlags extends Pick<HistoryRange, "from" | "to" | "step" | "field" | "log"> {
  readonly fn?: NonNullable<HistoryRange["fn"]>;
  readonly points?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly csv?: boolean;
}

const linesDefault = 1_000;

export function historyCommand(io: CliIo): Command {
  return new Command("history")
    .description("what logged streams held, your own and those under agreement (from/…), by time")
    .argument("<filter>", "an MQTT topic filter, such as 'bus-7/#'")
    .option("--from <time>", "2026-11-23T06:00:00Z, 2026-11-23, or how long ago: 24h")
    .option("--to <time>", "up to this time, without it")
    .option("--fn <name>", "last, min, max, mean, count or sum, of each window")
    .option("--step <length>", "windows of 10s, 15m, 1h, 1d; without it all is one")
    .option("--field <path>", "the member whose number counts, such as position.lat")
    .option("--points <number>", "for a chart: at most so many a topic, peaks included")
    .option("--log <name>", "of one log (GET /api/v1/logs lists them)")
    .option("--limit <lines>", `at most so many; ${linesDefault} where none is said, CSV has all`)
    .option("--cursor <text>", "go on where an answer ended")
    .option("--csv", "print CSV")
    .action(async (filter: string, flags: HistoryFlags, command: Command) => {
      const node = connect(io, command);
      const { csv, points, limit, ...asked } = flags;
      const range: HistoryRange = {
        ...asked,
        filter,
        ...(points !== undefined && { points: wholeNumber("--points", points) }),
        ...(limit !== undefined && { limit: wholeNumber("--limit", limit) }),
      };
      if (csv === true) {
        for await (const text of node.historyCsv(range)) io.stdout.write(text);
        return;
      }
      const json = globals(command).json === true;
      for await (const row of node.history({ limit: linesDefault, ...range })) {
        if (json) printLine(io, JSON.stringify(row));
        else if ("cursor" in row) io.stderr.write(`More: --cursor ${row.cursor}\n`);
        else printLine(io, rowLine(row));
      }
    });
}

function rowLine({ topic, time, payload, payloadBase64, value, count }: HistoryRow): string {
  const shown = payload ?? (payloadBase64 === undefined ? undefined : `base64 ${payloadBase64}`);
  const of = count === undefined ? "" : `  of ${count.toLocaleString("en")}`;
  const what = shown ?? `${value}${of}`;
  return `${new Date(time).toISOString()}  ${printable(topic)}  ${printable(what)}`;
}
