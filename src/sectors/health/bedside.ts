import { readResources } from "../../wire/fhir/bundle.ts";
import { observedAt, readObservation, type Observation } from "../../wire/fhir/observation.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { VitalSigns } from "./news2.ts";
import { consciousnessOf, readingsOf } from "./vital-signs.ts";

/** An Observation with what its topic says of it. */
export interface BedsideMessage {
  /** The level that stands for the subject. */
  readonly subject: string;
  /** The levels before it: where the source publishes, a ward say. */
  readonly ward: string;
  readonly observation: Observation;
}

/** `…/<ward>/<subject>/<code>`; in words why it is none, undefined where it is something else. */
export function bedsideMessage(
  topic: string,
  payload: Uint8Array,
): BedsideMessage | string | undefined {
  const resources = readResources(payload);
  if (typeof resources === "string" || resources.observations.length !== 1) return undefined;
  const read = readObservation(resources.observations[0]);
  if (typeof read === "string") return read;
  const levels = topic.split("/");
  const subject = levels.at(-2);
  if (subject === undefined) return "published on a topic without a subject";
  return { subject, ward: levels.slice(0, -2).join("/"), observation: read.observation };
}

/** What was measured, and when. */
interface Timed<T> {
  readonly value: T;
  readonly at: number;
}

/** A vital of so long ago says nothing of now. */
const freshMs = 15 * 60_000;
/** A clock that is set leaps further than devices differ. */
const leapMs = 24 * 3_600_000;
/** FHIR R5 §observation-status: what was observed, whatever became of its review. */
const observed = new Set<Observation["status"]>(["preliminary", "final", "amended", "corrected"]);

/** What became of it: `clock`, `late`, `status` and `value` are why it was not taken. */
export type Taken = "taken" | "clock" | "late" | "status" | "value";

/**
 * The last vitals at one bed. Time is the Observations' own and goes on with the node's clock, so
 * that what was recorded is judged as when it was measured, and a bed that falls silent ages.
 */
export class Bedside {
  readonly #clock: Clock;
  readonly #values = new Map<string, Timed<number>>();
  #consciousness: Timed<NonNullable<VitalSigns["consciousness"]>> | undefined;
  #latestAt: number | undefined;
  #arrivedAt = 0;
  /** Of a reading far from all before it: one may be a clock gone wrong, two are a clock set. */
  #leaptAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the latest was measured, milliseconds since the Unix epoch. */
  get latestAt(): number | undefined {
    return this.#latestAt;
  }

  take(observation: Observation): Taken {
    if (!observed.has(observation.status)) return "status";
    const at = observedAt(observation) ?? this.#clock.now();
    if (!this.#isInTime(at)) return "clock";
    if (this.#latestAt === undefined || at > this.#latestAt) {
      this.#latestAt = at;
      this.#arrivedAt = this.#clock.monotonic();
    }
    const { readings, impossible } = readingsOf(observation);
    let isLate = false;
    for (const { loinc, value } of readings) {
      const before = this.#values.get(loinc);
      if (before !== undefined && before.at > at) isLate = true;
      else this.#values.set(loinc, { value, at });
    }
    const consciousness = consciousnessOf(observation);
    if (consciousness !== undefined && at >= (this.#consciousness?.at ?? at)) {
      this.#consciousness = { value: consciousness, at };
    }
    return isLate ? "late" : impossible.length > 0 ? "value" : "taken";
  }

  /** Those that are fresh, by LOINC code. */
  values(): ReadonlyMap<string, number> {
    const since = this.#now() - freshMs;
    const fresh = [...this.#values].filter(([, { at }]) => at > since);
    return new Map(fresh.map(([loinc, { value }]) => [loinc, value]));
  }

  get consciousness(): VitalSigns["consciousness"] {
    const known = this.#consciousness;
    return known !== undefined && known.at > this.#now() - freshMs ? known.value : undefined;
  }

  #isInTime(at: number): boolean {
    if (this.#latestAt === undefined || Math.abs(at - this.#now()) <= leapMs) {
      this.#leaptAt = undefined;
      return true;
    }
    const isSecond = this.#leaptAt !== undefined && Math.abs(at - this.#leaptAt) <= leapMs;
    this.#leaptAt = isSecond ? undefined : at;
    if (!isSecond) return false;
    this.#values.clear();
    this.#consciousness = undefined;
    this.#latestAt = undefined;
    return true;
  }

  #now(): number {
    return (this.#latestAt ?? 0) + (this.#clock.monotonic() - this.#arrivedAt);
  }
}
