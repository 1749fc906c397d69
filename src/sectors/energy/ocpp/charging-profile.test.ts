import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { clearProfile, type Limit, limitsTogether, setProfile } from "./charging-profile.ts";

const limit = fc.record({
  from: fc.integer({ min: 0, max: 20 }),
  length: fc.integer({ min: 1, max: 20 }),
  watts: fc.integer({ min: 0, max: 5 }),
});

test("charging profiles - at every moment the least of the limits, up to the first without", () => {
  fc.assert(
    fc.property(fc.array(limit, { maxLength: 8 }), fc.integer({ min: 0, max: 30 }), (all, now) => {
      const limits = all.map(({ from, length, watts }) => ({ from, until: from + length, watts }));
      const pieces = limitsTogether(limits, now);
      const least = (at: number): number => {
        const holding = limits.filter((one) => one.from <= at && at < one.until);
        return Math.min(...holding.map(({ watts }) => watts));
      };
      const standing = limits.filter(({ until }) => until > now);
      const start = Math.max(now, Math.min(...standing.map(({ from }) => from)));
      for (let at = start; at < 45 && least(at) < Infinity; at++) {
        const piece = pieces.find((one) => one.from <= at && at < (one.until ?? Infinity));
        assert.equal(piece?.watts, least(at), `at ${at}`);
      }
      for (const [index, { until }] of pieces.entries()) {
        if (index + 1 < pieces.length) assert.equal(until, pieces[index + 1]!.from);
      }
    }),
  );
});

test("charging profiles - what was sent stays as it is while time passes", () => {
  const limits: Limit[] = [
    { from: 0, watts: 22_000 },
    { from: 60_000, until: 120_000, watts: 5_000 },
  ];
  assert.deepEqual(limitsTogether(limits, 1_000), limitsTogether(limits, 61_000));
  assert.deepEqual(limitsTogether(limits, 1_000), [
    { from: 0, until: 60_000, watts: 22_000 },
    { from: 60_000, until: 120_000, watts: 5_000 },
    { from: 120_000, watts: 22_000 },
  ]);
  assert.deepEqual(limitsTogether(limits, 120_000), [{ from: 0, watts: 22_000 }]);
});

test("charging profiles - as OCPP 1.6 and 2.0.1 write them, in watts or amperes", () => {
  const pieces = limitsTogether(
    [
      { from: 0, until: 60_000, watts: 11_040 },
      { from: 60_000, until: 90_000, watts: 1_000.55 },
    ],
    0,
  );
  const schedule = {
    ...{ startSchedule: "1970-01-01T00:00:00.000Z", duration: 90, chargingRateUnit: "W" },
    chargingSchedulePeriod: [
      { startPeriod: 0, limit: 11_040 },
      { startPeriod: 60, limit: 1_000.5 },
    ],
  };
  assert.deepEqual(setProfile("ocpp1.6", pieces, "W")[1], {
    connectorId: 0,
    csChargingProfiles: {
      ...{ chargingProfileId: 1, stackLevel: 0, chargingProfileKind: "Absolute" },
      chargingProfilePurpose: "ChargePointMaxProfile",
      chargingSchedule: schedule,
    },
  });
  assert.deepEqual(setProfile("ocpp2.0.1", pieces, "W")[1], {
    evseId: 0,
    chargingProfile: {
      ...{ id: 1, stackLevel: 0, chargingProfileKind: "Absolute" },
      chargingProfilePurpose: "ChargingStationMaxProfile",
      chargingSchedule: [{ id: 1, ...schedule }],
    },
  });
  const [, { csChargingProfiles }] = setProfile("ocpp1.6", pieces, "A");
  assert.match(JSON.stringify(csChargingProfiles), /"limit":16}.*"limit":1.4}/);
  assert.deepEqual(clearProfile("ocpp1.6"), ["ClearChargingProfile", { id: 1 }]);
});
