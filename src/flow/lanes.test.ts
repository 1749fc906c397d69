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

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("waited in vain");
    await sleep(2);
  }
}

test("lanes - one with much to send leaves each other its turn", async () => {
  const pipe = new Pipe(600_000);
  const lanes = new Lanes(pipe);
  const noisy = laneOf(lanes, "n");
  const quiet = laneOf(lanes, "q");
  for (let i = 0; i < 800; i++) push(noisy, "N", 5000);
  for (let i = 0; i < 40; i++) push(quiet, "Q", 5000);
  await until(() => lanes.full);
  assert.equal(pipe.count("Q"), 200_000);
  assert.ok(pipe.count("N") < 600_000, "the rest waits for the socket");
  pipe.room = Infinity;
  lanes.ready();
  await until(() => pipe.count("N") === 4_000_000);
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
  await until(() => lanes.full);
  for (let i = 0; i < 100; i++) push(live, "L", 1000, true);
  for (let i = 0; i < 100; i++) push(logged, "G", 1000);
  pipe.room = Infinity;
  lanes.ready();
  await until(() => pipe.count("G") === 100_001);
  await until(() => pipe.count("L") === (100 - dropped.live) * 1000);
  assert.equal(dropped.logged, 0);
  assert.ok(dropped.live >= 50 && dropped.live < 100, `${dropped.live} dropped`);
});

test("lanes - each says whose packets begin where the socket is shared, once a turn", async () => {
  const pipe = new Pipe();
  const lanes = new Lanes(pipe);
  const [a, b] = [laneOf(lanes, "a", { isShared: true }), laneOf(lanes, "b", { isShared: true })];
  for (let i = 0; i < 3; i++) push(a, "A", 10);
  push(b, "B", 10);
  await until(() => pipe.count("B") === 10);
  push(b, "B", 10);
  await until(() => pipe.count("B") === 20);
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
  const clock = { now: () => 0, monotonic: () => time.ms };
  const time = { ms: 0 };
  const slow = laneOf(lanes, "s", { bytesPerSecondMax: 40_000, clock });
  const free = laneOf(lanes, "f");
  for (let i = 0; i < 100; i++) push(slow, "S", 1000);
  for (let i = 0; i < 100; i++) push(free, "F", 1000);
  await until(() => pipe.count("F") === 100_000);
  await sleep(50);
  const sent = pipe.count("S");
  assert.ok(sent >= 40_000 && sent < 42_000, `${sent} bytes: a second's worth at once`);
  time.ms = 500;
  await until(() => pipe.count("S") > sent);
  await sleep(50);
  const later = pipe.count("S");
  // What leaves in one piece may be a second's worth, and is waited for afterwards.
  assert.ok(later <= sent + 42_000, `${later} bytes`);
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
