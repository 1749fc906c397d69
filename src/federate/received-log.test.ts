import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { readMessages } from "../flow/log-reader.ts";
import type { Store } from "../ports/store.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { type Received, ReceivedLog } from "./received-log.ts";

const name = "from/north/soil";

async function openStore(t: TestContext): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "comity-received-"));
  const store = await openEmbeddedStore({ path: join(folder, "comity.db") });
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

/** Messages whose payloads are their positions. */
function block(first: number, next: number): Received {
  const payloads = Array.from({ length: next - first }, (_, i) => Buffer.from(String(first + i)));
  const packets = payloads.map((payload) => encodePublish(5, { topic: "soil/a", payload }));
  const payloadBytes = Buffer.concat(payloads).length;
  const count = payloads.length;
  return { epoch: "e", first, next, count, payloadBytes, at: 0, packets: Buffer.concat(packets) };
}

async function stored(store: Store): Promise<string[]> {
  const rows: string[] = [];
  for await (const { position, payload } of readMessages(store, name, 0, 100)) {
    rows.push(`${position}:${Buffer.from(payload).toString()}`);
  }
  return rows;
}

function rowsOf(first: number, next: number): string[] {
  return Array.from({ length: next - first }, (_, i) => `${first + i}:${first + i}`);
}

test("received log - what another link brought before is stored once, the rest is added", async (t) => {
  const store = await openStore(t);
  const log = new ReceivedLog(name, store);
  const added = [block(5, 9), block(5, 9), block(7, 12), block(6, 8)].map((one) =>
    log.append(one, []),
  );
  const lengths = (await Promise.all(added)).map((packets) => packets.length);
  assert.deepEqual(lengths, [block(5, 9).packets.length, 0, block(9, 12).packets.length, 0]);
  assert.deepEqual(await stored(store), rowsOf(5, 12));
  const state = await store.log(name);
  assert.deepEqual([state?.end, state?.messages, state?.bytes], [12, 7, 9]);
});

test("received log - positions that were never this node's are a gap", async (t) => {
  const store = await openStore(t);
  await new ReceivedLog(name, store).append(block(0, 3), []);
  await new ReceivedLog(name, store).append(block(6, 8), []);
  assert.deepEqual(await stored(store), [...rowsOf(0, 3), ...rowsOf(6, 8)]);
});

test("received log - the counts that come along are stored even where nothing is added", async (t) => {
  const store = await openStore(t);
  const log = new ReceivedLog(name, store);
  await log.append(block(0, 3), []);
  await log.append(block(0, 3), [{ op: "put", kind: "checkpoint", id: "second", doc: { n: 3 } }]);
  assert.deepEqual(await store.get("checkpoint", "second"), { n: 3 });
});

test("received log - a commit that fails is no end of it", async (t) => {
  const store = await openStore(t);
  const log = new ReceivedLog(name, store);
  await log.append(block(0, 3), [{ op: "add", kind: "count", id: "a", doc: {} }]);
  const again = log.append(block(3, 5), [{ op: "add", kind: "count", id: "a", doc: {} }]);
  await assert.rejects(again, { code: "STORE_CONFLICT" });
  await log.append(block(3, 5), []);
  assert.deepEqual(await stored(store), rowsOf(0, 5));
});
