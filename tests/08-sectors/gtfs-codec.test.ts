import assert from "node:assert/strict";
import { test } from "node:test";
import { GtfsRealtimeComposer } from "../../src/sectors/transport/gtfs-output.ts";
import { GtfsRealtimeReader } from "../../src/sectors/transport/gtfs-source.ts";
import { decodeFeed, encodeFeed } from "../../src/wire/gtfs-realtime/feed.ts";
import { absent, oracle, type Recorded, recorded } from "./transport-data.ts";

const files: Readonly<Record<Recorded, number>> = {
  "louisville-positions.pb": 78,
  "louisville-updates.pb.bz2": 265,
  "nyc-service-alerts.pb.bz2": 70,
  "nyc-trip-updates.pb.bz2": 5801,
  "nyc-vehicle-positions.pb": 3018,
};

for (const [name, entities] of Object.entries(files) as [Recorded, number][]) {
  test(
    `gtfs-realtime - ${name} is read and written as its keepers' own bindings do`,
    {
      skip: absent(name),
    },
    () => {
      const bytes = recorded(name);
      const feed = decodeFeed(bytes);
      assert.equal(feed.entity.length, entities);
      // written by us and read by them: what they read of the original, less extensions
      const [theirs, ours] = [oracle(bytes), oracle(encodeFeed(feed))];
      assert.deepEqual(ours.header, theirs.header);
      for (const [i, entity] of ours.entity.entries()) assert.deepEqual(entity, theirs.entity[i]);
      assert.equal(ours.entity.length, entities);
    },
  );
}

for (const name of ["nyc-service-alerts.pb.bz2", "louisville-updates.pb.bz2"] as const) {
  test(
    `gtfs-realtime - ${name} goes through messages and comes out as the feed it was`,
    {
      skip: absent(name),
    },
    () => {
      const clock = { now: () => Date.now(), monotonic: () => 0 };
      const bytes = recorded(name);
      const { messages, faults } = new GtfsRealtimeReader({ clock }).read({ bytes, from: name });
      assert.deepEqual(faults, []);
      const composer = new GtfsRealtimeComposer({ clock });
      for (const { topic, payload } of messages) {
        composer.take({ topic, payload: Buffer.from(JSON.stringify(payload)) });
      }
      assert.deepEqual(oracle(composer.compose()).entity, oracle(bytes).entity);
    },
  );
}

test("gtfs-realtime - what cannot be encoded, or is stale, is no part of the feed", () => {
  let now = 0;
  const composer = new GtfsRealtimeComposer({ clock: { now: () => 1e12, monotonic: () => now } });
  const take = (topic: string, said: unknown) =>
    composer.take({ topic, payload: Buffer.from(JSON.stringify(said)) });
  take("buses/7", { lat: 51.9, lon: 4.4, speed: 36 });
  take("buses/8", { lat: 51.9, lon: 4.4, gtfs: { occupancyStatus: "CROWDED" } });
  take("buses/9", { lat: 151.9, lon: 4.4 });
  take("trips/1", { type: "TripUpdate", id: "1", trip: {}, stopTimeUpdate: 7 });
  take("alerts/1", { type: "Alert", id: "2", informedEntity: [{ routeType: "bus" }] });
  const [bus, ...more] = oracle(composer.compose()).entity;
  assert.deepEqual(more, []);
  assert.equal(bus?.vehicle?.vehicle?.id, "7");
  assert.equal(bus?.vehicle?.timestamp, 1e9);
  now = 300_001;
  assert.equal(oracle(composer.compose()).entity, undefined);
});
