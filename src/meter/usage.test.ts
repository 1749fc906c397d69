import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import * as fc from "fast-check";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import type { Store } from "../ports/store.ts";
import { noUsage } from "../ports/usage.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { Meter } from "./usage.ts";
import type { UsageRow } from "./usage-rows.ts";

const clock = { at: Date.UTC(2026, 10, 5), now: () => clock.at, monotonic: () => 0 };

interface Ground {
  readonly path: string;
  store: Store;
}

async function ground(t: TestContext): Promise<Ground> {
  const dir = await mkdtemp(join(tmpdir(), "comity-usage-"));
  const path = join(dir, "store.db");
  const made: Ground = { path, store: await openEmbeddedStore({ path }) };
  t.after(async () => {
    await made.store.close();
    await rm(dir, { recursive: true });
  });
  clock.at = Date.UTC(2026, 10, 5);
  return made;
}

function at(messages: number, epoch = "e1", position = messages): Checkpoint {
  return { epoch, position, messages, payloadBytes: messages * 8 };
}

async function rowsIn(store: Store): Promise<UsageRow[]> {
  return (await store.list<UsageRow>("usage")).map(({ doc }) => doc);
}

test("meter - counts only what is beyond the acknowledged checkpoint", async (t) => {
  const { store } = await ground(t);
  const meter = await Meter.open({ store, clock });
  assert.deepEqual(meter.acknowledged("a"), noUsage);
  await meter.acknowledge("a", at(100));
  await meter.acknowledge("a", at(100));
  await meter.acknowledge("a", at(60));
  await meter.acknowledge("a", at(0, "e0"));
  await meter.acknowledge("a", { ...at(130), payloadBytes: 1 });
  await meter.acknowledge("a", at(130, "e1", 110));
  await meter.acknowledge("a", at(130, "e2", 0));
  await meter.acknowledge("a", { ...at(101), payloadBytes: Number.MAX_SAFE_INTEGER });
  await meter.acknowledge("a", at(140));
  assert.deepEqual(meter.acknowledged("a"), at(140));
  assert.deepEqual(
    (await rowsIn(store)).map(({ from, to, messages, bytes }) => [from, to, messages, bytes]),
    [
      [0, 100, 100, 800],
      [100, 140, 40, 320],
    ],
  );
  const wrong = meter.acknowledge("a", { ...at(150), messages: 1.5 });
  await assert.rejects(wrong, { code: "BODY_INVALID" });
});

test("meter - many acknowledgements during one commit become one row", async (t) => {
  const { store } = await ground(t);
  const meter = await Meter.open({ store, clock });
  const acks = Array.from({ length: 1000 }, (_, i) => meter.acknowledge("a", at(i + 1)));
  await Promise.all(acks);
  const rows = await rowsIn(store);
  assert.ok(rows.length <= 2, `${rows.length} rows`);
  assert.deepEqual(meter.acknowledged("a"), at(1000));
});

test("meter - an acknowledgement resolves only when it is in the store", async (t) => {
  const made = await ground(t);
  const meter = await Meter.open({ store: made.store, clock });
  const first = meter.acknowledge("a", at(5));
  const second = meter.acknowledge("a", at(9));
  const again = meter.acknowledge("a", at(9));
  assert.deepEqual(meter.acknowledged("a"), noUsage);
  await first;
  await again;
  const other = await Meter.open({ store: made.store, clock });
  assert.deepEqual(other.acknowledged("a"), at(9));
  await second;
});

test("meter - a commit that fails is told, and the claim can be made again", async (t) => {
  const { store } = await ground(t);
  let failing = true;
  const commit: Store["commit"] = (writes) =>
    failing ? Promise.reject(new Error("disk full")) : store.commit(writes);
  const flaky: Store = {
    commit,
    failed: store.failed,
    get: (kind, id) => store.get(kind, id),
    list: (kind, range) => store.list(kind, range),
    log: (log) => store.log(log),
    logs: () => store.logs(),
    readLog: (log, after, bytesMax) => store.readLog(log, after, bytesMax),
    producers: (log) => store.producers(log),
    close: () => store.close(),
  };
  const meter = await Meter.open({ store: flaky, clock });
  await assert.rejects(meter.acknowledge("a", at(7)), /disk full/);
  assert.deepEqual(meter.acknowledged("a"), noUsage);
  failing = false;
  await meter.acknowledge("a", at(7));
  assert.deepEqual(meter.acknowledged("a"), at(7));
  assert.equal((await rowsIn(store)).length, 1);
});

