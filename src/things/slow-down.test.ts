import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { SlowDown } from "./slow-down.ts";

async function waitedMs(slow: SlowDown, address: string, name?: string): Promise<number> {
  const start = performance.now();
  await slow.wait(address, name);
  return performance.now() - start;
}

test("slow-down - a wrong token waits longer by address, under whatever name", async () => {
  const slow = new SlowDown(systemClock);
  for (const name of ["a", "b", "c"]) await slow.wait("192.0.2.1", name);
  assert.ok((await waitedMs(slow, "192.0.2.1", "d")) >= 395);
});

test("slow-down - a wrong token waits longer by name, from whatever address", async () => {
  const slow = new SlowDown(systemClock);
  for (const end of [1, 2, 3]) await slow.wait(`192.0.2.${end}`, "admin");
  assert.ok((await waitedMs(slow, "192.0.2.4", "admin")) >= 395);
});

test("slow-down - who is new waits no longer than the first did, whoever waits beside", async () => {
  const slow = new SlowDown(systemClock);
  for (const name of ["a", "b", "c"]) await slow.wait("192.0.2.1", name);
  const long = slow.wait("192.0.2.1", "a");
  let isLongOver = false;
  void long.then(() => (isLongOver = true));
  await slow.wait("192.0.2.2", "other");
  assert.equal(isLongOver, false);
  await long;
});

test("slow-down - who comes when a hundred wait is refused at once", async () => {
  const slow = new SlowDown(systemClock);
  const waiting = Array.from({ length: 100 }, (_, i) => slow.wait(`198.51.100.${i}`));
  await assert.rejects(slow.wait("192.0.2.1"), { code: "LIMIT_REACHED" });
  await Promise.all(waiting);
});
