import { messageIn } from "../message.ts";
import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";
import { levelOf } from "../sector.ts";
import { Backtest, type ForecastModel, LoadForecast, type PowerReading } from "./forecast.ts";
import { SolarForecast } from "./forecast.ts";
import { checked, readLoad, readPhotovoltaic } from "./observed.ts";
import { Plants } from "./plants.ts";

const hourMs = 3_600_000;
const quarterMs = hourMs / 4;
const horizonsHours = [1, 4, 24] as const;
/** Of each the forecasts of a day and a half that are not yet due are kept. */
const followedMax = 200;
/** How far ahead of the node's clock a reading may be. */

const howItErrs =
  "the error is the mean of |forecast − measured| over all forecasts that came due, " +
  "persistence that of |measured when it was forecast − measured|";

export const pvForecast: IndicatorKind = {
  title: "What a photovoltaic plant will give in 1 h, 4 h and 24 h",
  unit: "W",
  formula:
    "clear-sky irradiance on the panels × (usual yield + (last hour's yield − usual) · " +
    `exp(−age/6 h)), yield in W for each W/m²; ${howItErrs}`,
  source: "https://doi.org/10.1016/j.solener.2009.05.016",
  open: (outside) => new PvForecastIndicator(outside),
};

export const loadForecast: IndicatorKind = {
  title: "What a load will be in 1 h, 4 h and 24 h",
  unit: "W",
  formula:
    "usual power of that quarter of an hour of the week + what the last ones were above it · " +
    `exp(−age/3 h); ${howItErrs}`,
  open: (outside) => new LoadForecastIndicator(outside),
};

interface Followed {
  readonly backtest: Backtest;
  last: PowerReading | undefined;
  changed: boolean;
}

/** Forecasts for each plant or meter, with the error that they had until now beside them. */
class Forecasts {
  readonly #outside: IndicatorOutside;
  /** The longest unheard of first. */
  readonly #followed = new Map<string, Followed>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  observe(id: string, reading: PowerReading, modelFor: () => ForecastModel): void {
    const followed = this.#followed.get(id) ?? {
      backtest: new Backtest(
        modelFor(),
        horizonsHours.map((hours) => hours * hourMs),
      ),
      last: undefined,
      changed: false,
    };
    if (followed.last !== undefined && reading.at <= followed.last.at) {
      const text = `${id} goes back to ${new Date(reading.at).toISOString()}`;
      this.#outside.fault({ code: "clock", text });
      return;
    }
    this.#followed.delete(id);
    this.#followed.set(id, followed);
    if (this.#followed.size > followedMax) {
      this.#followed.delete(this.#followed.keys().next().value!);
    }
    followed.backtest.observe(reading);
    followed.last = reading;
    followed.changed = true;
  }

  /** What was learnt of it holds no longer. */
  forget(id: string): void {
    this.#followed.delete(id);
  }

  beat(): void {
    for (const [id, followed] of this.#followed) {
      if (!followed.changed || followed.last === undefined) continue;
      followed.changed = false;
      this.#say(id, followed.backtest, followed.last);
    }
  }

  #say(id: string, backtest: Backtest, last: PowerReading): void {
    const errors = new Map(backtest.errors().map((one) => [one.horizonMs, one]));
    const forecasts = horizonsHours.map((hours) => {
      const at = last.at + hours * hourMs;
      const power = backtest.model.predict(at);
      const error = errors.get(hours * hourMs);
      return {
        ...{ hours, at: new Date(at).toISOString(), power: rounded(power) },
        ...(error && {
          error: rounded(error.meanAbsolute),
          persistence: rounded(error.persistence),
          bias: rounded(error.bias),
          forecastsDue: error.count,
        }),
      };
    });
    this.#outside.publish(levelOf(id), {
      value: forecasts[0]!.power,
      ...{ forecasts, of: id, measured: rounded(last.power) },
      asOf: new Date(last.at).toISOString(),
    });
  }
}

class PvForecastIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #plants: Plants;
  readonly #forecasts: Forecasts;

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
    this.#forecasts = new Forecasts(outside);
    this.#plants = new Plants(outside, (id) => this.#forecasts.forget(id));
  }

  take({ payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said === undefined || this.#plants.take(said)) return;
    const reading = checked(readPhotovoltaic, said, this.#outside);
    if (reading === undefined) return;
    const plant = this.#plants.need(reading.id);
    if (plant === undefined) return;
    this.#forecasts.observe(reading.id, reading, () => new SolarForecast(plant));
  }

  beat(): void {
    this.#forecasts.beat();
  }
}

interface Quarter {
  readonly from: number;
  sum: number;
  count: number;
}

/** Meters tell power every second or every hour: the mean of each quarter of an hour counts. */
class LoadForecastIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #forecasts: Forecasts;
  /** The longest unheard of first. */
  readonly #quarters = new Map<string, Quarter>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
    this.#forecasts = new Forecasts(outside);
  }

  take({ payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said === undefined) return;
    const reading = checked(readLoad, said, this.#outside);
    if (reading === undefined) return;
    const { id, at, power } = reading;
    const from = Math.floor(at / quarterMs) * quarterMs;
    const before = this.#quarters.get(id);
    if (before?.from === from) {
      before.sum += power;
      before.count++;
      return;
    }
    if (before !== undefined && before.from > from) {
      this.#outside.fault({ code: "clock", text: `${id} goes back` });
      return;
    }
    if (before !== undefined) {
      const mean = { at: before.from, power: before.sum / before.count };
      this.#forecasts.observe(id, mean, () => new LoadForecast());
    }
    this.#quarters.delete(id);
    this.#quarters.set(id, { from, sum: power, count: 1 });
    if (this.#quarters.size > followedMax) {
      this.#quarters.delete(this.#quarters.keys().next().value!);
    }
  }

  beat(): void {
    this.#forecasts.beat();
  }
}

function rounded(watts: number | undefined): number | null {
  return watts === undefined ? null : Math.round(watts * 10) / 10;
}
