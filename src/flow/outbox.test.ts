import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grant } from "../market/grant.ts";
import { countedUsage } from "../../tests/counted-usage.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import type { Amount, Lease } from "./allowance.ts";
import { Checkers } from "./checker.ts";
import { Gate } from "./gate.ts";
import { Outbox } from "./outbox.ts";
import { parcelOverheadBytes, type Parcel } from "./parcel-queue.ts";
import { layout5 } from "./run.ts";

/** A socket that can be full. */
class Pipe {
  readonly written: Buffer[] = [];
  full = false;

  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return !this.full;
  }

  get texts(): string[] {
    const out: string[] = [];
    const bytes = Buffer.concat(this.written);
    walkPublishes(bytes, layout5, (place) => {
      out.push(bytes.toString("utf8", place.payloadAt, place.end));
    });
    return out;
  }
}

function packet(text: string): Buffer {
  return encodePublish(5, { topic: "t", payload: Buffer.from(text) });
}

function parcel(texts: readonly string[], more: Partial<Parcel> = {}): Parcel {
  return {
    packets: Buffer.concat(texts.map(packet)),
    count: texts.length,
    payloadBytes: texts.join("").length,
    layout: layout5,
    gate: undefined,
    tally: undefined,
    droppable: true,
    ...more,
  };
}

function boxOf(queueBytesMax = 1_000_000) {
  const pipe = new Pipe();
  const counts = { dropped: 0 };
  const onDropped = (messages: number): void => {
    counts.dropped += messages;
  };
  return { pipe, counts, box: new Outbox(pipe, { queueBytesMax, onDropped }) };
}

