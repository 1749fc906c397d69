import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetDev, thisMachine, watchMachine } from "./machine.ts";

test("machine - tells load and traffic since the reading before", () => {
  let idle = 1000;
  let total = 2000;
  let received = 500;
  let now = 0;
  const read = watchMachine(
    {
      cpu: () => ({ idle, total }),
      memory: () => ({ used: 3, total: 8 }),
      network: () => ({ received, sent: 0 }),
    },
    () => now,
  );
  idle += 250;
  total += 1000;
  received += 4000;
  now += 2000;
  const reading = read();
  assert.deepEqual(reading, { load: 0.75, memoryUsed: 3, memoryTotal: 8, received: 2000, sent: 0 });
});

test("machine - leaves traffic out where the system does not tell", () => {
  const read = watchMachine({ ...thisMachine, network: () => undefined }, () => 0);
  assert.ok(!("received" in read()));
});

test("machine - reads Linux's table of interfaces", () => {
  const text = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets",
    "    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0",
    "  eth0: 2500 20 0 0 0 0 0 0 700 7 0 0 0 0 0 0",
  ].join("\n");
  assert.deepEqual(parseNetDev(text), { received: 3500, sent: 1700 });
});

test("machine - this one has processors and memory", () => {
  const { load, memoryUsed, memoryTotal } = watchMachine(thisMachine, () => performance.now())();
  assert.ok(load >= 0 && load <= 1 && memoryUsed > 0 && memoryUsed < memoryTotal);
});
