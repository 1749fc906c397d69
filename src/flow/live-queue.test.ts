import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveQueue } from "./live-queue.ts";

test("live queue - gives up the oldest, and says so before the next that is there", () => {
  const queue = new LiveQueue<number>(3000);
  for (let i = 0; i < 5000; i++) assert.equal(queue.push(i, 1), i < 3000 ? 0 : 1);
  assert.deepEqual(queue.next(), { dropped: 2000 });
  for (let i = 2000; i < 5000; i++) assert.deepEqual(queue.next(), { item: i });
  assert.equal(queue.next(), undefined);
  assert.equal(queue.isEmpty, true);
  queue.push(7, 2999);
  queue.push(8, 2);
  assert.deepEqual(
    [queue.next(), queue.next(), queue.next()],
    [{ dropped: 1 }, { item: 8 }, undefined],
  );
});

test("live queue - one that is larger than all the room is given up as well", () => {
  const queue = new LiveQueue<string>(10);
  assert.equal(queue.push("small", 5), 0);
  assert.equal(queue.push("large", 11), 2);
  assert.equal(queue.isEmpty, false);
  assert.deepEqual(queue.next(), { dropped: 2 });
  assert.equal(queue.isEmpty, true);
});
