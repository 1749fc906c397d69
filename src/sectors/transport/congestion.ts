import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";
import { levelOf } from "../sector.ts";
import type { TrafficFlow } from "./loop-quantities.ts";

/** A week of five-minute readings. */
const readingsMax = 2_016;
/** Fewer tell no free flow. */
const readingsMin = 20;
const detectorsMax = 2_000;
/** FHWA Urban Congestion Report: congested below 90 % of the free-flow speed. */
const congestedShare = 0.9;
const freeFlowPercentile = 0.85;

export const congestion: IndicatorKind = {
  title: "Travel time index of a detector or a stretch of road",
  unit: "1",
  formula:
    "free-flow speed / speed (of travel times: time / free-flow time), at least 1; free flow is " +
    "the 85th percentile of its own speeds (the 15th of its times) over the last 2,016 readings; " +
    "congested below 90 % of it. The report takes free flow of off-peak hours alone",
  source: "https://ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm",
  open: (outside) => new CongestionIndicator(outside),
};

interface Reading {
  readonly value: number;
  /** ISO 8601. */
  readonly at: string;
}

/** The latest readings of one quantity, the oldest overwritten. */
class Readings {
  readonly #values = new Float64Array(readingsMax);
  #count = 0;
  last: Reading | undefined;

  /** False where it is older than what is known. */
  add(reading: Reading): boolean {
    if (this.last !== undefined && reading.at <= this.last.at) return false;
    this.#values[this.#count % readingsMax] = reading.value;
    this.#count++;
    this.last = reading;
    return true;
  }

  get count(): number {
    return Math.min(this.#count, readingsMax);
  }

  /** By the nearest rank; undefined where there are too few. */
  percentile(share: number): number | undefined {
    if (this.count < readingsMin) return undefined;
    const sorted = this.#values.slice(0, this.count).sort();
    return sorted[Math.max(0, Math.ceil(share * this.count) - 1)];
  }
}

interface Detector {
  readonly speeds: Readings;
  readonly times: Readings;
  occupancy: Reading | undefined;
  changed: boolean;
}

class CongestionIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  /** The longest unheard of first. */
  readonly #detectors = new Map<string, Detector>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ payload }: FollowedMessage): void {
    const said = JSON.parse(Buffer.from(payload).toString("utf8")) as Partial<TrafficFlow>;
    const { type, id, dateObserved: at, averageVehicleSpeed, travelTime, occupancy } = said;
    if (type !== "TrafficFlowObserved" || typeof id !== "string" || typeof at !== "string") return;
    const detector = this.#detectors.get(id) ?? {
      speeds: new Readings(),
      times: new Readings(),
      occupancy: undefined,
      changed: false,
    };
    this.#detectors.delete(id);
    this.#detectors.set(id, detector);
    if (this.#detectors.size > detectorsMax) {
      this.#detectors.delete(this.#detectors.keys().next().value!);
    }
    this.#add(detector.speeds, averageVehicleSpeed, at, id);
    this.#add(detector.times, travelTime, at, id);
    if (typeof occupancy === "number") detector.occupancy = { value: occupancy, at };
    detector.changed = true;
  }

  beat(): void {
    for (const [id, detector] of this.#detectors) {
      if (!detector.changed) continue;
      detector.changed = false;
      const { speeds, times, occupancy } = detector;
      const last = speeds.last ?? times.last ?? occupancy;
      if (last === undefined) continue;
      this.#outside.publish(levelOf(id), {
        ...(speeds.last === undefined ? byTime(times) : bySpeed(speeds)),
        ...(occupancy && { occupancy: occupancy.value }),
        detector: id,
        asOf: last.at,
      });
    }
  }

  #add(readings: Readings, value: number | undefined, at: string, id: string): void {
    if (value === undefined) return;
    // who stands still says nothing of how long it takes
    if (!(value > 0)) this.#outside.fault({ code: "value", text: `${id} says ${value}` });
    else if (!readings.add({ value, at })) {
      this.#outside.fault({ code: "clock", text: `${id} goes back to ${at}` });
    }
  }
}

function bySpeed(speeds: Readings) {
  const { value: speed } = speeds.last!;
  const freeFlowSpeed = speeds.percentile(freeFlowPercentile);
  const readings = speeds.count;
  if (freeFlowSpeed === undefined) return { value: null, speed, readings };
  const congested = speed < congestedShare * freeFlowSpeed;
  return { value: index(freeFlowSpeed / speed), speed, freeFlowSpeed, congested, readings };
}

function byTime(times: Readings) {
  const travelTime = times.last?.value;
  const freeFlowTime = times.percentile(1 - freeFlowPercentile);
  const readings = times.count;
  if (travelTime === undefined || freeFlowTime === undefined) {
    return { value: null, ...(travelTime !== undefined && { travelTime }), readings };
  }
  const congested = freeFlowTime < congestedShare * travelTime;
  return { value: index(travelTime / freeFlowTime), travelTime, freeFlowTime, congested, readings };
}

function index(ratio: number): number {
  return Math.max(1, Math.round(ratio * 1000) / 1000);
}
