import { parse } from "csv-parse/sync";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { type Fault, levelOf, type SectorMessage, type SourceReader } from "../sector.ts";
import type { SourceInput, SourceReading } from "../sector.ts";
import { meaningOf } from "./pvdaq-channels.ts";

const systemsMax = 10_000;
const channelsMax = 200;
const shownLengthMax = 40;
/** Mountain standard time, all the year: loggers of the campus in Golden know no summer. */
const offsetDefault = "-07:00";
const clock = String.raw`(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2}))?`;
const isoDate = String.raw`(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})`;
const isoForm = new RegExp(`^${isoDate}[ T]${clock}(?<offset>Z|[+-]\\d{2}:\\d{2})?$`);
const americanForm = new RegExp(
  String.raw`^(?<month>\d{1,2})/(?<day>\d{1,2})/(?<year>\d{4}) ${clock}$`,
);

interface Column {
  readonly name: string;
  readonly meaning: ReturnType<typeof meaningOf>;
}

/**
 * Photovoltaic systems and weather stations as PVDAQ of the United States' National Renewable
 * Energy Laboratory publishes them: CSV, one row a time, one column a channel, first the time.
 * A row becomes one message below `systems/<file>`: a PhotovoltaicMeasurement where the table tells
 * a plant's power, a WeatherObserved else. Channels keep their names under `pvdaq`; columns of
 * `pvlib_…` are modelled, not measured, and are left out.
 */
export class PvdaqReader implements SourceReader {
  /** The latest row of each system; the longest unheard of first. */
  readonly #lastAt = new Map<string, number>();

  read({ bytes, from }: SourceInput): SourceReading {
    const [, system = ""] = /([^/?#]+?)(?:\.csv)?(?:[?#].*)?$/i.exec(from) ?? [];
    const [columns, rows] = tableOf(bytes);
    const isPlant = columns.some(({ meaning }) => meaning?.member === "activePower");
    const messages: SectorMessage[] = [];
    const faults: Fault[] = [];
    const before = this.#lastAt.get(from) ?? -Infinity;
    let lastAt = before;
    for (const [time = "", ...cells] of rows) {
      const at = timeOf(time.trim());
      const shown = time.slice(0, shownLengthMax);
      if (at === undefined) {
        if (time !== "" || cells.some((cell) => cell !== "")) {
          faults.push({ code: "time", text: `${system}: "${shown}" is no time` });
        }
        continue;
      }
      if (at <= before) continue;
      if (at <= lastAt) {
        faults.push({ code: "clock", text: `${system}: ${shown} is not after the row before` });
        continue;
      }
      const said = valuesOf(columns, cells, isPlant, (text) => {
        faults.push({ code: "value", text: `${system}: ${shown}: ${text}` });
      });
      lastAt = at;
      if (said === undefined) continue;
      const payload = {
        type: isPlant ? "PhotovoltaicMeasurement" : "WeatherObserved",
        id: system,
        dateObserved: new Date(at).toISOString(),
        ...(isPlant && { refPhotovoltaicDevice: system }),
        ...said,
      };
      messages.push({ topic: `systems/${levelOf(system)}`, payload });
    }
    this.#lastAt.delete(from);
    this.#lastAt.set(from, lastAt);
    if (this.#lastAt.size > systemsMax) this.#lastAt.delete(this.#lastAt.keys().next().value!);
    return { messages, faults };
  }
}

function tableOf(bytes: Uint8Array): [readonly Column[], readonly string[][]] {
  let table: string[][];
  try {
    table = parse(Buffer.from(bytes), { bom: true, relax_column_count: true });
  } catch (thrown) {
    throw invalid(`it is no CSV (${problemOf(thrown)})`);
  }
  const [[first = "-", ...names] = [], ...rows] = table;
  if (first !== "" && first !== "measured_on") {
    throw invalid(`its first column is "${first.slice(0, shownLengthMax)}", not measured_on`);
  }
  if (names.length > channelsMax) throw invalid(`it has more than ${channelsMax} columns`);
  const columns = names.map((name) => ({ name, meaning: meaningOf(name) }));
  if (columns.some(({ meaning }) => meaning !== undefined)) return [columns, rows];
  throw invalid(`no channel of PVDAQ is among "${names.join().slice(0, 2 * shownLengthMax)}"`);
}

/** The row's members; undefined where nothing was measured. */
function valuesOf(
  columns: readonly Column[],
  cells: readonly string[],
  isPlant: boolean,
  onFault: (text: string) => void,
): Readonly<Record<string, unknown>> | undefined {
  const members: Record<string, number> = {};
  const pvdaq: Record<string, number> = {};
  for (const [index, { name, meaning }] of columns.entries()) {
    const cell = cells[index]?.trim() ?? "";
    if (cell === "" || name.startsWith("pvlib_")) continue;
    const value = Number(cell);
    const [least, most] = meaning?.limits ?? [-Number.MAX_VALUE, Number.MAX_VALUE];
    if (!(value >= least && value <= most)) {
      onFault(`${name} is "${cell.slice(0, shownLengthMax)}"`);
      continue;
    }
    pvdaq[name] = value;
    if (meaning === undefined || meaning.of === (isPlant ? "weather" : "plant")) continue;
    members[meaning.member] ??= Number((value / meaning.per).toPrecision(12));
  }
  return Object.keys(pvdaq).length === 0 ? undefined : { ...members, pvdaq };
}

/** `2016-07-01 00:15:00-07:00`, or without an offset, or `2/1/2019 0:05`. */
function timeOf(text: string): number | undefined {
  const parts = (isoForm.exec(text) ?? americanForm.exec(text))?.groups;
  if (parts === undefined) return undefined;
  const { second = "00", offset = offsetDefault } = parts;
  const [month, day, hour] = [parts["month"], parts["day"], parts["hour"]].map(twoDigits);
  const time = `${hour}:${parts["minute"]}:${second}${offset}`;
  const at = Date.parse(`${parts["year"]}-${month}-${day}T${time}`);
  return Number.isNaN(at) ? undefined : at;
}

function twoDigits(text = ""): string {
  return text.padStart(2, "0");
}

function invalid(problem: string): ComityError {
  return new ComityError("SOURCE_INVALID", { problem });
}
