import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../kernel/clock.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { type Lane, type LaneOptions, Lanes } from "./lanes.ts";
import { layout5 } from "./run.ts";

/** Takes so many bytes and is full until it is drained. */
class Pipe {
  room: number;
  readonly written: Buffer[] = [];

  constructor(room = Infinity) {
    this.room = room;
  }

  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    this.room -= bytes.length;
    return this.room > 0;
  }

  get bytes(): number {
    return this.written.reduce((sum, { length }) => sum + length, 0);
  }

  /** Of each letter that payloads are made of. */
  count(letter: string): number {
    const text = Buffer.concat(this.written).toString("latin1");
    return text.split(letter).length - 1;
  }
}

function laneOf(lanes: Lanes, agreement: string, more: Partial<LaneOptions> = {}): Lane {
  return lanes.open({
    agreement,
    clock: systemClock,
    queueBytesMax: 1_000_000,
    onDropped: () => {},
    isShared: false,
    encoding: undefined,
    bytesPerSecondMax: undefined,
    ...more,
  });
}

function push(lane: Lane, letter: string, payloadBytes: number, droppable = false): void {
  const packets = encodePublish(5, { topic: "x", payload: Buffer.alloc(payloadBytes, letter) });
  lane.outbox.push({
    packets,
    count: 1,
    payloadBytes,
    layout: layout5,
    gate: undefined,
    tally: undefined,
    droppable,
  });
}

test("lanes - one with much to send leaves each other its turn", async () => {
  const pipe = new Pipe(600_000);
  const lanes = new Lanes(pipe);
  const noisy = laneOf(lanes, "n");
  const quiet = laneOf(lanes, "q");
  for (let i = 0; i < 800; i++) push(noisy, "N", 5000);
  for (let i = 0; i < 40; i++) push(quiet, "Q", 5000);
  await sleep(20);
  assert.equal(pipe.count("Q"), 200_000);
  assert.ok(pipe.count("N") < 600_000, "the rest waits for the socket");
  pipe.room = Infinity;
  lanes.ready();
  await sleep(50);
  assert.equal(pipe.count("N"), 4_000_000);
});

test("lanes - one that overflows drops its own oldest, and nothing of another", async () => {
  const pipe = new Pipe(1);
  const lanes = new Lanes(pipe);
  const dropped = { live: 0, logged: 0 };
  const live = laneOf(lanes, "l", {
    queueBytesMax: 50_000,
    onDropped: (n) => (dropped.live += n),
  });
  const logged = laneOf(lanes, "g", { onDropped: (n) => (dropped.logged += n) });
  push(logged, "G", 1);
  await sleep(5);
  for (let i = 0; i < 100; i++) push(live, "L", 1000, true);
  for (let i = 0; i < 100; i++) push(logged, "G", 1000);
  pipe.room = Infinity;
  lanes.ready();
  await sleep(20);
  assert.equal(dropped.logged, 0);
  assert.equal(pipe.count("G"), 100_001);
  assert.ok(dropped.live >= 50 && dropped.live < 100, `${dropped.live} dropped`);
  assert.equal(pipe.count("L"), (100 - dropped.live) * 1000);
});

test("lanes - each says whose packets begin where the socket is shared, once a turn", async () => {
  const pipe = new Pipe();
  const lanes = new Lanes(pipe);
  const [a, b] = [laneOf(lanes, "a", { isShared: true }), laneOf(lanes, "b", { isShared: true })];
  for (let i = 0; i < 3; i++) push(a, "A", 10);
  push(b, "B", 10);
  await sleep(5);
  push(b, "B", 10);
  await sleep(5);
  const text = Buffer.concat(pipe.written).toString("latin1");
  const spoken = text.match(/\$link\/\w|A{10}|B{10}/g);
  assert.deepEqual(
    spoken?.map((one) => one.slice(0, 7)),
    ["$link/a", "AAAAAAA", "AAAAAAA", "AAAAAAA", "$link/b", "BBBBBBB", "BBBBBBB"],
  );
});

test("lanes - a budget is kept on average, and the other lane does not wait for it", async () => {
  const pipe = new Pipe();
  const lanes = new Lanes(pipe);
  const slow = laneOf(lanes, "s", { bytesPerSecondMax: 40_000 });
  const free = laneOf(lanes, "f");
  for (let i = 0; i < 100; i++) push(slow, "S", 1000);
  for (let i = 0; i < 100; i++) push(free, "F", 1000);
  await sleep(500);
  assert.equal(pipe.count("F"), 100_000);
  const sent = pipe.count("S");
  // a second's worth at once, then half a second's at the pace, one quantum too many at most
  assert.ok(sent >= 40_000 && sent <= 110_000, `${sent} bytes`);
  assert.ok(sent < 100_000, "some of it still waits");
  slow.close();
  free.close();
});

test("lanes - a closed one hands on nothing of what waited", async () => {
  const pipe = new Pipe();
  const lanes = new Lanes(pipe);
  const lane = laneOf(lanes, "a");
  push(lane, "A", 100);
  lane.close();
  await sleep(5);
  assert.equal(pipe.bytes, 0);
});
