/** What a term may be, however it was written: the same for a product and for a policy read. */
import { polygonProblem } from "../../kernel/polygon-problem.ts";
import { priceProblem } from "../../kernel/price-problem.ts";
import { isoTime } from "../../kernel/time.ts";
import { filterProblem } from "../../kernel/topic.ts";
import type { Rate } from "../grant.ts";
import type { Terms } from "../product.ts";
import { type Attestation, attestationProblem } from "../attestation.ts";

const namesMax = 100;
const nameLengthMax = 256;
const secondsMax = 100 * 366 * 86_400;
/** The data plane rebuilds a window from the log, so it is kept short. */
const rateSecondsMax = 3_600;
const attributionLengthMax = 500;
/** A hundred years. */
const shiftDaysMax = 36_525;

type Check<T> = (value: T) => string | undefined;
type Checks = { readonly [K in keyof Required<Terms>]: Check<NonNullable<Terms[K]>> };

const checks: Checks = {
  price: priceProblem,
  topics: (value) => namesProblem(value) ?? first(value, filterProblem),
  fields: membersProblem,
  drop: membersProblem,
  round: roundProblem,
  pseudonymise: membersProblem,
  shift: shiftProblem,
  shiftBy: (value) => membersProblem([value]),
  notBefore: timeProblem,
  notAfter: timeProblem,
  lifeSeconds: (value) => wholeProblem(value, secondsMax),
  dataFrom: timeProblem,
  dataUntil: timeProblem,
  messagesMax: (value) => wholeProblem(value),
  bytesMax: (value) => wholeProblem(value),
  rate: rateProblem,
  area: polygonProblem,
  purposes: namesProblem,
  recipients: namesProblem,
  jurisdictions: (value) => namesProblem(value) ?? first(value, jurisdictionProblem),
  noResharing: (value) => (value ? undefined : "is false: leave it out"),
  deleteAfterSeconds: (value) => wholeProblem(value, secondsMax),
  attribution: attributionProblem,
};

/** Every term there is, in the order in which they are told. */
export const termNames = Object.keys(checks) as readonly (keyof Terms)[];

/** The first term that is wrong, by its name; or what two of them contradict; or undefined. */
export function termsProblem(terms: Terms & Attestation): string | undefined {
  for (const name of termNames) {
    const value = terms[name];
    const problem = value === undefined ? undefined : (checks[name] as Check<typeof value>)(value);
    if (problem !== undefined) return `${name}${name === "price" ? ":" : ""} ${problem}`;
  }
  return contradiction(terms) ?? attestationProblem(terms);
}

function contradiction(terms: Terms): string | undefined {
  const { notBefore, notAfter, dataFrom, dataUntil } = terms;
  if (notBefore !== undefined && notAfter !== undefined && later(notBefore, notAfter)) {
    return `notAfter ${notAfter} does not come after notBefore ${notBefore}`;
  }
  if (dataFrom !== undefined && dataUntil !== undefined && later(dataFrom, dataUntil)) {
    return `dataUntil ${dataUntil} does not come after dataFrom ${dataFrom}`;
  }
  return shapeProblem(terms);
}

/** Each member is treated in one way, and one that is not let through at all in none. */
function shapeProblem(terms: Terms): string | undefined {
  const { fields, drop = [], round = {}, pseudonymise = [], shift = {}, shiftBy } = terms;
  const uses = new Map<string, string>();
  const [rounded, shifted] = [Object.keys(round), Object.keys(shift)];
  const named = { drop, round: rounded, pseudonymise, shift: shifted };
  for (const [use, names] of Object.entries(named)) {
    for (const name of names) {
      const before = uses.get(name);
      if (before !== undefined) return `${use} names "${name}", and so does ${before}`;
      uses.set(name, use);
    }
  }
  for (const [name, use] of uses) {
    // left out twice is left out: a member may also be spelt with the dot in its name
    const isLeftOut = (one: string): boolean => use === "drop" && uses.get(one) === "drop";
    const around = levelsAbove(name).find((one) => uses.has(one) && !isLeftOut(one));
    if (around !== undefined) {
      return `${use} names "${name}", a member of "${around}", which ${uses.get(around)} names`;
    }
    if (use === "drop" && fields?.includes(name) === true) {
      return `drop names "${name}", and so does fields`;
    }
    if (fields && ![name, ...levelsAbove(name)].some((one) => fields.includes(one))) {
      return `${use} names "${name}", which fields do not let through`;
    }
  }
  if (shiftBy === undefined) return undefined;
  if (shifted.length === 0) return "shiftBy is there without shift";
  if (shifted.includes(shiftBy)) return `shiftBy names "${shiftBy}", and so does shift`;
  return undefined;
}

