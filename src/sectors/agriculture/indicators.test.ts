import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import type { Fault, Figure, Indicator, IndicatorOutside } from "../sector.ts";
import { DryingIndicator } from "./drying-indicator.ts";
import { referenceEvapotranspiration } from "./evapotranspiration.ts";
import { IrrigationIndicator } from "./irrigation-indicator.ts";

const recorded = new URL(
  "../../../../shared/data/agriculture/soil-moisture-sydney/soil_vwc_hourly.csv",
  import.meta.url,
);
const hour = 3_600_000;

interface Opened<T extends Indicator> {
  readonly indicator: T;
  readonly figures: Map<string, Figure>;
  readonly told: [string, Figure][];
  readonly faults: Fault[];
  readonly say: (topic: string, message: object) => void;
}

function opened<T extends Indicator>(open: (outside: IndicatorOutside) => T): Opened<T> {
  const figures = new Map<string, Figure>();
  const told: [string, Figure][] = [];
  const faults: Fault[] = [];
  const indicator = open({
    ...{ clock: systemClock, settings: {} },
    publish(key, figure) {
      figures.set(key, figure);
      told.push([key, figure]);
    },
    fault: (fault) => faults.push(fault),
  });
  const say = (topic: string, message: object): void =>
    indicator.take({ topic, payload: Buffer.from(JSON.stringify(message)) });
  return { indicator, figures, told, faults, say };
}

test(
  "soil drying - of thirteen recorded probes the rates and wettings are those in the record",
  { skip: existsSync(recorded) ? false : "the recorded data (../shared) is not there" },
  () => {
    const [head = "", ...lines] = readFileSync(recorded, "utf8").trim().split("\n");
    const probes = head.trim().split(",").slice(2);
    const rows = lines.map((line) => line.trim().split(","));
    const { say, told, figures, faults } = opened((outside) => new DryingIndicator(outside));
    for (const [day, hourOfDay, ...values] of rows) {
      const observedAt = `${day}T${hourOfDay!.padStart(2, "0")}:00:00.000Z`;
      for (const [index, vwc] of values.entries()) {
        const id = `urn:ngsi-ld:AgriParcelRecord:${probes[index]}`;
        const soilMoistureVwc = Number(vwc) / 100;
        say(`park/${probes[index]}`, { type: "AgriParcelRecord", id, observedAt, soilMoistureVwc });
      }
    }
    assert.equal(faults.length, 0);
    assert.equal(told.length, 1_528 * 13);
    // the wettings, found anew in the whole columns at once: rises of 2 % within four hours
    for (const [index, probe] of probes.entries()) {
      const column = rows.map((row) => Number(row[index + 2]));
      const starts = new Set<number>();
      for (let at = 0; at < column.length; at++) {
        const driest = Math.min(...column.slice(Math.max(0, at - 4), at + 1));
        if (column[at]! - driest >= 2) starts.add(column.lastIndexOf(driest, at));
      }
      const wettings = new Set(
        told.filter(([key]) => key === probe).map(([, { wettedAt }]) => wettedAt),
      );
      wettings.delete(undefined);
      for (const wettedAt of wettings) {
        const row = (Date.parse(String(wettedAt)) - Date.UTC(2022, 10, 15)) / hour;
        assert.ok(starts.has(row), `${probe} was wetted at row ${row}`);
      }
      assert.equal(wettings.size > 0, starts.size > 0, probe);
    }
    // a probe that nothing wetted: a straight line through its last five days says about the same
    const column = rows.slice(-120).map((row) => Number(row[probes.indexOf("SENS0017") + 2]));
    const middle = (column.length - 1) / 2;
    const slope =
      column.reduce((sum, value, at) => sum + (at - middle) * value, 0) /
      column.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
    const { value, wettedAt } = figures.get("SENS0017")!;
    assert.equal(wettedAt, undefined);
    assert.ok(Math.abs(value! + slope * 24) < 0.1, `${value}, by a line ${-slope * 24} % a day`);
  },
);

const station = { type: "Point", coordinates: [4.35, 50.8, 100] };
const parcel = {
  type: "AgriParcel",
  id: "urn:ngsi-ld:AgriParcel:north",
  location: { type: "Point", coordinates: [4.36, 50.81] },
  hasDevices: ["urn:ngsi-ld:Device:d1"],
  soil: {
    ...{ fieldCapacity: 0.32, wiltingPoint: 0.15, rootDepth: 0.8 },
    ...{ depletionShare: 0.4, cropCoefficient: 1.1 },
  },
};

