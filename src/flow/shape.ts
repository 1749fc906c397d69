import type { Shape } from "../market/grant.ts";
import { type DayShift, shiftedDate } from "./date-shift.ts";
import { kindAt, type JsonKind, walkElements, walkMembers } from "./json-text.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { roundingTo } from "./rounding.ts";

/** The text of a JSON object as it may pass; undefined: it has something that cannot be read. */
export type Shaper = (text: string) => string | undefined;

/** What is made under keys of the agreement. */
export interface Masks {
  readonly pseudonym: Pseudonym;
  readonly dayShift: DayShift;
}

/** What is to be done at one path; paths are joined by dots, whatever the names hold themselves. */
interface Step {
  readonly allows: boolean;
  readonly drops: boolean;
  readonly change: Change | undefined;
  /** A path below this one is named. */
  leads: boolean;
  /** One of those that are let through. */
  leadsToAllowed: boolean;
}

/** Another value's text in place of this one's; undefined: there is none. */
type Change = (text: string, kind: JsonKind, message: string) => string | undefined;

const depthMax = 32;

/** Something that should be changed and cannot be read: the message is withheld. */
const unreadable = Symbol("unreadable");

/**
 * Compiles what a grant leaves of a payload. Values that are not named keep their text to the
 * byte (`1.50` stays `1.50`). A number is rounded, a string or a number becomes a pseudonym, a
 * date is moved, `null` says nothing and stays; anything else in their place cannot be made safe,
 * so that the message is withheld. Members of the same name are all treated alike.
 */
export function compileShape(shape: Shape, masks: Masks): Shaper {
  const steps = stepsOf(shape, masks);
  const isOpen = shape.allow === undefined;
  return (text) => {
    try {
      return objectAt(text, 0, { steps, message: text, path: "", isOpen, depth: 0 });
    } catch (thrown) {
      if (thrown === unreadable) return undefined;
      throw thrown;
    }
  };
}

interface Inside {
  readonly steps: ReadonlyMap<string, Step>;
  readonly message: string;
  readonly path: string;
  /** This or something around it is let through whole. */
  readonly isOpen: boolean;
  readonly depth: number;
}

function objectAt(text: string, from: number, inside: Inside): string {
  if (inside.depth > depthMax) throw unreadable;
  let out = "";
  walkMembers(text, from, ({ name, keyAt, keyEnd, valueAt, valueEnd }) => {
    const path = inside.path === "" ? name : `${inside.path}.${name}`;
    const step = inside.steps.get(path);
    if (step?.drops === true) return;
    const isOpen = inside.isOpen || step?.allows === true;
    if (!isOpen && step?.leadsToAllowed !== true) return;
    const value = valueAs(text, valueAt, valueEnd, step, { ...inside, path, isOpen });
    if (value === undefined) return;
    out += `${out === "" ? "" : ","}${text.slice(keyAt, keyEnd)}:${value}`;
  });
  return `{${out}}`;
}

/** Undefined: nothing of it is let through. */
function valueAs(
  text: string,
  at: number,
  end: number,
  step: Step | undefined,
  inside: Inside,
): string | undefined {
  if (step === undefined || (step.change === undefined && !step.leads)) return text.slice(at, end);
  const kind = kindAt(text, at);
  if (kind === "array") return arrayAt(text, at, step, inside);
  if (step.change !== undefined && inside.isOpen && kind !== "null") {
    const made = step.change(text.slice(at, end), kind, inside.message);
    if (made === undefined) throw unreadable;
    return made;
  }
  if (kind === "object") return objectAt(text, at, { ...inside, depth: inside.depth + 1 });
  return inside.isOpen ? text.slice(at, end) : undefined;
}

function arrayAt(text: string, from: number, step: Step, inside: Inside): string {
  if (inside.depth > depthMax) throw unreadable;
  const elements: string[] = [];
  walkElements(text, from, (at, end) => {
    const value = valueAs(text, at, end, step, { ...inside, depth: inside.depth + 1 });
    if (value !== undefined) elements.push(value);
  });
  return `[${elements.join(",")}]`;
}

function stepsOf(shape: Shape, { pseudonym, dayShift }: Masks): ReadonlyMap<string, Step> {
  const changes = new Map<string, Change>();
  for (const [path, step] of Object.entries(shape.round ?? {})) {
    const round = roundingTo(step);
    changes.set(path, (text, kind) => (kind === "number" ? round(text) : undefined));
  }
  const hide: Change = (text, kind) => {
    const value = plainOf(text, kind);
    return value === undefined ? undefined : `"${pseudonym(value)}"`;
  };
  for (const path of shape.pseudonymise ?? []) changes.set(path, hide);
  for (const [path, daysMax] of Object.entries(shape.shift ?? {})) {
    changes.set(path, (text, kind, message) => {
      const subject = shape.shiftBy === undefined ? "" : onlyValueAt(message, shape.shiftBy);
      if (subject === undefined) return undefined;
      return shiftedDate(text, kind, dayShift(subject, daysMax));
    });
  }
  const allowed = new Set(shape.allow);
  const dropped = new Set(shape.drop);
  const steps = new Map<string, Step>();
  const stepAt = (path: string): Step => {
    let step = steps.get(path);
    if (step === undefined) {
      const change = changes.get(path);
      const named = { allows: allowed.has(path), drops: dropped.has(path), change };
      step = { ...named, leads: false, leadsToAllowed: false };
      steps.set(path, step);
    }
    return step;
  };
  for (const path of [...allowed, ...dropped, ...changes.keys()]) {
    stepAt(path);
    for (let dot = path.indexOf("."); dot !== -1; dot = path.indexOf(".", dot + 1)) {
      const around = stepAt(path.slice(0, dot));
      around.leads = true;
      around.leadsToAllowed ||= allowed.has(path);
    }
  }
  return steps;
}

/** The same for `7`, `7.0` and `"7"`; a number that no double holds is known by its digits. */
function plainOf(text: string, kind: JsonKind): string | undefined {
  if (kind === "string") return JSON.parse(text) as string;
  if (kind !== "number") return undefined;
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : String(number);
}

/** The one value that stands at a path; undefined where there is none there, or another beside it. */
function onlyValueAt(message: string, path: string): string | undefined {
  const found = new Set<string | undefined>();
  const look = (text: string, at: number, end: number, here: string, depth: number): void => {
    if (depth > depthMax) throw unreadable;
    const kind = kindAt(text, at);
    if (kind === "array") {
      walkElements(text, at, (from, to) => look(text, from, to, here, depth + 1));
    } else if (here === path) found.add(plainOf(text.slice(at, end), kind));
    else if (kind === "object") {
      walkMembers(text, at, ({ name, valueAt, valueEnd }) => {
        const inner = here === "" ? name : `${here}.${name}`;
        if (path === inner || path.startsWith(`${inner}.`)) {
          look(text, valueAt, valueEnd, inner, depth + 1);
        }
      });
    }
  };
  look(message, message.indexOf("{"), message.length, "", 0);
  const [value] = found;
  return found.size === 1 ? value : undefined;
}
