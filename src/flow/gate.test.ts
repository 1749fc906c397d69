import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grant } from "../market/grant.ts";
import type { Store } from "../ports/store.ts";
import { countedUsage } from "../../tests/counted-usage.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import type { Amount, Lease, Offered } from "./allowance.ts";
import { Checkers } from "./checker.ts";
import { Gate } from "./gate.ts";
import { Grants } from "./grants.ts";
import { layout5, Run } from "./run.ts";

function gateOf(terms: Partial<Grant>, lease?: Lease) {
  const { usage, refused } = countedUsage();
  const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };
  const grant: Grant = {
    agreement: "a",
    consumer: "did:c",
    product: "p",
    filters: ["#"],
    billed: true,
    ...terms,
  };
  const never: Lease = { take: () => Promise.reject(new Error("there is no cap")) };
  const checker = new Checkers(secret).of(grant);
  const gate = new Gate(grant, { clock, usage, lease: lease ?? never, checker });
  return { gate, clock, refused };
}

const secret = new Uint8Array(32);

function payloads(...sizes: number[]): Offered {
  const packets = sizes.map((size) =>
    encodePublish(5, { topic: "t", payload: Buffer.alloc(size, "x") }),
  );
  const payloadBytes = sizes.reduce((sum, size) => sum + size, 0);
  return { packets: Buffer.concat(packets), layout: layout5, count: sizes.length, payloadBytes };
}

function messages(count: number): Offered {
  return payloads(...Array.from({ length: count }, () => 1));
}

function leaseOf(...amounts: number[]): Lease {
  return { take: async () => ({ messages: amounts.shift() ?? 0, bytes: 0 }) };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("gate - without a cap everything is admitted", () => {
  const { gate, refused } = gateOf({});
  assert.equal(gate.admit(messages(1_000)), 1_000);
  assert.deepEqual(refused, {});
});

test("gate - is open to the last millisecond before expiry and shut from then on", () => {
  const { gate, clock, refused } = gateOf({ notAfter: 1000 });
  const ends: string[] = [];
  gate.onEnded((reason) => ends.push(reason));
  clock.at = 999;
  assert.equal(gate.admit(messages(3)), 3);
  clock.at = 1000;
  assert.equal(gate.admit(messages(3)), 0);
  clock.at = 999; // a clock that is set back opens nothing
  assert.equal(gate.admit(messages(2)), 0);
  assert.deepEqual(ends, ["expired"]);
  assert.deepEqual(refused, { expired: 5 });
});

test("gate - a cap is admitted to the message, in leases, and then it ends", async () => {
  const { gate, refused } = gateOf({ messagesMax: 7 }, leaseOf(4, 3));
  let admitted = 0;
  for (let i = 0; i < 10 && gate.ended === undefined; i++) {
    admitted += gate.admit(messages(3));
    await turn();
  }
  assert.equal(admitted, 7);
  assert.equal(gate.ended, "cap");
  assert.equal(gate.admit(messages(3)), 0);
  assert.deepEqual(refused, { cap: 3 });
});

test("gate - what has to wait for a lease is told once when it may be offered again", async () => {
  const asked: ((amount: Amount) => void)[] = [];
  const lease: Lease = { take: () => new Promise((resolve) => asked.push(resolve)) };
  const { gate, refused } = gateOf({ messagesMax: 5 }, lease);
  assert.equal(gate.admit(messages(2)), 0);
  assert.equal(gate.admit(messages(2)), 0);
  assert.equal(asked.length, 1, "asked once");
  assert.equal(gate.waiting, true);
  let ready = 0;
  gate.onReady(() => ready++);
  asked[0]!({ messages: 5, bytes: 0 });
  await turn();
  assert.equal(ready, 1);
  assert.equal(gate.waiting, false);
  assert.equal(gate.admit(messages(4)), 4);
  assert.deepEqual(refused, {});
});

test("gate - without a durable lease nothing is admitted, and it asks again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const lease: Lease = {
    take: () =>
      ++asked === 1
        ? Promise.reject(new Error("the disk is full"))
        : Promise.resolve({ messages: 9, bytes: 0 }),
  };
  const { gate } = gateOf({ messagesMax: 9 }, lease);
  assert.equal(gate.admit(messages(1)), 0);
  await turn();
  assert.equal(gate.waiting, true);
  let ready = false;
  gate.onReady(() => (ready = true));
  t.mock.timers.tick(1000);
  assert.equal(ready, true);
  assert.equal(gate.admit(messages(1)), 0);
  await turn();
  assert.equal(gate.admit(messages(1)), 1);
});