/** A July day, hour by hour. */
function weatherOf(day: number, rain: number): object[] {
  return Array.from({ length: 24 }, (_, at) => ({
    type: "WeatherObserved",
    id: "urn:ngsi-ld:WeatherObserved:uccle",
    dateObserved: new Date(Date.UTC(2026, 6, day, at)).toISOString(),
    location: station,
    temperature: 17 + 4.5 * Math.sin(((at - 9) / 24) * 2 * Math.PI),
    relativeHumidity: 0.73 - 0.1 * Math.sin(((at - 9) / 24) * 2 * Math.PI),
    windSpeed: 2,
    solarRadiation: Math.max(0, 700 * Math.sin(((at - 6) / 12) * Math.PI)),
    precipitation: at === 3 ? rain : 0,
  }));
}

test("irrigation - a parcel dries day by day, rain counts, and advice comes when it is time", () => {
  const { say, figures, faults } = opened((outside) => new IrrigationIndicator(outside));
  say("farm/north", parcel);
  const depletions: number[] = [];
  for (let day = 1; day <= 25; day++) {
    for (const reading of weatherOf(day, day === 10 ? 20 : 0)) say("weather", reading);
    const figure = figures.get("north");
    if (figure !== undefined) depletions.push(figure["depletion"] as number);
  }
  assert.deepEqual(faults, []);
  const { et0, depletion, value } = figures.get("north") as Record<string, number>;
  // the same day by hand: extremes of the readings above, mean of the radiation
  const all = weatherOf(1, 0) as Record<string, number>[];
  const of = (member: string) => all.map((one) => one[member]!);
  const radiation = of("solarRadiation").reduce((sum, one) => sum + one, 0) / 24;
  const expected = referenceEvapotranspiration(
    {
      temperatureMin: Math.min(...of("temperature")),
      temperatureMax: Math.max(...of("temperature")),
      humidity: {
        max: 100 * Math.max(...of("relativeHumidity")),
        min: 100 * Math.min(...of("relativeHumidity")),
      },
      ...{ windSpeed: 2, sun: { radiation: radiation * 0.0864 } },
    },
    { latitude: 50.8, elevation: 100 },
    205,
  );
  assert.ok(Math.abs(et0! - expected.et0) < 0.02, `${et0} mm, not ${expected.et0}`);
  const days = depletions.slice(1).map((now, at) => now - depletions[at]!);
  assert.equal(days.filter((change) => change < 0).length, 1, "rain fell once");
  assert.ok(depletion! > 60 && value === depletion, `${value} of ${depletion} mm`);
});

test("irrigation - a probe in the parcel sets the balance right at once", () => {
  const { say, figures } = opened((outside) => new IrrigationIndicator(outside));
  say("farm/north", parcel);
  for (const day of [1, 2]) for (const reading of weatherOf(day, 0)) say("weather", reading);
  const observedAt = "2026-07-02T12:00:00.000Z";
  const record = {
    type: "AgriParcelRecord",
    id: "r",
    observedAt,
    hasDevice: "urn:ngsi-ld:Device:d1",
  };
  say("farm/d1", { ...record, soilMoistureVwc: 0.3 });
  const { value, depletion, measuredAt, irrigate } = figures.get("north")!;
  assert.deepEqual([value, depletion, measuredAt, irrigate], [0, 16, observedAt, false]);
  say("farm/d1", { ...record, soilMoistureVwc: 0.2 });
  assert.deepEqual([figures.get("north")?.value, figures.get("north")?.["irrigate"]], [96, true]);
});

test("irrigation - what is missing is named, and a day of too few hours is no day", () => {
  const { say, figures, faults } = opened((outside) => new IrrigationIndicator(outside));
  say("farm/north", { ...parcel, soil: { ...parcel.soil, rootDepth: undefined } });
  say("farm/north", { ...parcel, soil: { ...parcel.soil, wiltingPoint: 0.4 } });
  const [first, ...rest] = weatherOf(1, 0);
  say("weather", { ...first, relativeHumidity: 73 });
  for (const reading of [...rest.slice(0, 10), ...weatherOf(2, 0).slice(0, 1)])
    say("weather", reading);
  assert.deepEqual(
    faults.map(({ code, text }) => [code, /[\w.]+(?= is missing)/.exec(text)?.[0]]),
    [
      ["member", "soil.rootDepth"],
      ["member", "soil.wiltingPoint"],
      ["member", "relativeHumidity"],
      ["day", undefined],
    ],
  );
  assert.equal(figures.size, 0);
});
