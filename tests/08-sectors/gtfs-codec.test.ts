import assert from "node:assert/strict";
import { test } from "node:test";
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
