import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFeed, type VehiclePosition } from "../../wire/gtfs-realtime/feed.ts";
import { GtfsRealtimeReader } from "./gtfs-source.ts";

const now = 1_800_000_000;
const clock = { now: () => now * 1000, monotonic: () => 0 };

function feedOf(
  vehicles: Readonly<Record<string, readonly [lat: number, lon: number, at: number]>>,
  at = now,
): Uint8Array {
  return encodeFeed({
    header: { gtfsRealtimeVersion: "2.0", timestamp: BigInt(at) },
    entity: Object.entries(vehicles).map(([id, [latitude, longitude, seconds]]) => {
      const vehicle: VehiclePosition = {
        position: { latitude, longitude },
        timestamp: BigInt(seconds),
        trip: { routeId: "M15+/x" },
      };
      return { id, vehicle };
    }),
  });
}

function reading(reader: GtfsRealtimeReader, bytes: Uint8Array) {
  const { messages, faults } = reader.read({ bytes, from: "test" });
  return { topics: messages.map(({ topic }) => topic), faults: faults.map(({ code }) => code) };
}

test("gtfs source - what has not moved on since the last reading is no message", () => {
  const reader = new GtfsRealtimeReader({ clock });
  const first = feedOf({ a: [51.9, 4.4, now - 20], b: [51.9, 4.5, now - 20] }, now - 10);
  assert.deepEqual(reading(reader, first), {
    topics: ["vehicles/M15%2B%2Fx/a", "vehicles/M15%2B%2Fx/b"],
    faults: [],
  });
  const second = feedOf({ a: [51.9, 4.4, now - 20], b: [51.901, 4.5, now - 5] });
  assert.deepEqual(reading(reader, second), { topics: ["vehicles/M15%2B%2Fx/b"], faults: [] });
});

test("gtfs source - a place that cannot be is a fault, and so is a way that cannot have been", () => {
  const reader = new GtfsRealtimeReader({ clock });
  const wrong = { a: [91, 4, now], b: [Number.NaN, 4, now], c: [0, 0, now], d: [51, -181, now] };
  const bytes = feedOf(wrong as never);
  assert.deepEqual(reading(reader, bytes), { topics: [], faults: Array(4).fill("position") });
  const jumps = new GtfsRealtimeReader({ clock });
  reading(jumps, feedOf({ bus: [51.9, 4.4, now - 60] }, now - 60));
  const far = feedOf({ bus: [52.9, 4.4, now - 50] }, now - 50);
  assert.deepEqual(reading(jumps, far).faults, ["position"]);
  // the place before was the wrong one: it goes on from here
  const on = feedOf({ bus: [52.901, 4.4, now - 40] }, now - 40);
  assert.equal(reading(jumps, on).topics.length, 1);
});

test("gtfs source - clocks that jump are faults: ahead of the feed, back, and a feed from before", () => {
  const reader = new GtfsRealtimeReader({ clock });
  const ahead = feedOf({ a: [51, 4, now + 61], b: [51, 4, now + 59] });
  assert.deepEqual(reading(reader, ahead), {
    topics: ["vehicles/M15%2B%2Fx/b"],
    faults: ["clock"],
  });
  assert.deepEqual(reading(reader, feedOf({ b: [51, 4, now] })).faults, ["clock"]);
  assert.deepEqual(reading(reader, feedOf({ c: [51, 4, now] }, now - 1)), {
    topics: [],
    faults: ["clock"],
  });
  // one from the future would make all that come after it old
  assert.throws(() => reading(reader, feedOf({ c: [51, 4, now] }, now + 3_600)), {
    code: "SOURCE_INVALID",
    message: /3600 s from now/,
  });
  assert.equal(reading(reader, feedOf({ c: [51, 4, now] })).topics.length, 1);
});

test("gtfs source - an id that stands twice is a fault, and a feed that is none has a name", () => {
  const reader = new GtfsRealtimeReader({ clock });
  const one = { id: "a", vehicle: { position: { latitude: 51, longitude: 4 } } };
  const header = { gtfsRealtimeVersion: "2.0", timestamp: BigInt(now) };
  const twice = encodeFeed({ header, entity: [one, one] });
  assert.deepEqual(reading(reader, twice).faults, ["id"]);
  const whole = feedOf({ b: [51, 4, now] });
  for (let cut = 1; cut < whole.length; cut++) {
    const part = whole.subarray(0, cut);
    try {
      assert.equal(reading(new GtfsRealtimeReader({ clock }), part).topics.length, 0);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "SOURCE_INVALID");
    }
  }
  const page = Buffer.from("<html>Maintenance</html>");
  assert.throws(() => reading(reader, page), { code: "SOURCE_INVALID" });
});
