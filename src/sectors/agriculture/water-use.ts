import { Counters } from "../counter.ts";
import { messageIn } from "../message.ts";
import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";

const dayMs = 86_400_000;

/** What a day's work on the land is worth for each cubic metre that its meters counted. */
class WaterUse implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #counters: Counters;
  readonly #cubicMetres: number;
  readonly #valuePerDay: number;
  readonly #hectares: number;
  #from: number | undefined;
  #to = 0;

  constructor(outside: IndicatorOutside) {
    const { volume, litres, valuePerDay, hectares } = outside.settings;
    this.#outside = outside;
    this.#counters = new Counters(String(volume));
    this.#cubicMetres = Number(litres) / 1000;
    this.#valuePerDay = Number(valuePerDay);
    this.#hectares = Number(hectares);
  }

  take({ topic, payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said === undefined || !this.#counters.take(topic, said)) return;
    const now = this.#outside.clock.now();
    this.#from ??= now;
    this.#to = now;
  }

  beat(): void {
    if (this.#from === undefined) return;
    const { total, resets } = this.#counters;
    const cubicMetres = total * this.#cubicMetres;
    const days = (this.#to - this.#from) / dayMs;
    const value = cubicMetres === 0 ? null : rounded((this.#valuePerDay * days) / cubicMetres);
    this.#outside.publish("all", {
      value,
      water: rounded(cubicMetres),
      waterUnit: "m3",
      waterPerHectare: rounded(cubicMetres / this.#hectares),
      ...{ valuePerDay: this.#valuePerDay, hectares: this.#hectares, resets },
      from: new Date(this.#from).toISOString(),
      to: new Date(this.#to).toISOString(),
    });
  }
}

export const waterUse: IndicatorKind = {
  title: "Value added for each cubic metre of water given",
  unit: "{USD}/m3",
  formula:
    "valuePerDay x days / (growth of the water meters); by the times at which the meters' " +
    "messages came",
  source: "https://unstats.un.org/sdgs/metadata/files/Metadata-06-04-01.pdf",
  settings: {
    volume: { title: "the member that a water meter counts up, as volume", type: "string" },
    litres: {
      ...{ title: "litres that one of its units is", type: "number", unit: "L" },
      ...{ minimum: 0.000_001, maximum: 1_000_000, otherwise: 1_000 },
    },
    valuePerDay: {
      ...{ title: "gross value added by irrigated land a day, USD of 2015", type: "number" },
      ...{ minimum: 0, maximum: 1e12 },
    },
    hectares: {
      ...{ title: "land that the meters water", type: "number", unit: "har" },
      ...{ minimum: 0.0001, maximum: 1e9 },
    },
  },
  goal: {
    number: "6.4.1",
    contributes: "what this land's water is worth, and how much of it each hectare takes",
    isNot:
      "not the change over years, nor industry and services: one owner's irrigation as the " +
      "meters count it, and the value that the owner states",
  },
  open: (outside) => new WaterUse(outside),
};

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