function gateOf(messagesMax?: number, lease?: Lease) {
  const { usage, refused } = countedUsage();
  const grant: Grant = {
    agreement: "a",
    consumer: "did:c",
    product: "p",
    filters: ["#"],
    billed: true,
    ...(messagesMax === undefined ? {} : { messagesMax }),
  };
  const clock = { now: () => 0, monotonic: () => 0 };
  const spent: Lease = { take: async () => ({ messages: 0, bytes: 0 }) };
  const checker = new Checkers(new Uint8Array(32)).of(grant);
  const gate = new Gate(grant, { clock, usage, lease: lease ?? spent, checker });
  return { gate, refused };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("outbox - what is pushed in one turn leaves in order and as one write", async () => {
  const { box, pipe } = boxOf();
  box.push(parcel(["1", "2"]));
  box.pushControl(packet("control"));
  box.pushLate(() => packet("late"));
  box.pushLate(() => undefined);
  box.push(parcel(["3"]));
  assert.equal(pipe.written.length, 0);
  await turn();
  assert.equal(pipe.written.length, 1);
  assert.deepEqual(pipe.texts, ["1", "2", "control", "late", "3"]);
  assert.equal(box.queuedBytes, 0);
  assert.equal(box.controlBytes, 0);
});

test("outbox - big slices leave as they are, in order with the small ones", async () => {
  const { box, pipe } = boxOf();
  const big = "x".repeat(20_000);
  for (const text of ["a", big, "b"]) box.push(parcel([text]));
  await turn();
  assert.equal(pipe.written.length, 3);
  assert.deepEqual(pipe.texts, ["a", big, "b"]);
});

test("outbox - a late parcel is made when what went before it has been counted", async () => {
  const { box } = boxOf();
  let counted = 0;
  const tally = {
    add(messages: number) {
      counted += messages;
    },
  };
  let seen = -1;
  box.push(parcel(["1", "2", "3"], { tally }));
  box.pushLate(() => {
    seen = counted;
    return undefined;
  });
  await turn();
  assert.equal(seen, 3);
});

test("outbox - a full socket gets nothing more until it has drained", async () => {
  const { box, pipe } = boxOf();
  pipe.full = true;
  box.push(parcel(["1"]));
  await turn();
  box.push(parcel(["2"]));
  await turn();
  assert.deepEqual(pipe.texts, ["1"]);
  pipe.full = false;
  box.ready();
  await turn();
  assert.deepEqual(pipe.texts, ["1", "2"]);
});

test("outbox - the oldest droppable parcels go first; what must not be dropped stays in order", async () => {
  const each = packet("00").length + parcelOverheadBytes;
  const { box, pipe, counts } = boxOf(each * 4);
  const { gate, refused } = gateOf();
  pipe.full = true;
  box.push(parcel(["go"]));
  await turn();
  box.push(parcel(["k0"], { droppable: false }));
  for (let i = 1; i < 10; i++) {
    box.push(parcel([`0${i}`], { gate }));
    box.pushControl(packet(`c${i}`));
  }
  pipe.full = false;
  box.ready();
  await turn();
  const kept = pipe.texts.filter((text) => !text.startsWith("c"));
  assert.deepEqual(kept, ["go", "k0", "07", "08", "09"]);
  assert.equal(pipe.texts.length, 5 + 9, "no control packet is lost");
  assert.equal(counts.dropped, 6);
  assert.deepEqual(refused, { "queue-full": 6 });
});

test("outbox - a stalled subscriber costs the others no time, however many tiny messages wait", async () => {
  const { box, pipe, counts } = boxOf(2_000_000);
  pipe.full = true;
  box.push(parcel(["go"]));
  await turn();
  const one = packet("x");
  const start = performance.now();
  const messages = 300_000;
  for (let i = 0; i < messages; i++) box.push({ ...parcel([]), packets: one, count: 1 });
  const ms = performance.now() - start;
  assert.ok(box.queuedBytes <= 2_000_000);
  assert.ok(counts.dropped > messages * 0.9);
  assert.ok(ms < 3000, `${ms} ms`); // quadratic it would take minutes
});

test("outbox - small slices that wait do not keep the buffer they came in", async () => {
  const { box, pipe } = boxOf();
  pipe.full = true;
  box.push(parcel(["go"]));
  await turn();
  const read = Buffer.alloc(65_536);
  const length = packet("keep").copy(read);
  const waiting = parcel([], { packets: read.subarray(0, length), count: 1 });
  box.push(waiting);
  assert.notEqual(waiting.packets.buffer, read.buffer);
  read.fill(0);
  pipe.full = false;
  box.ready();
  await turn();
  assert.deepEqual(pipe.texts, ["go", "keep"]);
});

test("outbox - a parcel is split where its cap falls, and the rest is refused", async () => {
  const leases = [2, 1, 0];
  const { gate, refused } = gateOf(3, {
    take: async () => ({ messages: leases.shift() ?? 0, bytes: 0 }),
  });
  const { box, pipe } = boxOf();
  const counted: number[] = [];
  const tally = {
    add(messages: number, bytes: number) {
      counted.push(messages, bytes);
    },
  };
  box.push(parcel(["1", "22", "333", "4444"], { gate, tally }));
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(pipe.texts, ["1", "22", "333"]);
  assert.deepEqual(counted, [2, 3, 1, 3]);
  assert.equal(gate.ended, "cap");
  assert.deepEqual(refused, { cap: 1 });
  assert.equal(box.queuedBytes, 0);
});

test("outbox - what waits for a lease keeps its place before all that follows", async () => {
  let grant = (_amount: Amount): void => {};
  const lease: Lease = { take: () => new Promise((resolve) => (grant = resolve)) };
  const { gate } = gateOf(10, lease);
  const { box, pipe } = boxOf();
  box.push(parcel(["1"], { gate }));
  box.pushControl(packet("after"));
  await turn();
  assert.deepEqual(pipe.texts, []);
  grant({ messages: 5, bytes: 0 });
  await turn();
  await turn();
  assert.deepEqual(pipe.texts, ["1", "after"]);
});

test("outbox - packets in the queue when their agreement is revoked never reach the socket", async () => {
  const { gate, refused } = gateOf();
  const { box, pipe } = boxOf();
  pipe.full = true;
  box.push(parcel(["1"], { gate }));
  await turn();
  for (let i = 2; i < 6; i++) box.push(parcel([String(i)], { gate }));
  box.push(parcel(["other"]));
  gate.end("revoked");
  pipe.full = false;
  box.ready();
  await turn();
  assert.deepEqual(pipe.texts, ["1", "other"]);
  assert.deepEqual(refused, { revoked: 4 });
});

test("outbox - also what waits for a lease is cut by a revocation", async () => {
  const { gate, refused } = gateOf(9, { take: () => new Promise(() => {}) });
  const { box, pipe } = boxOf();
  box.push(parcel(["1", "2"], { gate }));
  await turn();
  gate.end("revoked");
  await turn();
  assert.deepEqual(pipe.texts, []);
  assert.deepEqual(refused, { revoked: 2 });
});

test("outbox - closed, it writes nothing and keeps nothing", async () => {
  const { box, pipe } = boxOf();
  box.push(parcel(["1"]));
  box.close();
  box.push(parcel(["2"]));
  box.pushControl(packet("3"));
  await turn();
  assert.deepEqual(pipe.written, []);
  assert.equal(box.queuedBytes, 0);
});
