import type { Command } from "commander";
import type { PromiseResource, TermsResource } from "../client/terms.ts";
import { problemOf } from "../kernel/errors.ts";
import { secondsOf } from "../kernel/duration.ts";
import type { GeoPolygon } from "../kernel/polygon.ts";
import type { Price } from "../kernel/price.ts";
import { rateFrom } from "../market/policy/operands.ts";
import { type CliIo, readText } from "./context.ts";
import { invalid, repeated, wholeNumber } from "./flags.ts";
import { priceGiven } from "./price.ts";
import { printLine } from "./output.ts";

/** A product's terms, as they are typed. */
export interface TermsFlags {
  readonly price?: string;
  readonly per?: string;
  readonly onlyTopic?: string[];
  readonly field?: string[];
  readonly drop?: string[];
  readonly round?: string[];
  readonly pseudonymise?: string[];
  readonly shift?: string[];
  readonly shiftBy?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly life?: string;
  readonly dataFrom?: string;
  readonly dataUntil?: string;
  readonly messagesMax?: string;
  readonly bytesMax?: string;
  readonly rate?: string;
  readonly area?: string;
  readonly purpose?: string[];
  readonly recipient?: string[];
  readonly jurisdiction?: string[];
  /** `--no-resharing`: commander keeps it as the opposite. */
  readonly resharing?: boolean;
  readonly deleteAfter?: string;
  readonly attribution?: string;
}

/** Terms in a file: as the API takes them, the price also as in --price. */
export type TermsFile = Partial<Omit<TermsResource, "price">> & { price?: Price | string };

export function withTermsOptions(command: Command): Command {
  return command
    .option("--price <price>", 'such as "0.002 EUR", or free, or a YAML file of charges')
    .option("--per <messages>", "how many messages the price is for (default: 1)")
    .option("--only-topic <filter>", "sell only this part of its topics; repeatable", repeated)
    .option("--field <name>", "let only these members of the payload through; repeatable", repeated)
    .option("--drop <name>", "leave this member of the payload out; repeatable", repeated)
    .option("--round <name=step>", "round a number, such as lat=0.01; repeatable", repeated)
    .option("--pseudonymise <name>", "replace a value by a keyed hash; repeatable", repeated)
    .option("--shift <name=days>", "move a date, such as measuredAt=365; repeatable", repeated)
    .option("--shift-by <name>", "by other days for each value of this member")
    .option("--not-before <time>", "deliver nothing before, such as 2027-01-01T00:00:00Z")
    .option("--not-after <time>", "deliver nothing from then on")
    .option("--life <time>", "deliver so long after signing, such as 30d, 12h or 10s")
    .option("--data-from <time>", "only what was logged from then on")
    .option("--data-until <time>", "only what was logged before then")
    .option("--messages-max <count>", "deliver at most so many messages an agreement")
    .option("--bytes-max <bytes>", "deliver at most so much content, such as 500kB or 5GB")
    .option("--rate <rate>", "at most so many, such as 1/10s/topic or 100/1m/stream")
    .option("--area <file.geojson>", "only messages sent from inside this Polygon")
    .option("--purpose <text>", "to be used for this alone; repeatable", repeated)
    .option("--recipient <id>", "to be used by these alone; repeatable", repeated)
    .option("--jurisdiction <code>", "to be used there alone, such as NL; repeatable", repeated)
    .option("--no-resharing", "not to be passed on")
    .option("--delete-after <time>", "each message to be deleted so long after, such as 30d")
    .option("--attribution <text>", "how the source is to be named");
}

/** Flags win over the file; CONFIG_INVALID names the flag that is wrong. */
export function termsFrom(flags: TermsFlags, file: TermsFile = {}): TermsResource {
  const { price, ...more } = termsSaid(flags, file);
  if (price) return { ...more, price };
  throw invalid('a product needs a --price, such as "0.002 EUR" or free');
}

