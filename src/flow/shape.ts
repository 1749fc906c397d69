import type { Shape } from "../market/grant.ts";
import { type DayShift, shiftedDate } from "./date-shift.ts";
import type { PayloadForm, Written } from "./payload-form.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { roundingTo } from "./rounding.ts";

/** The object as it may pass, in the form it has; undefined: it has something that cannot be read. */
export type Shaper = <T extends string | Buffer>(written: Written<T>) => T | undefined;

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
type Change = (text: string, kind: PlainKind, subjectAt: SubjectAt) => string | undefined;

type PlainKind = "string" | "number";

/** The one value that stands at a path of the message. */
type SubjectAt = (path: string) => string | undefined;

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
  return ({ message, form }) => {
    try {
      const subjectAt = once((path: string) => onlyValueAt(message, form, path));
      return objectAt(0, { steps, form, message, subjectAt, path: "", isOpen, depth: 0 });
    } catch (thrown) {
      if (thrown === unreadable) return undefined;
      throw thrown;
    }
  };
}

interface Inside<T extends string | Buffer> {
  readonly steps: ReadonlyMap<string, Step>;
  readonly form: PayloadForm<T>;
  readonly message: T;
  readonly subjectAt: SubjectAt;
  readonly path: string;
  /** This or something around it is let through whole. */
  readonly isOpen: boolean;
  readonly depth: number;
}

function objectAt<T extends string | Buffer>(from: number, inside: Inside<T>): T {
  if (inside.depth > depthMax) throw unreadable;
  const { form, message } = inside;
  const members: T[] = [];
  form.walkMembers(message, from, ({ name, keyAt, keyEnd, valueAt, valueEnd }) => {
    const path = inside.path === "" ? name : `${inside.path}.${name}`;
    const step = inside.steps.get(path);
    if (step?.drops === true) return;
    const isOpen = inside.isOpen || step?.allows === true;
    if (!isOpen && step?.leadsToAllowed !== true) return;
    const value = valueAs(valueAt, valueEnd, step, { ...inside, path, isOpen });
    if (value !== undefined) members.push(form.member(form.slice(message, keyAt, keyEnd), value));
  });
  return form.object(members);
}

/** Undefined: nothing of it is let through. */
function valueAs<T extends string | Buffer>(
  at: number,
  end: number,
  step: Step | undefined,
  inside: Inside<T>,
): T | undefined {
  const { form, message } = inside;
  if (step === undefined || (step.change === undefined && !step.leads)) {
    return form.slice(message, at, end);
  }
  const kind = form.kindAt(message, at);
  if (kind === "array") return arrayAt(at, step, inside);
  // Octets, and what a tag stands around, may hold a map: nothing in it can be left out or changed.
  if ((kind === "other" || kind === "bytes") && inside.isOpen) throw unreadable;
  if (step.change !== undefined && inside.isOpen && kind !== "null") {
    return changed(at, end, step.change, inside);
  }
  if (kind === "object") return objectAt(at, { ...inside, depth: inside.depth + 1 });
  return inside.isOpen ? form.slice(message, at, end) : undefined;
}

function changed<T extends string | Buffer>(
  at: number,
  end: number,
  change: Change,
  { form, message, subjectAt }: Inside<T>,
): T {
  const kind = form.kindAt(message, at);
  if (kind !== "string" && kind !== "number") throw unreadable;
  const made = change(form.textOf(message, at, end), kind, subjectAt);
  if (made === undefined) throw unreadable;
  return form.valueOf(made);
}

function arrayAt<T extends string | Buffer>(from: number, step: Step, inside: Inside<T>): T {
  if (inside.depth > depthMax) throw unreadable;
  const elements: T[] = [];
  inside.form.walkElements(inside.message, from, (at, end) => {
    const value = valueAs(at, end, step, { ...inside, depth: inside.depth + 1 });
    if (value !== undefined) elements.push(value);
  });
  return inside.form.array(elements);
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
    changes.set(path, (text, kind, subjectAt) => {
      const subject = shape.shiftBy === undefined ? "" : subjectAt(shape.shiftBy);
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

/** A message is gone through once for its subject, however many dates it has. */
function once(find: SubjectAt): SubjectAt {
  const found = new Map<string, string | undefined>();
  return (path) => {
    if (!found.has(path)) found.set(path, find(path));
    return found.get(path);
  };
}

/** The same for `7`, `7.0` and `"7"`; a number that no double holds is known by its digits. */
function plainOf(text: string, kind: PlainKind): string | undefined {
  if (kind === "string") return JSON.parse(text) as string;
  const number = Number(text);
  const isBeyond = !Number.isFinite(number);
  const isLong = Number.isInteger(number) && !Number.isSafeInteger(number);
  return isBeyond || isLong ? text : String(number);
}

/** The one value that stands at a path; undefined where there is none there, or another beside it. */
function onlyValueAt<T extends string | Buffer>(
  message: T,
  form: PayloadForm<T>,
  path: string,
): string | undefined {
  const found = new Set<string | undefined>();
  const look = (at: number, end: number, here: string, depth: number): void => {
    if (depth > depthMax) throw unreadable;
    const kind = form.kindAt(message, at);
    if (kind === "array") {
      form.walkElements(message, at, (from, to) => look(from, to, here, depth + 1));
    } else if (here === path) {
      const isPlain = kind === "string" || kind === "number";
      found.add(isPlain ? plainOf(form.textOf(message, at, end), kind) : undefined);
    } else if (kind === "object") {
      form.walkMembers(message, at, ({ name, valueAt, valueEnd }) => {
        const inner = here === "" ? name : `${here}.${name}`;
        if (path === inner || path.startsWith(`${inner}.`)) {
          look(valueAt, valueEnd, inner, depth + 1);
        }
      });
    }
  };
  look(form.firstAt(message), message.length, "", 0);
  const [value] = found;
  return found.size === 1 ? value : undefined;
}
