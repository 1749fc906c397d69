import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRoads } from "../simulators/roads.ts";
import type { Actor, Command } from "./actor.ts";
import { carbonFollowing } from "./carbon-following.ts";
import { createActor } from "./cast.ts";
import { detours } from "./detours.ts";
import { chargeForecast, demandForecast, forecastScore } from "./forecasting.ts";
import { freshBatteries } from "./fresh-batteries.ts";
import { giveWay } from "./give-way.ts";
import { reserve } from "./reserve.ts";
import { hoursUntil, sparePumps } from "./spare-pumps.ts";
import { sunPumping } from "./sun-pumping.ts";

const start = Date.parse("2026-11-22T09:00:00Z");
const after = (hours: number): string => new Date(start + hours * 3_600_000).toISOString();
const bought = (actor: Actor, data: Record<string, unknown>): readonly Command[] =>
  actor.hear({ bought: true, topic: "x", data });
const own = (actor: Actor, data: Record<string, unknown>): readonly Command[] =>
  actor.hear({ bought: false, topic: "x", data });
const near = (value: number, expected: number, within = 1e-9): void =>
  assert.ok(Math.abs(value - expected) <= within, `${value}, expected ${expected}`);

const pumping = { solarShareMin: 0.3, pumpKw: 40, millimetresPerHour: 1, refillHours: 20 };

/** Two parcels that lack 5 mm on average: 0.25 mm an hour over twenty hours, 10 kW. */
function advise(actor: Actor, irrigate: boolean): void {
  own(actor, { parcel: "north", value: 0, depletion: 2, irrigate: false });
  own(actor, { parcel: "south", value: 0, depletion: 8, irrigate });
}

/** A plant's power and the load it covers `share` of, as the grid sells them. */
function sun(actor: Actor, hours: number, share: number): readonly Command[] {
  const dateObserved = after(hours);
  bought(actor, { dateObserved, refPhotovoltaicDevice: "pv", activePower: 1000 * share });
  return bought(actor, { dateObserved, totalActivePower: 1e6 });
}

test("sun pumping - holds in the dark, pumps what is owed in the sun, counts that alone", () => {
  const actor = sunPumping(pumping);
  advise(actor, false);
  assert.deepEqual(sun(actor, 0, 0), [{ topic: "desk/pumps", data: { run: false } }]);
  sun(actor, 2, 0.1); // 20 kWh owed
  assert.equal(actor.outcome().value, 0);
  // An hour of sun: 30 kWh owed by now, all pumped; 10 of them would have been drawn anyway.
  const commands = sun(actor, 3, 0.5);
  assert.deepEqual(commands, [{ topic: "desk/pumps", data: { run: true } }]);
  near(actor.outcome().value, 20);
  sun(actor, 4, 0.6); // nothing owed from before
  near(actor.outcome().value, 20);
});

test("sun pumping - what is to be irrigated today is pumped in the dark and not counted", () => {
  const actor = sunPumping(pumping);
  advise(actor, true);
  sun(actor, 0, 0);
  const commands = sun(actor, 3, 0);
  assert.deepEqual(commands.at(-1)?.data, { run: true });
  assert.equal(actor.outcome().value, 0);
});

test("carbon following - an even intensity gives nothing to avoid", () => {
  const actor = carbonFollowing({ baseKw: 100, flexibleShare: 0.5, backlogHours: 4 });
  for (let h = 0; h < 24; h += 0.25) {
    bought(actor, { simulatedTime: after(h), carbonIntensity: 300 });
  }
  near(actor.outcome().value, 0);
});

test("carbon following - work moved from 500 to 100 g/kWh avoids the difference", () => {
  const actor = carbonFollowing({ baseKw: 100, flexibleShare: 0.5, backlogHours: 100 });
  for (let h = 0; h < 48; h += 0.25) {
    const carbonIntensity = h % 24 < 12 ? 500 : 100;
    bought(actor, { simulatedTime: after(h), carbonIntensity });
  }
  const { value } = actor.outcome();
  // At most: 50 kW moved for 24 h out of 500 into 100 g, half of the swing each side of the mean.
  assert.ok(value > 200 && value <= 50 * 24 * 0.4, `${value} kg`);
});

test("carbon following - putting work off is charged at the mean, so it hardly counts", () => {
  const actor = carbonFollowing({ baseKw: 100, flexibleShare: 0.5, backlogHours: 100 });
  bought(actor, { simulatedTime: after(0), carbonIntensity: 100 });
  bought(actor, { simulatedTime: after(5), carbonIntensity: 400 });
  for (let h = 5.25; h < 200; h += 0.25) {
    bought(actor, { simulatedTime: after(h), carbonIntensity: 400 });
  }
  // About 2,500 kWh wait by now, a tonne of CO₂ if it were counted gross.
  assert.ok(actor.outcome().value < 25, `${actor.outcome().value}`);
});

const roads = buildRoads({
  junctions: { a: [51.92, 4.46], b: [51.92, 4.48], c: [51.93, 4.47] },
  segments: [
    { from: "a", to: "b", freeKmh: 40, peakLoss: 0 },
    { from: "a", to: "c", freeKmh: 40, peakLoss: 0 },
    { from: "c", to: "b", freeKmh: 40, peakLoss: 0 },
  ],
});