/** `a.b.c` → `a`, `a.b`. */
function levelsAbove(path: string): string[] {
  const levels = path.split(".");
  return levels.slice(1).map((_, i) => levels.slice(0, i + 1).join("."));
}

function later(from: string, until: string): boolean {
  return (isoTime(from) ?? 0) >= (isoTime(until) ?? 0);
}

function namesProblem(names: readonly string[]): string | undefined {
  if (!Array.isArray(names)) return "are no list";
  if (names.length === 0) return "are empty: leave them out";
  if (names.length > namesMax) return `are more than ${namesMax}`;
  for (const name of names as readonly unknown[]) {
    if (typeof name !== "string" || name.trim() === "" || name.length > nameLengthMax) {
      return `have a name that is empty or longer than ${nameLengthMax} characters`;
    }
    if (/\p{Cc}/u.test(name)) return "have a name with a control character";
  }
  const twice = names.find((name, i) => names.indexOf(name) < i);
  return twice === undefined ? undefined : `name "${twice}" twice`;
}

/** What is wrong with names of JSON members. */
export function membersProblem(members: readonly string[]): string | undefined {
  return namesProblem(members) ?? first(members, pathProblem);
}

/** `a.b`: no level is empty. */
function pathProblem(path: string): string | undefined {
  return path.split(".").includes("") ? "has an empty level" : undefined;
}

function jurisdictionProblem(code: string): string | undefined {
  return /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/.test(code) ? undefined : "is no ISO 3166 code";
}

function first(names: readonly string[], check: Check<string>): string | undefined {
  for (const name of names) {
    const problem = check(name);
    if (problem !== undefined) return `name "${name}", which ${problem}`;
  }
  return undefined;
}

function numberedProblem(value: unknown, what: string): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `is no object of members and ${what}`;
  }
  const names = Object.keys(value);
  return names.length === 0 ? "is empty: leave it out" : membersProblem(names);
}

/** What lies between two dates stays only where all of them are moved alike. */
function shiftProblem(shift: Readonly<Record<string, number>>): string | undefined {
  const problem = numberedProblem(shift, "days");
  if (problem !== undefined) return problem;
  const days = Object.values(shift);
  const wrong = days.map((one) => wholeProblem(one, shiftDaysMax)).find((one) => one !== undefined);
  if (wrong !== undefined) return `days: ${wrong}`;
  return days.every((one) => one === days[0]) ? undefined : "has members with different days";
}

function roundProblem(round: Readonly<Record<string, number>>): string | undefined {
  const problem = numberedProblem(round, "steps");
  if (problem !== undefined) return problem;
  for (const name of Object.keys(round)) {
    // 1e-9 … 1e9 is written without an exponent by `decimal`, and read back as the same number
    const step = round[name] ?? 0;
    if (!(typeof step === "number" && step >= 1e-9 && step <= 1e9)) {
      return `of "${name}" is ${String(step)}, not a step from 0.000000001 to 1000000000`;
    }
    if (Number(step.toPrecision(12)) !== step) return `of "${name}" has more than 12 digits`;
  }
  return undefined;
}

function rateProblem(rate: Rate): string | undefined {
  if (typeof rate !== "object" || rate === null) return "is no object";
  const { messages, seconds, per, ...more } = rate;
  const [other] = Object.keys(more);
  if (other !== undefined) return `has the member "${other}"`;
  const count = wholeProblem(messages);
  if (count !== undefined) return `messages ${count}`;
  const length = wholeProblem(seconds, rateSecondsMax);
  if (length !== undefined) return `seconds ${length}`;
  if (per === "topic" || per === "stream") return undefined;
  return `per "${String(per)}" is neither topic nor stream`;
}

function timeProblem(text: string): string | undefined {
  if (typeof text === "string" && isoTime(text) !== undefined) return undefined;
  return `"${text}" is not an ISO 8601 time in UTC`;
}

function wholeProblem(value: number, max = Number.MAX_SAFE_INTEGER): string | undefined {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return undefined;
  const most = max === Number.MAX_SAFE_INTEGER ? "≥ 1" : `from 1 to ${max}`;
  return `${String(value)} is not a whole number ${most}`;
}

function attributionProblem(text: string): string | undefined {
  if (typeof text !== "string" || text.trim() === "") return "is empty: leave it out";
  if (text.length > attributionLengthMax)
    return `is longer than ${attributionLengthMax} characters`;
  return /\p{Cc}/u.test(text) ? "has a control character" : undefined;
}