test("gate - the end is told once, wakes who waits, and its first reason stands", () => {
  const lease: Lease = { take: () => new Promise(() => {}) };
  const { gate, refused } = gateOf({ messagesMax: 5 }, lease);
  const ends: string[] = [];
  gate.onEnded((reason) => ends.push(reason));
  gate.onEnded((reason) => ends.push(`never ${reason}`))();
  gate.admit(messages(1));
  let ready = false;
  gate.onReady(() => (ready = true));
  gate.end("revoked");
  gate.end("cap");
  assert.deepEqual(ends, ["revoked"]);
  assert.equal(ready, true);
  assert.equal(gate.waiting, false);
  assert.equal(gate.admit(messages(2)), 0);
  assert.deepEqual(refused, { revoked: 2 });
});

test("gate - what is given back is admitted to nobody", async () => {
  const { gate } = gateOf({ messagesMax: 100 }, leaseOf(10));
  gate.admit(messages(4));
  await turn();
  assert.equal(gate.admit(messages(4)), 4);
  assert.deepEqual(gate.giveBack(), { messages: 6, bytes: 0 });
  assert.equal(gate.admit(messages(1)), 0);
  assert.deepEqual(gateOf({}).gate.giveBack(), { messages: 0, bytes: 0 });
});

test("gate - resuming is told to who listens", () => {
  const { gate } = gateOf({});
  let resumed = 0;
  const stop = gate.onResumed(() => resumed++);
  gate.suspend("transfer");
  assert.equal(gate.suspended, true);
  gate.resume("transfer");
  assert.equal(gate.suspended, false);
  stop();
  gate.suspend("transfer");
  gate.resume("transfer");
  assert.equal(resumed, 1);
});

test("gate - rests for as long as one reason stands", () => {
  const { gate } = gateOf({});
  let resumed = 0;
  gate.onResumed(() => resumed++);
  gate.suspend("exposure");
  gate.suspend("transfer");
  gate.resume("exposure");
  assert.deepEqual([gate.suspended, resumed], [true, 0]);
  gate.resume("transfer");
  assert.deepEqual([gate.suspended, resumed], [false, 1]);
});

test("gate - a quiet agreement ends when its time has come, by the wall clock", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const day = 86_400_000;
  const { gate, clock } = gateOf({ notAfter: 60 * day });
  clock.at = 60 * day - 1;
  t.mock.timers.tick(3_600_000);
  assert.equal(gate.ended, undefined);
  clock.at = 60 * day;
  t.mock.timers.tick(1);
  assert.equal(gate.ended, "expired");
});

test("gates - who listens late is told what expired while the node was down", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { usage } = countedUsage();
  const clock = { now: () => 2000, monotonic: () => 0 };
  const store = { get: async () => undefined } as unknown as Store;
  const grants = new Grants({ store, clock, usage, secret });
  await grants.open({
    agreement: "a",
    consumer: "did:c",
    product: "p",
    filters: ["#"],
    billed: true,
    notAfter: 1000,
  });
  t.mock.timers.tick(0);
  const ends: string[] = [];
  grants.onEnded((agreement, reason) => ends.push(`${agreement} ${reason}`));
  assert.deepEqual(ends, ["a expired"]);
});

