import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import type { Agreement } from "../market/agreement.ts";
import { Agreements } from "../market/agreements.ts";
import { rulesOf } from "../market/policy.ts";
import { ErasureBook } from "./erasure-book.ts";

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;
const id = "urn:uuid:soil";

const agreement: Agreement = {
  id,
  role: "consumer",
  provider: "did:web:north.example",
  consumer: "did:web:south.example",
  product: "soil",
  title: "Soil",
  delivery: "logged",
  topics: ["soil/+"],
  price: { amount: "0", currency: "EUR", perMessages: 1 },
  policy: rulesOf({
    price: { amount: "0", currency: "EUR", perMessages: 1 },
    deleteAfterSeconds: 7200,
  }),
  policyHash: "sha256:none",
  evidence: { payload: "", signatures: [] },
  keys: {},
  signedAt: "2026-11-22T00:00:00.000Z",
  state: "active",
};

/** A node's book, whose process can be stopped and started, and whose clocks are set by hand. */
async function open(t: TestContext, change: Partial<Agreement> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "comity-book-"));
  const path = join(folder, "comity.db");
  const clock = { wall: Date.UTC(2026, 10, 22), steady: 0 };
  const outside = { now: () => clock.wall, monotonic: () => clock.steady };
  let store = await openEmbeddedStore({ path });
  let agreements = await Agreements.open(store);
  let book = await ErasureBook.open({ store, clock: outside, agreements });
  await agreements.add({ ...agreement, ...change });
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return {
    clock,
    due: () => book.due(),
    nextMs: () => book.nextDueInMs(),
    keepTime: () => book.keepTime(),
    end: (at: number) =>
      agreements.end(id, { reason: "revoked", by: "x", at: new Date(at).toISOString() }),
    run(ms: number) {
      clock.wall += ms;
      clock.steady += ms;
    },
    /** As after a kill: nothing is said to it before. */
    async restart(stoppedMs: number) {
      await store.close();
      clock.wall += stoppedMs;
      clock.steady = 5;
      store = await openEmbeddedStore({ path });
      agreements = await Agreements.open(store);
      book = await ErasureBook.open({ store, clock: outside, agreements });
    },
  };
}

test("erasure book - what is due is due after its span, and stays so over a stop", async (t) => {
  const node = await open(t);
  assert.deepEqual([node.due(), node.nextMs()], [[], Infinity]);
  await node.end(node.clock.wall);
  assert.equal(node.nextMs(), 2 * hourMs);
  node.run(2 * hourMs - 1);
  assert.deepEqual(node.due(), []);
  await node.keepTime();
  await node.restart(30_000);
  assert.deepEqual(node.due(), [id]);
});

test("erasure book - the span begins where this node hears of the end, whatever that says", async (t) => {
  const node = await open(t);
  await node.end(0);
  node.run(2 * hourMs - 1);
  assert.deepEqual(node.due(), []);
  node.run(1);
  assert.deepEqual(node.due(), [id]);
});

test("erasure book - terms that cannot be read let an agreement end all the same", async (t) => {
  const node = await open(t, { policy: { permission: [{ action: "sell" }] } });
  assert.equal((await node.end(node.clock.wall)).state, "ended");
  assert.equal(node.nextMs(), Infinity);
});

test("erasure book - a clock that jumps makes nothing due, nor one that starts wrong", async (t) => {
  const node = await open(t);
  await node.end(node.clock.wall);
  node.run(hourMs / 2);
  node.clock.wall += yearMs;
  assert.deepEqual(node.due(), []);
  node.clock.wall -= yearMs;
  await node.keepTime();
  await node.restart(yearMs);
  assert.deepEqual(node.due(), []);
  node.run(hourMs / 2);
  node.clock.wall -= yearMs; // somebody has set it right
  node.run(hourMs - 1);
  assert.deepEqual(node.due(), []);
  node.run(1);
  assert.deepEqual(node.due(), [id]);
});

test("erasure book - a long stop counts once the clock has said so for an hour", async (t) => {
  const node = await open(t);
  await node.end(node.clock.wall);
  await node.restart(30 * 24 * hourMs);
  node.run(hourMs - 1);
  assert.deepEqual(node.due(), []);
  node.run(1);
  assert.deepEqual(node.due(), [id]);
});
