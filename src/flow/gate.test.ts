import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grant } from "../market/grant.ts";
import type { Store } from "../ports/store.ts";
import { noUsage, type UsagePort } from "../ports/usage.ts";
import { Gate, type Lease } from "./gate.ts";
import { Grants } from "./grants.ts";

/** Counts what is refused; keeps nothing. */
function counting(): { usage: UsagePort; refused: Record<string, number> } {
  const refused: Record<string, number> = {};
  return {
    refused,
    usage: {
      acknowledged: () => noUsage,
      acknowledge: async () => {},
      handedOver() {},
      refused(_agreement, reason, messages) {
        refused[reason] = (refused[reason] ?? 0) + messages;
      },
    },
  };
}

function gateOf(terms: Partial<Grant>, lease?: Lease) {
  const { usage, refused } = counting();
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
  return { gate: new Gate(grant, { clock, usage, lease: lease ?? never }), clock, refused };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("gate - without a cap everything is admitted", () => {
  const { gate, refused } = gateOf({});
  assert.equal(gate.admit(1_000_000), 1_000_000);
  assert.deepEqual(refused, {});
});

test("gate - is open to the last millisecond before expiry and shut from then on", () => {
  const { gate, clock, refused } = gateOf({ notAfter: 1000 });
  const ends: string[] = [];
  gate.onEnded((reason) => ends.push(reason));
  clock.at = 999;
  assert.equal(gate.admit(3), 3);
  clock.at = 1000;
  assert.equal(gate.admit(3), 0);
  clock.at = 999; // a clock that is set back opens nothing
  assert.equal(gate.admit(2), 0);
  assert.deepEqual(ends, ["expired"]);
  assert.deepEqual(refused, { expired: 5 });
});

test("gate - a cap is admitted to the message, in leases, and then it ends", async () => {
  const leases = [4, 3, 0];
  const { gate, refused } = gateOf({ messagesMax: 7 }, { take: async () => leases.shift()! });
  let admitted = 0;
  for (let i = 0; i < 10 && gate.ended === undefined; i++) {
    admitted += gate.admit(3);
    await turn();
  }
  assert.equal(admitted, 7);
  assert.equal(gate.ended, "cap");
  assert.equal(gate.admit(3), 0);
  assert.deepEqual(refused, { cap: 3 });
});

test("gate - what has to wait for a lease is told once when it may be offered again", async () => {
  const asked: ((messages: number) => void)[] = [];
  const lease: Lease = { take: () => new Promise((resolve) => asked.push(resolve)) };
  const { gate, refused } = gateOf({ messagesMax: 5 }, lease);
  assert.equal(gate.admit(2), 0);
  assert.equal(gate.admit(2), 0);
  assert.equal(asked.length, 1, "asked once");
  assert.equal(gate.waiting, true);
  let ready = 0;
  gate.onReady(() => ready++);
  asked[0]!(5);
  await turn();
  assert.equal(ready, 1);
  assert.equal(gate.waiting, false);
  assert.equal(gate.admit(4), 4);
  assert.deepEqual(refused, {});
});

test("gate - without a durable lease nothing is admitted, and it asks again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const lease: Lease = {
    take: () =>
      ++asked === 1 ? Promise.reject(new Error("the disk is full")) : Promise.resolve(9),
  };
  const { gate } = gateOf({ messagesMax: 9 }, lease);
  assert.equal(gate.admit(1), 0);
  await turn();
  assert.equal(gate.waiting, true);
  let ready = false;
  gate.onReady(() => (ready = true));
  t.mock.timers.tick(1000);
  assert.equal(ready, true);
  assert.equal(gate.admit(1), 0);
  await turn();
  assert.equal(gate.admit(1), 1);
});

test("gate - the end is told once, wakes who waits, and its first reason stands", () => {
  const lease: Lease = { take: () => new Promise(() => {}) };
  const { gate, refused } = gateOf({ messagesMax: 5 }, lease);
  const ends: string[] = [];
  gate.onEnded((reason) => ends.push(reason));
  gate.onEnded((reason) => ends.push(`never ${reason}`))();
  gate.admit(1);
  let ready = false;
  gate.onReady(() => (ready = true));
  gate.end("revoked");
  gate.end("cap");
  assert.deepEqual(ends, ["revoked"]);
  assert.equal(ready, true);
  assert.equal(gate.waiting, false);
  assert.equal(gate.admit(2), 0);
  assert.deepEqual(refused, { revoked: 2 });
});

test("gate - what is given back is admitted to nobody", async () => {
  const { gate } = gateOf({ messagesMax: 100 }, { take: async () => 10 });
  gate.admit(4);
  await turn();
  assert.equal(gate.admit(4), 4);
  assert.equal(gate.giveBack(), 6);
  assert.equal(gate.admit(1), 0);
  assert.equal(gateOf({}).gate.giveBack(), 0);
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
  const { usage } = counting();
  const clock = { now: () => 2000, monotonic: () => 0 };
  const store = { get: async () => undefined } as unknown as Store;
  const grants = new Grants({ store, clock, usage });
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