test("gate - too much written off on broken links rests, and claimed later it goes on", () => {
  const { gate } = gateOf({});
  gate.writeOff(0, 6000);
  assert.equal(gate.suspended, false);
  gate.goOnFrom(1000);
  gate.writeOff(1000, 6000); // 5,000 lost before, 5,000 now
  assert.equal(gate.suspended, false);
  gate.writeOffLate(1);
  assert.equal(gate.suspended, true);
  gate.goOnFrom(1000);
  assert.equal(gate.suspended, true, "an old claim covers nothing");
  gate.goOnFrom(1001);
  assert.equal(gate.suspended, false);
  gate.writeOff(1001, 20_000);
  gate.goOnFrom(1_000_000);
  assert.equal(gate.suspended, false);
});

test("gate - a volume is admitted to the last message that fits, and then it ends", async () => {
  const amounts = [10, 0];
  const lease: Lease = { take: async () => ({ messages: 0, bytes: amounts.shift() ?? 0 }) };
  const { gate, refused } = gateOf({ bytesMax: 10 }, lease);
  assert.equal(gate.admit(payloads(4, 4)), 0);
  await turn();
  assert.equal(gate.admit(payloads(4, 4)), 2);
  assert.equal(gate.admit(payloads(2)), 1, "met to the byte");
  assert.equal(gate.admit(payloads(0)), 1, "an empty payload takes nothing of it");
  assert.equal(gate.admit(payloads(1)), 0);
  await turn();
  assert.equal(gate.ended, "cap");
  assert.equal(gate.admit(payloads(1, 1)), 0);
  assert.deepEqual(refused, { volume: 2 });
});

test("gate - the first message beyond the volume ends it, though a smaller one would fit", async () => {
  const amounts = [3, 2];
  const lease: Lease = { take: async () => ({ messages: 0, bytes: amounts.shift() ?? 0 }) };
  const { gate } = gateOf({ bytesMax: 5 }, lease);
  gate.admit(payloads(3));
  await turn();
  assert.equal(gate.admit(payloads(3)), 1);
  assert.equal(gate.admit(payloads(9, 1)), 0);
  await turn();
  assert.equal(gate.ended, "cap");
});

test("gate - is shut to the last millisecond before its begin and open from then on", () => {
  const { gate, clock, refused } = gateOf({ notBefore: 1000 });
  let resumed = 0;
  gate.onResumed(() => resumed++);
  clock.at = 999;
  assert.equal(gate.suspended, true);
  assert.equal(gate.admit(messages(1)), 0);
  assert.equal(gate.offer(Run.of("t", Buffer.from("x"))), undefined);
  clock.at = 1000;
  assert.equal(gate.admit(messages(1)), 1);
  assert.equal(resumed, 1);
  clock.at = 999; // a clock that is set back shuts nothing
  assert.equal(gate.admit(messages(1)), 1);
  assert.deepEqual(refused, { early: 2 });
});

test("gate - a quiet agreement begins when its time has come, by the wall clock", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { gate, clock } = gateOf({ notBefore: 5000, notAfter: 9000 });
  clock.at = 5000;
  t.mock.timers.tick(5000);
  assert.equal(gate.suspended, false);
  clock.at = 9000;
  t.mock.timers.tick(4000);
  assert.equal(gate.ended, "expired");
});

test("gate - a run is decided once, whichever doors it is offered to", () => {
  const { gate, refused } = gateOf({ rate: { messages: 1, seconds: 1, per: "stream" } });
  const [first, second] = [Run.of("t", Buffer.from("1")), Run.of("t", Buffer.from("2"))];
  assert.equal(gate.offer(first), first);
  assert.equal(gate.offer(first), first);
  assert.equal(gate.offer(second), undefined);
  assert.deepEqual(refused, { rate: 1 });
});

test("gate - what rests is counted by why it rests", () => {
  const { gate, refused } = gateOf({});
  for (const reason of ["exposure", "transfer"] as const) {
    gate.suspend(reason);
    gate.offer(Run.of("t", Buffer.from("x")));
    gate.resume(reason);
  }
  assert.deepEqual(refused, { exposure: 1, suspended: 1 });
});
