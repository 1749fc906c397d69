import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { isObject, jsonIn } from "../../kernel/json-object.ts";
import type { Fault, SectorMessage, SourceInput } from "../sector.ts";
import type { SourceReader, SourceReading } from "../sector.ts";
import { readMeasurement } from "./sensor-community.ts";

const sensorsMax = 100_000;
/** Clocks may differ by so much. */
const skewMs = 60_000;

/**
 * Sensor.Community in: one AirQualityObserved a measurement, under `sensors/<number>`. The API
 * tells each measurement again for five minutes: what is not later than the sensor's last is not.
 */
export class SensorCommunityReader implements SourceReader {
  readonly #clock: Clock;
  readonly #lastAt = new Map<string, number>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  read({ bytes }: SourceInput): SourceReading {
    const said = jsonIn(bytes);
    // over a topic a single measurement may come
    const values = Array.isArray(said) ? (said as unknown[]) : isObject(said) ? [said] : undefined;
    if (values === undefined) {
      throw new ComityError("SOURCE_INVALID", { problem: "it is no JSON array of measurements" });
    }
    const messages: SectorMessage[] = [];
    const faults: Fault[] = [];
    const read = values.flatMap((value) => {
      const one = readMeasurement(value);
      if (typeof one !== "string") return [one];
      faults.push({ code: "form", text: `a measurement is ${one}` });
      return [];
    });
    // the newest may stand first
    for (const { sensor, at, observed, impossible } of read.sort((a, b) => a.at - b.at)) {
      if (at > this.#clock.now() + skewMs) {
        const text = `sensor ${sensor} says it is ${observed.dateObserved}`;
        faults.push({ code: "clock", text });
        continue;
      }
      if (at <= (this.#lastAt.get(sensor) ?? Number.NEGATIVE_INFINITY)) continue;
      this.#lastAt.delete(sensor);
      this.#lastAt.set(sensor, at);
      if (this.#lastAt.size > sensorsMax) this.#lastAt.delete(this.#lastAt.keys().next().value!);
      faults.push(...impossible.map((text) => ({ code: "value", text: `${sensor}: ${text}` })));
      messages.push({ topic: `sensors/${sensor}`, payload: observed });
    }
    return { messages, faults };
  }
}