test("meter - a row belongs to one month, and a clock set back opens no old one", async (t) => {
  const { store } = await ground(t);
  const meter = await Meter.open({ store, clock });
  clock.at = Date.UTC(2026, 10, 30, 23, 59, 59, 999);
  const before = meter.acknowledge("a", at(3));
  clock.at += 1;
  const after = meter.acknowledge("a", at(5));
  await Promise.all([before, after]);
  clock.at -= 60_000;
  await meter.acknowledge("a", at(6));
  assert.deepEqual(
    (await rowsIn(store)).map(({ month, messages }) => [month, messages]),
    [
      ["2026-11", 3],
      ["2026-12", 2],
      ["2026-12", 1],
    ],
  );
});

test("meter - agreements do not mix, whatever their ids look like", async (t) => {
  const { store } = await ground(t);
  const meter = await Meter.open({ store, clock });
  const ids = ["a", "a/0000000001", "a%2F", "a0", "urn:uuid:1", "z:"];
  for (const [i, id] of ids.entries()) {
    await meter.acknowledge(id, at(10 + i));
    await meter.acknowledge(id, at(20 + i));
  }
  const again = await Meter.open({ store, clock });
  assert.deepEqual(again.agreements().sort(), [...ids].sort());
  for (const [i, id] of ids.entries()) {
    assert.deepEqual(again.acknowledged(id), at(20 + i));
    assert.equal(again.lastRow(id), 2);
  }
});

test("meter - refusals and one-sided counts are kept over a restart", async (t) => {
  const { store } = await ground(t);
  const meter = await Meter.open({ store, clock });
  meter.refused("a", "topic", 2);
  meter.refused("a", "cap", 1);
  meter.refused("b", "topic", 5);
  for (let i = 0; i < 50; i++) meter.refused(`invented-${i}`, "no-agreement", 1);
  const handedOver = meter.handedOver("a");
  handedOver.add(10, 640);
  handedOver.add(1, 64);
  await meter.close();
  const again = await Meter.open({ store, clock });
  assert.deepEqual(again.tally("a"), {
    refused: { topic: 2, cap: 1 },
    handedOver: { messages: 11, bytes: 704 },
  });
  assert.deepEqual(again.refusals(), { topic: 7, cap: 1, "no-agreement": 50 });
  assert.equal((await store.list("tally")).length, 3, "callers' inventions share one row");
  await again.close();
});

test("meter - the rows' sum is the furthest claim, in whatever order claims come", async (t) => {
  const { store } = await ground(t);
  let n = 0;
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.nat({ max: 300 }), fc.boolean()), { minLength: 1, maxLength: 40 }),
    async (claims) => {
      const agreement = `agreement-${n++}`;
      const meter = await Meter.open({ store, clock });
      const pending: Promise<void>[] = [];
      for (const [messages, wait] of claims) {
        const ack = meter.acknowledge(agreement, at(messages));
        pending.push(ack);
        if (wait) await ack;
      }
      await Promise.all(pending);
      const furthest = Math.max(...claims.map(([messages]) => messages));
      const rows = await store.list<UsageRow>("usage", { prefix: `${agreement}/` });
      assert.equal(
        rows.reduce((sum, { doc }) => sum + doc.messages, 0),
        furthest,
      );
      assert.equal(meter.acknowledged(agreement).messages, furthest);
      await meter.close();
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test("meter - what nobody signs for is one row a month, and each month's beginning is known", async (t) => {
  const made = await ground(t);
  const meter = await Meter.open({ store: made.store, clock });
  await meter.acknowledge("a", at(10), true);
  await Promise.all([meter.acknowledge("a", at(20), true), meter.acknowledge("a", at(30), true)]);
  clock.at = Date.UTC(2026, 11, 1);
  await meter.acknowledge("a", at(37), true);
  await meter.acknowledge("a", at(40), true);
  await meter.close();
  const told = (await rowsIn(made.store)).map((row) => [row.seq, row.month, row.from, row.to]);
  assert.deepEqual(told, [
    [1, "2026-11", 0, 30],
    [2, "2026-12", 30, 40],
  ]);
  const again = await Meter.open({ store: made.store, clock });
  assert.deepEqual(again.acknowledged("a"), at(40));
  const before = ["2026-11", "2026-12", "2027-01"].map((month) =>
    again.acknowledgedBefore("a", month),
  );
  assert.deepEqual(await Promise.all(before), [0, 30, 40]);
  await again.acknowledge("a", at(45), true);
  const rows = await rowsIn(made.store);
  assert.deepEqual([rows.length, rows.at(-1)?.messages, rows.at(-1)?.bytes], [2, 15, 120]);
  await again.close();
});
