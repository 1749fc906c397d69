import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import type { Store } from "../ports/store.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { ConsumerCounts } from "./consumer-counts.ts";

const clock = { now: () => Date.UTC(2026, 10, 5), monotonic: () => 0 };

async function open(t: TestContext): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), "comity-counts-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  return store;
}

function at(messages: number, epoch = "e1"): Checkpoint {
  return { epoch, position: messages + 5, messages, payloadBytes: messages * 8 };
}

test("consumer counts - stand exactly when the commit they ride in does", async (t) => {
  const store = await open(t);
  const counts = await ConsumerCounts.open(store, clock);
  const writes = counts.writesFor("a", at(10));
  assert.equal(await counts.countAt("a", "e1", 15), undefined);
  assert.match((await counts.problemOf("a", at(10))) ?? "", /no checkpoint counted here/);
  await store.commit(writes);
  assert.deepEqual(await counts.last("a"), { ...at(10), at: clock.now() });
  assert.equal(await counts.problemOf("a", at(10)), undefined);
});

test("consumer counts - a claim must meet a checkpoint in every number", async (t) => {
  const store = await open(t);
  const counts = await ConsumerCounts.open(store, clock);
  for (const n of [10, 20, 30]) await store.commit(counts.writesFor("a", at(n)));
  await store.commit(counts.writesFor("b", at(99)));
  assert.equal(await counts.problemOf("a", at(20)), undefined);
  const wrong: Checkpoint[] = [
    { ...at(20), messages: 21 },
    { ...at(20), payloadBytes: 161 },
    { ...at(20), position: 26 },
    at(20, "e2"),
    at(99),
  ];
  for (const claim of wrong) assert.notEqual(await counts.problemOf("a", claim), undefined);
  const problem = await counts.problemOf("a", at(40));
  assert.match(problem ?? "", /claims 40 messages at position 45.* has 30 messages at position 35/);
});

test("consumer counts - what a receipt covers is let go, also after a restart", async (t) => {
  const store = await open(t);
  const first = await ConsumerCounts.open(store, clock);
  for (const n of [10, 20, 30]) await store.commit(first.writesFor("a", at(n)));
  await store.commit(first.writesFor("a/b", at(15)));
  const counts = await ConsumerCounts.open(store, clock);
  await store.commit(counts.receipted("a", 20));
  assert.equal(await counts.countAt("a", "e1", 15), undefined);
  assert.equal(await counts.countAt("a", "e1", 25), undefined);
  assert.equal((await counts.countAt("a", "e1", 35))?.messages, 30);
  assert.equal((await counts.countAt("a/b", "e1", 20))?.messages, 15);
  assert.equal((await store.list("count")).length, 2);
});

test("consumer counts - a full history lets the oldest go and still bounds their claims", async (t) => {
  const store = await open(t);
  const counts = await ConsumerCounts.open(store, clock, 3);
  for (const n of [10, 20, 30]) await store.commit(counts.writesFor("a", at(n)));
  assert.match((await counts.problemOf("a", at(12))) ?? "", /no checkpoint/, "exact until full");
  for (const n of [40, 50]) await store.commit(counts.writesFor("a", at(n)));
  assert.equal((await store.list("count")).length, 3);
  assert.equal(await counts.problemOf("a", at(20)), undefined);
  assert.notEqual(await counts.problemOf("a", { ...at(20), messages: 31 }), undefined);
  assert.notEqual(await counts.problemOf("a", at(45)), undefined);
});
