import { parse } from "csv-parse/sync";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { type Fault, levelOf, type SectorMessage, type SourceReader } from "../sector.ts";
import type { SourceInput, SourceReading } from "../sector.ts";

/** TrafficFlowObserved of the Smart Data Models, as far as a loop detector knows it. */
export interface TrafficFlow {
  readonly type: "TrafficFlowObserved";
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly dateObserved: string;
  /** km/h. */
  readonly averageVehicleSpeed?: number;
  /** Share of time that the detector is occupied, 0 … 1. */
  readonly occupancy?: number;
  /** Seconds over a stretch of road; no member of the model, which has no word for it. */
  readonly travelTime?: number;
}

type Quantity = "averageVehicleSpeed" | "occupancy" | "travelTime";

const filesMax = 10_000;
const kmPerMile = 1.609344;
const zone = "America/Chicago";

/** What the files' names begin with, and how their values become the model's. */
const quantities: Readonly<
  Record<string, { member: Quantity; max: number; convert: (value: number) => number }>
> = {
  speed: { member: "averageVehicleSpeed", max: 200, convert: (mph) => rounded(mph * kmPerMile) },
  occupancy: { member: "occupancy", max: 100, convert: (percent) => rounded(percent / 100) },
  TravelTime: { member: "travelTime", max: 86_400, convert: (seconds) => seconds },
};

/**
 * Loop detectors of the Minnesota Department of Transportation as CSV: `timestamp,value`, local
 * time of Minnesota, one file a quantity and detector (`speed_6005.csv`, in miles an hour). Rows
 * that are later than those seen before become messages below `detectors/<id>`.
 */
export class LoopReader implements SourceReader {
  /** The latest row of each file or topic; the longest unheard of first. */
  readonly #lastAt = new Map<string, number>();

  read({ bytes, from }: SourceInput): SourceReading {
    const [, name = "", id = ""] = /(?:^|\/)([A-Za-z]+)_(\w+)(?:\.csv)?$/.exec(from) ?? [];
    const quantity = quantities[name];
    if (quantity === undefined) {
      throw invalid(`"${from.slice(-80)}" is not named as speed_6005.csv is`);
    }
    const messages: SectorMessage[] = [];
    const faults: Fault[] = [];
    const before = this.#lastAt.get(from) ?? -Infinity;
    let lastAt = before;
    for (const [time = "", text = ""] of rowsOf(bytes)) {
      const at = utcOf(time);
      if (at === undefined) {
        faults.push({ code: "time", text: `${from}: "${time.slice(0, 40)}" is no time` });
        continue;
      }
      if (at <= before) continue;
      if (at <= lastAt) {
        faults.push({ code: "clock", text: `${from}: ${time} is not after the row before` });
        continue;
      }
      const value = text.trim() === "" ? NaN : Number(text);
      if (!(value >= 0 && value <= quantity.max)) {
        const shown = text.slice(0, 40);
        faults.push({ code: "value", text: `${from}: ${time} has ${name} "${shown}"` });
        continue;
      }
      lastAt = at;
      const payload: TrafficFlow = {
        type: "TrafficFlowObserved",
        id,
        dateObserved: new Date(at).toISOString(),
        [quantity.member]: quantity.convert(value),
      };
      messages.push({ topic: `detectors/${levelOf(id)}`, payload });
    }
    this.#lastAt.delete(from);
    this.#lastAt.set(from, lastAt);
    if (this.#lastAt.size > filesMax) this.#lastAt.delete(this.#lastAt.keys().next().value!);
    return { messages, faults };
  }
}

function rowsOf(bytes: Uint8Array): readonly string[][] {
  let rows: string[][];
  try {
    rows = parse(Buffer.from(bytes), { bom: true, relax_column_count: true });
  } catch (thrown) {
    throw invalid(`it is no CSV (${problemOf(thrown)})`);
  }
  const [head = [], ...rest] = rows;
  if (head.join() === "timestamp,value") return rest;
  throw invalid(`its columns are "${head.join().slice(0, 80)}", not "timestamp,value"`);
}

let format: Intl.DateTimeFormat | undefined;

/** Made when it is first needed: time zones cost a node's start milliseconds and memory. */
function zoned(): Intl.DateTimeFormat {
  format ??= new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    ...{ year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  });
  return format;
}

/** `2015-07-10 14:24:00` in Minnesota, as milliseconds since the Unix epoch. */
function utcOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)) return undefined;
  const asUtc = Date.parse(`${text.replace(" ", "T")}Z`);
  if (Number.isNaN(asUtc)) return undefined;
  // the offset of the guess, then of what it gives: right but for the hour that stands twice
  const first = asUtc - offsetMs(asUtc);
  return asUtc - offsetMs(first);
}

function offsetMs(at: number): number {
  const said = new Map(
    zoned()
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const date = `${said.get("year")}-${said.get("month")}-${said.get("day")}`;
  const time = `${said.get("hour")}:${said.get("minute")}:${said.get("second")}`;
  return Date.parse(`${date}T${time}Z`) - at;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function invalid(problem: string): ComityError {
  return new ComityError("SOURCE_INVALID", { problem });
}
