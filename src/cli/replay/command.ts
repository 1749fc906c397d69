import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { Command } from "commander";
import { connectMqtt } from "../../client/mqtt.ts";
import type { MqttClientOptions } from "../../client/types.ts";
import { canonicalBytes } from "../../kernel/canonical.ts";
import { systemClock } from "../../kernel/clock.ts";
import { problemOf } from "../../kernel/errors.ts";
import { connect, type CliIo, globals, mqttLogin, readText } from "../context.ts";
import { invalid, wholeNumber } from "../flags.ts";
import { printJson, printLine } from "../output.ts";
import { parseMap, type ReplayMap } from "./map.ts";
import { ProgressLine } from "./progress.ts";
import { publishAll } from "./publish.ts";
import { fileName, type Progress, replayMessages } from "./rows.ts";

interface ReplayFlags {
  readonly map: string;
  readonly speed: string;
  readonly producer?: string;
  readonly as?: string;
  readonly mqtt?: string;
  readonly retry: string;
}

export interface Replayed {
  readonly file: string;
  readonly producer: string;
  readonly messages: number;
  readonly seconds: number;
}

export function replayCommand(io: CliIo): Command {
  return new Command("replay")
    .description("publish recorded rows through MQTT, each once, however often it is run")
    .argument("<files...>", "CSV files with a line of column names, replayed one after the other")
    .requiredOption("--map <map.yaml>", "what topic and payload a row becomes (see below)")
    .option("--speed <times>", "times real time; 0 or max: as fast as it goes", "1")
    .option("--producer <name>", "names the source (default: from the file and the map)")
    .option("--as <name>", "come in as this Thing, with its token in --token")
    .option("--mqtt <url>", "the MQTT address (default: asked from the node)")
    .option("--retry <seconds>", "how long a lost connection is tried again", "60")
    .addHelpText("after", mapHelp)
    .action(async (files: string[], flags: ReplayFlags, command: Command) => {
      const speed = speedFrom(flags.speed);
      const map = parseMap(flags.map, readText(flags.map));
      if (speed !== Infinity && map.time === undefined) {
        throw invalid(`--speed ${flags.speed} needs "time" in ${flags.map}; or use --speed max`);
      }
      if (flags.producer !== undefined && files.length > 1) {
        throw invalid("--producer names one file's rows; replay one file with it");
      }
      const url = flags.mqtt ?? (await connect(io, command).status()).mqtt.url;
      const login = { url, ...mqttLogin(io, command, flags.as) };
      const retryMs = wholeNumber("--retry", flags.retry) * 1000;
      const json = globals(command).json === true;
      const replayed: Replayed[] = [];
      for (const file of files) {
        const producer = flags.producer ?? producerOf(file, map);
        const reachedBefore = replayed.length > 0;
        const run = { file, map, producer, speed, login, retryMs, reachedBefore };
        const done = await replayFile(io, run);
        replayed.push(done);
        if (!json) printDone(io, done);
        if (io.signal?.aborted === true) break;
      }
      if (json) printJson(io, replayed);
    });
}

async function replayFile(
  io: CliIo,
  run: {
    readonly file: string;
    readonly map: ReplayMap;
    readonly producer: string;
    readonly speed: number;
    readonly login: MqttClientOptions;
    readonly retryMs: number;
    readonly reachedBefore: boolean;
  },
): Promise<Replayed> {
  const { file, map, producer, speed, login, retryMs, reachedBefore } = run;
  const clock = systemClock;
  const size = sizeOf(file);
  const progress: Progress = { bytesRead: 0 };
  const startedAt = clock.monotonic();
  const line = new ProgressLine(io.stderr, startedAt);
  let acknowledged = 0;
  const messages = await publishAll({
    connect: () => connectMqtt(login),
    messages: replayMessages(file, map, { timed: speed !== Infinity, progress }),
    producer,
    speed,
    clock,
    retryMs,
    reachedBefore,
    ...(io.signal && { signal: io.signal }),
    onAcknowledged: () => {
      acknowledged++;
      const now = clock.monotonic();
      const perSecond = acknowledged / Math.max(0.001, (now - startedAt) / 1000);
      const done = size === 0 ? 1 : progress.bytesRead / size;
      line.show({ file: fileName(file), done, messages: acknowledged, perSecond }, now);
    },
    onLost: (problem) => {
      line.clear();
      io.stderr.write(`${fileName(file)}: ${problem}; connecting again …\n`);
    },
  }).finally(() => line.clear());
  return { file, producer, messages, seconds: (clock.monotonic() - startedAt) / 1000 };
}

function printDone(io: CliIo, { file, messages, seconds }: Replayed): void {
  const rate = Math.round(messages / Math.max(0.001, seconds));
  const counts = `${messages.toLocaleString("en")} rows acknowledged`;
  printLine(io, `${file}: ${counts} in ${seconds.toFixed(1)} s (${rate.toLocaleString("en")}/s)`);
}

/** The same rows sent the same way are the same producer; another file or map is another. */
function producerOf(file: string, map: ReplayMap): string {
  const hash = createHash("sha256")
    .update(canonicalBytes(map))
    .update(read(file))
    .digest("base64url")
    .slice(0, 12);
  return `replay-${fileName(file)}-${hash}`;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw invalid(`${file} cannot be read: ${problemOf(error)}`);
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw invalid(`${file} cannot be read: ${problemOf(error)}`);
  }
}

function speedFrom(text: string): number {
  if (text === "max" || text === "0") return Infinity;
  const speed = Number(text);
  if (!(speed > 0)) throw invalid(`--speed "${text}" is not a number of times, 0 or max`);
  return speed;
}

const mapHelp = `
The map, in YAML:
  topic: loops/{file}       {file}: the file's name without ending; {column}: the row's cell
  payload:                  members of the JSON payload: each a column's text, or a template
    time: timestamp
    value: value
  time: timestamp           the row's own time, for --speed; a column or "{day} {hour}:00"
  delimiter: ","
payload: "*" takes every column under its own name. Cells stay the text they were recorded in.`;
