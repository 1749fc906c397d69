import { parse } from "csv-parse/sync";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { quantities, type TrafficFlow, utcOf } from "./loop-quantities.ts";
import { type Fault, levelOf, type SectorMessage, type SourceReader } from "../sector.ts";
import type { SourceInput, SourceReading } from "../sector.ts";

const filesMax = 10_000;

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

function invalid(problem: string): ComityError {
  return new ComityError("SOURCE_INVALID", { problem });
}
