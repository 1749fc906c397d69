import type { Composer, FollowedMessage } from "../sector.ts";
import { type AirQualityObserved, readAirQuality } from "./air-quality-observed.ts";
import { writeMeasurement } from "./sensor-community.ts";

const sensorsMax = 20_000;

/** The latest measurement of each sensor, as a JSON array. */
export class SensorCommunityComposer implements Composer {
  readonly #latest = new Map<string, AirQualityObserved>();

  take({ payload }: FollowedMessage): void {
    const observed = readAirQuality(payload);
    if (observed === undefined || typeof observed === "string") return;
    const before = this.#latest.get(observed.id);
    if (before !== undefined && before.dateObserved > observed.dateObserved) return;
    this.#latest.delete(observed.id);
    this.#latest.set(observed.id, observed);
    if (this.#latest.size > sensorsMax) this.#latest.delete(this.#latest.keys().next().value!);
  }

  compose(): Uint8Array {
    return Buffer.from(JSON.stringify([...this.#latest.values()].map(writeMeasurement)));
  }
}
