import { canonicalHash } from "../../kernel/canonical.ts";
import type { Content, Indicator, Member, Message } from "./document.ts";

/** Which part of a version a change must raise (Semantic Versioning 2.0.0 §6–8). */
export type Level = "major" | "minor" | "patch";

export interface Change {
  readonly level: Level;
  /** What it is about: `FleetVehicleStatus.speed`. */
  readonly where: string;
  readonly text: string;
}

const levels: readonly Level[] = ["major", "minor", "patch"];

/**
 * What a new version says otherwise, what breaks first. A change breaks (`major`) where a message
 * that conforms may conform no longer, or where whoever reads loses what was promised. Members that
 * a version does not name are the sender's own; a later one may name them.
 */
export function changesBetween(old: Content, next: Content): readonly Change[] {
  const changes: Change[] = [
    ...entries("message", old.messages, next.messages, changesOfMessage),
    ...entries("indicator", old.indicators, next.indicators, changesOfIndicator),
  ];
  if (old.title !== next.title) changes.push(said("", `the title is "${next.title}"`));
  if (canonicalHash(old.template) !== canonicalHash(next.template)) {
    changes.push(said("", "the product template is another"));
  }
  return changes.sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

/** The most any of them asks for; undefined where there are none. */
export function levelOf(changes: readonly Change[]): Level | undefined {
  return levels.find((level) => changes.some((change) => change.level === level));
}

/** `FleetVehicleStatus.speed: maximum 300 instead of 600`. */
export function describeChange({ where, text }: Change): string {
  return where === "" ? text : `${where}: ${text}`;
}

/** The version after that one, raised by the level: `1.4.2`, minor → `1.5.0`. */
export function raised(version: string, level: Level): string {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (level === "major") return `${major + 1}.0.0`;
  return level === "minor" ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

/** Below zero where the first is older (Semantic Versioning 2.0.0 §11). */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(".").map(Number));
  const at = [0, 1, 2].find((part) => a![part] !== b![part]);
  return at === undefined ? 0 : a![at]! - b![at]!;
}

function entries<T>(
  what: string,
  old: Readonly<Record<string, T>>,
  next: Readonly<Record<string, T>>,
  changesOf: (name: string, before: T, after: T) => Change[],
): Change[] {
  const gone = Object.keys(old).filter((name) => !Object.hasOwn(next, name));
  const changes = gone.map((name) => breaks(name, `the ${what} is gone`));
  for (const [name, after] of Object.entries(next)) {
    if (Object.hasOwn(old, name)) changes.push(...changesOf(name, old[name]!, after));
    else changes.push({ level: "minor", where: name, text: `a new ${what}` });
  }
  return changes;
}

function changesOfMessage(name: string, old: Message, next: Message): Change[] {
  const changes: Change[] = [];
  if (old.title !== next.title || old.source !== next.source) {
    changes.push(said(name, "its title or source is another"));
  }
  const requires = (message: Message, member: string) => message.required.includes(member);
  for (const [member, model] of Object.entries(old.members)) {
    const where = `${name}.${member}`;
    const after = Object.hasOwn(next.members, member) ? next.members[member] : undefined;
    if (after === undefined) {
      changes.push(breaks(where, "the member is gone"));
      continue;
    }
    changes.push(...changesOfMember(where, model, after));
    if (!requires(old, member) && requires(next, member)) {
      changes.push(breaks(where, "it is required now"));
    } else if (requires(old, member) && !requires(next, member)) {
      changes.push({ level: "minor", where, text: "it is required no more" });
    }
  }
  for (const member of Object.keys(next.members)) {
    if (Object.hasOwn(old.members, member)) continue;
    const where = `${name}.${member}`;
    if (requires(next, member)) changes.push(breaks(where, "a new member, and required"));
    else changes.push({ level: "minor", where, text: "a new member" });
  }
  return changes;
}

function changesOfMember(where: string, old: Member, next: Member): Change[] {
  const changes: Change[] = [];
  if (old.title !== next.title) changes.push(said(where, "its title is another"));
  if (old.type !== next.type) {
    return [...changes, breaks(where, `a ${next.type} instead of a ${old.type}`)];
  }
  if (old.unit !== next.unit) {
    const unit = (member: Member) => member.unit ?? "no unit";
    changes.push(breaks(where, `in ${unit(next)} instead of ${unit(old)}`));
  }
  for (const bound of ["minimum", "maximum"] as const) {
    const none = bound === "minimum" ? -Infinity : Infinity;
    const [before, after] = [old[bound] ?? none, next[bound] ?? none];
    if (before === after) continue;
    const isNarrower = bound === "minimum" ? after > before : after < before;
    const told = (value: number) => (Number.isFinite(value) ? String(value) : "none");
    const text = `${bound} ${told(after)} instead of ${told(before)}`;
    changes.push({ level: isNarrower ? "major" : "minor", where, text });
  }
  return changes;
}

function changesOfIndicator(where: string, old: Indicator, next: Indicator): Change[] {
  const changes: Change[] = [];
  if (old.unit !== next.unit) changes.push(breaks(where, `in ${next.unit} instead of ${old.unit}`));
  if (old.formula !== next.formula) changes.push(breaks(where, "its formula is another"));
  if (old.title !== next.title || old.source !== next.source) {
    changes.push(said(where, "its title or source is another"));
  }
  return changes;
}

function breaks(where: string, text: string): Change {
  return { level: "major", where, text };
}

function said(where: string, text: string): Change {
  return { level: "patch", where, text };
}