test("detours - goes round a jam it was told of, and saves the difference", () => {
  const actor = detours(roads);
  const call = { ambulance: "1", from: "a", to: "b" };
  assert.deepEqual(own(actor, call)[0]?.data["route"], ["a-b"]);
  assert.equal(actor.outcome().value, 0);
  bought(actor, { id: "a-b", averageVehicleSpeed: 5 });
  assert.deepEqual(own(actor, call)[0]?.data["route"], ["a-c", "c-b"]);
  const straight = roads.segments.get("a-b")!.metres / (7.5 / 3.6);
  const round =
    (roads.segments.get("a-c")!.metres + roads.segments.get("c-b")!.metres) / (60 / 3.6);
  near(actor.outcome().value, (straight - round) / 60, 1e-6);
});

test("forecast - is scored against the flat forecast made at the same moment", () => {
  const score = forecastScore();
  score.step(0, 100, 300, 10);
  score.step(10, 300, 300, 10); // informed was right; flat foresaw 100
  near(score.errorRemoved(), 200);
  score.step(20, 100, 0, 10); // informed missed by 200; flat foresaw 200 and missed by 100
  near(score.errorRemoved(), 50);
});

test("charge forecast - sees a charging come that a flat forecast cannot", () => {
  const actor = chargeForecast({ leadSeconds: 60, chargerKw: 300 });
  for (let s = 0; s <= 600; s += 10) {
    const charging = s >= 200 && s < 400;
    bought(actor, {
      bus: "31",
      time: new Date(start + s * 1000).toISOString(),
      chargingKw: charging ? 300 : 0,
      nextChargeInSeconds: charging ? 0 : Math.max(0, 200 - s),
      nextChargeSeconds: s >= 400 ? 0 : charging ? 400 - s : 200,
    });
  }
  assert.ok(actor.outcome().value > 80, `${actor.outcome().value}`);
});

test("demand forecast - a plan that comes true removes the flat forecast's error", () => {
  const actor = demandForecast();
  const kwAt = (h: number): number => (h % 2 < 1 ? 40 : 0);
  for (let h = 0; h < 20; h += 0.25) {
    bought(actor, {
      simulatedTime: after(h),
      totalActivePower: 1000 * kwAt(h),
      plannedActivePower: 1000 * kwAt(h + 0.5),
      leadSeconds: 1800,
    });
  }
  assert.ok(actor.outcome().value > 15);
});

test("spare pumps - the trend names the hour, noise alone names none", () => {
  const rising = Array.from({ length: 20 }, (_, i) => ({ hours: i, vibration: 4 + i * 0.1 }));
  near(hoursUntil(rising, 7.1) as number, 12, 1e-6);
  assert.equal(
    hoursUntil(
      rising.map((s) => ({ ...s, vibration: 3 })),
      7.1,
    ),
    undefined,
  );
});

test("spare pumps - a change before the trip avoids the repair, one too late does not", () => {
  const settings = { horizonHours: 24, changeoverHours: 4, unplannedHours: 72 };
  const run = (perHour: number): Actor => {
    const actor = sparePumps(settings);
    let vibration = 4;
    for (let h = 0; h < 200 && vibration < 7.1; h += 0.25) {
      vibration += perHour / 4;
      const device = { refDevice: "2", dateObserved: after(h) };
      const textValue = String(vibration >= 7.1);
      bought(actor, { ...device, controlledProperty: "Tripped", textValue });
      bought(actor, { ...device, controlledProperty: "Vibration", numValue: vibration });
    }
    return actor;
  };
  assert.equal(run(0.1).outcome().value, 68);
  assert.equal(run(2).outcome().value, 0);
});

test("give way - a meeting holds the bus once, until the two have parted", () => {
  const actor = giveWay({ nearMetres: 300, secondsPerBus: 12 });
  const place = (lon: number): object => ({ type: "Point", coordinates: [lon, 51.92] });
  own(actor, { id: "31", location: place(4.48) });
  const at = (lon: number, driving = true): readonly Command[] =>
    bought(actor, { id: "1", location: place(lon), speed: driving ? 40 : 0 });
  assert.equal(at(4.5).length, 0);
  assert.equal(at(4.483)[0]?.topic, "desk/bus/31");
  assert.equal(at(4.481).length, 0);
  at(4.5);
  assert.equal(at(4.481, false).length, 0, "an ambulance at rest needs no way");
  assert.equal(at(4.481).length, 1);
  assert.equal(actor.outcome().value, 24);
});

test("fresh batteries - the warning counts from the parcel to the monitor's own alarm", () => {
  const actor = freshBatteries({ lowPercent: 10, leadHours: 6 });
  const sent: Command[] = [];
  for (let h = 0; h <= 20; h += 0.5) {
    const subject = { reference: "a pseudonym" };
    const valueQuantity = { value: 30 - h * 2, code: "%" };
    const data = { subject, effectiveDateTime: after(h), valueQuantity };
    sent.push(...bought(actor, data));
  }
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.data["hoursLeft"], 6);
  near(actor.outcome().value, 6);
});

test("reserve - frees what the load leaves of the nameplate", () => {
  const actor = reserve({ nameplateWatts: 65, idleWatts: 15 });
  assert.equal(actor.outcome().value, 0);
  bought(actor, { controlledProperty: "load", numValue: 0 });
  bought(actor, { controlledProperty: "load", numValue: 1 });
  bought(actor, { controlledProperty: "memoryUsed", numValue: 900 });
  near(actor.outcome().value, 25);
});

test("actors - ignore what is malformed, and say which setting is missing", () => {
  const actor = giveWay({ nearMetres: 300, secondsPerBus: 12 });
  assert.deepEqual(bought(actor, { id: 7, location: { coordinates: ["x", null] } }), []);
  assert.throws(() => createActor("sun-pumping", {}, roads), /solarShareMin/);
  assert.throws(() => createActor("nobody", {}, roads), /nobody/);
});
