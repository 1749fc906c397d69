/**
 * Somebody acts on what was bought. An actor is an application of the consumer: what it hears
 * comes from its own node by MQTT, the bought stream under `from/…` and its own devices'
 * streams; what it decides goes back as commands to its own devices. It never touches a node,
 * a clock or the provider, so that an effect is computed from received data alone, against the
 * baseline that its file states.
 */
import { ComityError } from "../../kernel/errors.ts";

export interface Heard {
  /** Bought under the agreement, or one of the consumer's own streams. */
  readonly bought: boolean;
  /** The original topic. */
  readonly topic: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** For one of the consumer's own devices; published under `desk/…`. */
export interface Command {
  readonly topic: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Outcome {
  readonly value: number;
  readonly unit: string;
}

export interface Actor {
  /** Filters of the consumer's own streams that it needs. */
  readonly own: readonly string[];
  hear(heard: Heard): readonly Command[];
  outcome(): Outcome;
}

export type Settings = Readonly<Record<string, number>>;

export function setting(settings: Settings, name: string): number {
  const value = settings[name];
  if (value === undefined) {
    throw new ComityError("CONFIG_INVALID", { problem: `the actor's setting ${name} is missing` });
  }
  return value;
}

/** A number of the message, or undefined where it is missing or something else. */
export function numberIn(data: Heard["data"], name: string): number | undefined {
  const value = data[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function textIn(data: Heard["data"], name: string): string | undefined {
  const value = data[name];
  return typeof value === "string" ? value : undefined;
}

/** As the sectors' models name it, then as this world's own messages do. */
const timeMembers = [
  ...["dateObserved", "observedAt", "effectiveDateTime", "lastKnownPositionUpdatedAt"],
  ...["simulatedTime", "time"],
];

/** The simulated time of a message, milliseconds since the epoch; its real one where it has none. */
export function timeIn(data: Heard["data"]): number | undefined {
  const member = timeMembers.find((name) => typeof data[name] === "string");
  const at = Date.parse(member === undefined ? "" : (data[member] as string));
  return Number.isNaN(at) ? undefined : at;
}

/** Hours since the message before, nought where time stands or a gap is longer than `most`. */
export function hoursSince(last: number | undefined, at: number, most = 6): number {
  const hours = last === undefined ? 0 : (at - last) / 3_600_000;
  return hours > 0 && hours <= most ? hours : 0;
}
