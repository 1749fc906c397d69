/**
 * Replay: recorded rows become live messages again.
 *
 * In come CSV files and a map; out go MQTT messages, one a row, in order, in the rhythm of their
 * own timestamps or faster, with the cells as the text they were recorded in. Each carries a
 * producer and a sequence number, so that a replay can be broken off and done again and a logged
 * stream still holds every row once. It never interprets, rounds or repairs a value.
 *
 * The map is YAML:
 *
 *     topic: loops/{file}           # {file}: the file's name without ending; {column}: that cell
 *     payload:                      # members of the JSON payload, each a column's text …
 *       time: timestamp
 *       value: value
 *       sensor: "{file}-{column}"   # … or a template; `payload: "*"` takes every column
 *     time: timestamp               # the row's own time, a column or a template; for --speed
 *     delimiter: ","                # or ";" …
 */
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { schemaProblem } from "../flags.ts";
import { parseYaml } from "../yaml.ts";

const MapFile = Type.Object(
  {
    topic: Type.String({ minLength: 1 }),
    payload: Type.Union([Type.Literal("*"), Type.Record(Type.String(), Type.String())]),
    time: Type.Optional(Type.String({ minLength: 1 })),
    delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 1 })),
  },
  { additionalProperties: false },
);
export type ReplayMap = Type.Static<typeof MapFile>;
const mapFile = Compile(MapFile);

export type Row = Readonly<Record<string, string>>;

export function parseMap(name: string, text: string): ReplayMap {
  let read: unknown;
  try {
    read = parseYaml(text);
  } catch (error) {
    throw new ComityError("CONFIG_INVALID", { problem: `${name}: ${problemOf(error)}` });
  }
  if (mapFile.Check(read)) return read;
  const problem = `${name}${schemaProblem(mapFile.Errors(read))}`;
  throw new ComityError("CONFIG_INVALID", { problem });
}

/** What a row becomes; throws a plain Error that names a column the file has not. */
export function messageOf(
  map: ReplayMap,
  file: string,
  row: Row,
): { readonly topic: string; readonly payload: string } {
  // a cell in a topic is one level: it brings no level or wildcard of its own
  const topic = fillIn(map.topic, file, row, (cell) => cell.replaceAll(/[/+#\0]/g, "_"));
  if (map.payload === "*") return { topic, payload: JSON.stringify(row) };
  const members = Object.entries(map.payload).map(
    ([member, source]) => [member, cellOf(source, file, row)] as const,
  );
  return { topic, payload: JSON.stringify(Object.fromEntries(members)) };
}

/** The row's own time in milliseconds since the Unix epoch; undefined where the map names none. */
export function timeOf(map: ReplayMap, file: string, row: Row): number | undefined {
  if (map.time === undefined) return undefined;
  const text = cellOf(map.time, file, row);
  const at = parseTime(text);
  if (at === undefined) throw new Error(`"${text}" is not a time`);
  return at;
}

const day = /(\d{4})-(\d\d)-(\d\d)/;
const clockTime = /(\d{1,2})(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?/;
const zoneName = /(Z|[+-]\d\d:?\d\d)/;
const form = new RegExp(`^${day.source}(?:[ T]${clockTime.source})?\\s*${zoneName.source}?$`);

/** ISO 8601 and its common looser forms; without a zone it is UTC; a number is Unix seconds. */
export function parseTime(text: string): number | undefined {
  if (/^\d{9,11}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^\d{12,14}$/.test(text)) return Number(text);
  const match = form.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour = "0", minute = "00", second = "00", zone = "Z"] = match;
  const offset = zone === "Z" ? zone : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const [whole, fraction = "0"] = second.split(".");
  const millis = fraction.slice(0, 3).padEnd(3, "0");
  const clock = `${hour.padStart(2, "0")}:${minute}:${whole}.${millis}`;
  const at = Date.parse(`${year}-${month}-${day}T${clock}${offset}`);
  return Number.isNaN(at) ? undefined : at;
}

function cellOf(source: string, file: string, row: Row): string {
  if (source.includes("{")) return fillIn(source, file, row, (cell) => cell);
  return column(source, row);
}

function fillIn(template: string, file: string, row: Row, write: (cell: string) => string): string {
  return template.replaceAll(/\{([^{}]+)\}/g, (_, name: string) =>
    write(name === "file" ? file : column(name, row)),
  );
}

function column(name: string, row: Row): string {
  const cell = Object.hasOwn(row, name) ? row[name] : undefined;
  if (cell === undefined) throw new Error(`there is no column "${name}"`);
  return cell;
}
