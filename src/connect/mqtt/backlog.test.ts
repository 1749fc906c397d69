import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedStore } from "../../engines/embedded/store.ts";
import { QueueBudget } from "../../flow/queue-budget.ts";
import { Run } from "../../flow/run.ts";
import { StreamLog } from "../../flow/stream-log.ts";
import type { Subscription } from "../../flow/subscription.ts";
import { systemClock } from "../../kernel/clock.ts";
import { neverCrash } from "../../kernel/crash.ts";
import { systemEntropy } from "../../kernel/id.ts";
import { Backlog } from "./backlog.ts";

test("backlog - messages of two logs in turns take no more room than those of one, and come in order", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-backlog-"));
  const store = await openEmbeddedStore({ path: join(folder, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const subscription: Subscription = { filter: "#", receiver: { receive() {} }, qos: 1 };
  const came: string[] = [];
  const drain = (): void => {
    for (let next = backlog.first(); next !== undefined; next = backlog.first()) {
      backlog.shift();
      came.push(`${next.run.topic} ${next.run.lastPayload().toString()}`);
    }
  };
  const backlog = new Backlog({
    clock: systemClock,
    budget: new QueueBudget({ queueBytesMax: 1 << 20 }),
    onDropped: () => assert.fail("nothing is dropped"),
    wanted: () => subscription,
    onRead: drain,
  });
  const outside = { store, clock: systemClock, entropy: systemEntropy, crash: neverCrash };
  const deliver = (run: Run): void => backlog.add(run, subscription, 0, true);
  const names = ["a", "b"];
  const logs = await Promise.all(
    names.map((name) => StreamLog.open(`product/${name}`, { ...outside, deliver })),
  );
  const each = 50;
  for (let i = 0; i < each; i++) {
    for (const [at, log] of logs.entries()) {
      await log.append(Run.of(names[at]!, Buffer.from(`${i}`), { qos: 1 }));
    }
  }
  assert.equal(backlog.length, 2);
  drain();
  while (!backlog.isEmpty) await new Promise((next) => setImmediate(next));
  assert.equal(came.length, 2 * each);
  for (const name of names) {
    const expected = Array.from({ length: each }, (_, i) => `${name} ${i}`);
    assert.deepEqual(
      came.filter((text) => text.startsWith(name)),
      expected,
    );
  }
});