/** Those that are given, no more. */
export function termsSaid(flags: TermsFlags, file: TermsFile = {}): Partial<TermsResource> {
  const { price: filePrice, ...fromFile } = file;
  const given = flags.price ?? filePrice;
  if (given === undefined && flags.per !== undefined) throw invalid("--per needs a --price");
  const per = wholeNumber("--per", flags.per ?? "1");
  const price = typeof given === "string" ? priceGiven(given, per) : given;
  const { notBefore, notAfter, dataFrom, dataUntil, attribution } = flags;
  const typed = {
    ...{ topics: flags.onlyTopic, fields: flags.field, drop: flags.drop },
    ...{ pseudonymise: flags.pseudonymise, notBefore, notAfter, dataFrom, dataUntil, attribution },
    ...{ purposes: flags.purpose, recipients: flags.recipient, jurisdictions: flags.jurisdiction },
    round: read(flags.round, (pairs) => numbersFrom("--round", pairs, "a step like lat=0.01")),
    shift: read(flags.shift, (pairs) => numbersFrom("--shift", pairs, "days like measuredAt=365")),
    shiftBy: flags.shiftBy,
    lifeSeconds: read(flags.life, (text) => timeFrom("--life", text)),
    deleteAfterSeconds: read(flags.deleteAfter, (text) => timeFrom("--delete-after", text)),
    messagesMax: read(flags.messagesMax, (text) => wholeNumber("--messages-max", text)),
    bytesMax: read(flags.bytesMax, bytesFrom),
    rate: read(flags.rate, rateFlag),
    area: read(flags.area, areaFrom),
    noResharing: flags.resharing === false ? true : undefined,
  };
  const set = Object.entries({ ...typed, price }).filter(([, value]) => value !== undefined);
  return { ...fromFile, ...(Object.fromEntries(set) as Partial<TermsResource>) };
}

/** A policy's text and its lines, as people read them. */
export function printTerms(
  io: CliIo,
  { plain, promises }: { plain: string; promises: readonly PromiseResource[] },
): void {
  printLine(io, plain);
  for (const { kind, text } of promises) printLine(io, `  ${kind.padEnd(8)}  ${text}`);
}

function read<T, R>(value: T | undefined, how: (value: T) => R): R | undefined {
  return value === undefined ? undefined : how(value);
}

function timeFrom(option: string, text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined) throw invalid(`${option} "${text}" is not a time such as 30d or 12h`);
  return seconds;
}

function numbersFrom(
  option: string,
  pairs: readonly string[],
  example: string,
): Record<string, number> {
  return Object.fromEntries(
    pairs
      .join(",")
      .split(",")
      .map((pair) => {
        const [, name = "", number = ""] = /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(pair) ?? [];
        if (name === "") throw invalid(`${option} "${pair}" is not a name and ${example}`);
        return [name, Number(number)];
      }),
  );
}

const units: Readonly<Record<string, number>> = { "": 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

function bytesFrom(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,15}) ?([kMGT]B)?$/.exec(text) ?? [];
  if (count === "") throw invalid(`--bytes-max "${text}" is not a size such as 500kB or 5GB`);
  return Number(count) * (units[unit] ?? 1);
}

function rateFlag(text: string): NonNullable<TermsResource["rate"]> {
  const rate = rateFrom(text);
  if (!rate)
    throw invalid(`--rate "${text}" is not messages/time/topic or …/stream, like 1/10s/topic`);
  return rate;
}

/** The Polygon in a GeoJSON file: as it is, or the geometry of its one Feature. */
function areaFrom(path: string): GeoPolygon {
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch (error) {
    throw invalid(`--area ${path}: ${problemOf(error)}`);
  }
  const geometry = geometryIn(value);
  if (geometry?.["type"] !== "Polygon") throw invalid(`--area ${path} holds no single Polygon`);
  return { type: "Polygon", coordinates: geometry["coordinates"] as GeoPolygon["coordinates"] };
}

function geometryIn(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const object = value as Record<string, unknown>;
  if (object["type"] === "Feature") return geometryIn(object["geometry"]);
  const { features } = object;
  if (Array.isArray(features)) return features.length === 1 ? geometryIn(features[0]) : undefined;
  return object;
}
