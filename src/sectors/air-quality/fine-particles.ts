import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";
import { readAirQuality } from "./air-quality-observed.ts";

const hourMs = 3_600_000;
const yearHours = 8_760;
const sensorsMax = 10_000;
const aheadMsMax = 60_000;

interface Sensor {
  hour: number;
  sum: number;
  count: number;
  /** Of the hours before. */
  sumOfMeans: number;
  hours: number;
}

/** The mean of sensors' means of hours, of one kind of particles, outdoors. */
class FineParticles implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #sensors = new Map<string, Sensor>();
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ topic, payload }: FollowedMessage): void {
    const observed = readAirQuality(payload);
    if (typeof observed === "string") {
      return this.#outside.fault({ code: "member", text: `${topic}: ${observed} cannot be` });
    }
    const { pm25 } = observed ?? {};
    if (observed === undefined || observed.typeofLocation === "indoor") return;
    if (typeof pm25 !== "number" || !(pm25 >= 0 && pm25 <= 10_000)) return;
    const at = Date.parse(observed.dateObserved);
    if (at > this.#outside.clock.now() + aheadMsMax) {
      return this.#outside.fault({ code: "clock", text: `${observed.id} is ahead of time` });
    }
    this.#add(observed.id, Math.floor(at / hourMs), pm25);
  }

  beat(): void {
    let sum = 0;
    let sensors = 0;
    for (const one of this.#sensors.values()) {
      if (one.hours === 0) continue;
      sum += one.sumOfMeans / one.hours;
      sensors++;
    }
    if (sensors === 0) return;
    const hours = this.#to - this.#from;
    this.#outside.publish("pm25", {
      value: Number((sum / sensors).toFixed(2)),
      ...{ sensors, hours, yearCovered: Number((hours / yearHours).toFixed(4)) },
      from: new Date(this.#from * hourMs).toISOString(),
      to: new Date(this.#to * hourMs).toISOString(),
    });
  }

  /** An hour counts once it is over at that sensor. */
  #add(id: string, hour: number, value: number): void {
    let sensor = this.#sensors.get(id);
    if (sensor === undefined) {
      if (this.#sensors.size >= sensorsMax) {
        const text = `more than ${sensorsMax} sensors`;
        return this.#outside.fault({ code: "too-many", text });
      }
      this.#sensors.set(id, (sensor = { hour, sum: 0, count: 0, sumOfMeans: 0, hours: 0 }));
    }
    if (hour < sensor.hour) {
      return this.#outside.fault({ code: "order", text: `${id}: an hour that is over` });
    }
    if (hour > sensor.hour) {
      sensor.sumOfMeans += sensor.sum / sensor.count;
      sensor.hours++;
      this.#from = Math.min(this.#from, sensor.hour);
      this.#to = Math.max(this.#to, sensor.hour + 1);
      Object.assign(sensor, { hour, sum: 0, count: 0 });
    }
    sensor.sum += value;
    sensor.count++;
  }
}

export const fineParticles: IndicatorKind = {
  title: "Mean of fine particles, PM2.5, over sensors outdoors",
  unit: "ug/m3",
  formula: "mean over sensors of the mean of their hours' means, since the node started",
  source: "https://unstats.un.org/sdgs/metadata/files/Metadata-11-06-02.pdf",
  goal: {
    number: "11.6.2",
    contributes: "what is measured where these sensors hang",
    isNot:
      "not weighted by population, no year's mean before `yearCovered` is 1, and of sensors that " +
      "nobody calibrated against a reference",
  },
  open: (outside) => new FineParticles(outside),
};
