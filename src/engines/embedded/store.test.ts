import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import type { Store, Write } from "../../ports/store.ts";
import { storeConformance } from "../../ports/store.conformance.ts";
import { openDatabase } from "./schema.ts";
import { StoreDatabase } from "./store-database.ts";
import { openEmbeddedStore } from "./store.ts";

storeConformance("the embedded store", async () => {
  const dir = await mkdtemp(join(tmpdir(), "comity-store-"));
  const path = join(dir, "comity.db");
  const threads: Worker[] = [];
  const catchThread = (thread: Worker): number => threads.push(thread);
  process.on("worker", catchThread);
  let store = await openEmbeddedStore({ path });
  process.off("worker", catchThread);
  return {
    store,
    fail: async () => void (await threads[0]?.terminate()),
    reopen: async () => {
      await store.close();
      store = await openEmbeddedStore({ path });
      return store;
    },
    dispose: async () => {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
});

async function fileFor(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "comity-store-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return join(dir, "data", "comity.db");
}

function put(id: string, doc: unknown): Write {
  return { op: "put", kind: "doc", id, doc };
}

/** How often the text stands in the store's files. */
async function findInFiles(path: string, text: string): Promise<number> {
  let found = 0;
  for (const file of await readdir(join(path, ".."))) {
    const bytes = await readFile(join(path, "..", file));
    for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) found++;
  }
  return found;
}

test("store - what is erased stands in none of its files, whatever was around it", async (t) => {
  const path = await fileFor(t);
  const store = await openEmbeddedStore({ path });
  t.after(() => store.close());
  const secret = (log: number): string => `SECRET OF ${log} `;
  const ends = [0, 0, 0, 0];
  const marks: number[][] = [[0], [0], [0], [0]];
  let state = 7;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < 1500; i++) {
    const log = Math.floor(random() * ends.length);
    const count = 1 + Math.floor(random() ** 4 * 1500); // some fit a page, some take a dozen
    const packets = Buffer.from(secret(log).repeat(count));
    const first = ends[log]!;
    const at = { at: 1, payloadBytes: packets.length, packets };
    const block = { log: `l${log}`, epoch: "e", first, next: first + count, count, ...at };
    ends[log] = first + count;
    marks[log]!.push(ends[log]);
    const doc = secret(9).repeat(1 + Math.floor(random() * 9));
    await store.commit([{ op: "append", block }, put(`d${Math.floor(random() * 40)}`, doc)]);
  }
  for (const log of [2, 0, 3]) {
    for (let i = 0; i + 1 < marks[log]!.length;) {
      const last = Math.min(i + 1 + Math.floor(random() * 60), marks[log]!.length - 1);
      const [from, to] = [marks[log]![i]!, marks[log]![last]!];
      await store.commit([{ op: "erase", log: `l${log}`, from, to }]);
      i = last;
    }
    assert.equal(await findInFiles(path, secret(log)), 0, `of log ${log}`);
  }
  assert.ok((await findInFiles(path, secret(1))) > 1000, "the other log stands, and is found");
  assert.equal((await store.log("l1"))?.messages, ends[1]);
});

test("store - a crash after an erasure leaves nothing that the next start keeps", async (t) => {
  const path = await fileFor(t);
  const database = openDatabase({ path, lockWaitMs: 0, bytesMax: 0 });
  const before = new StoreDatabase(database);
  const packets = Buffer.from("SECRET ".repeat(100));
  const block = { log: "l", epoch: "e", first: 0, next: 100, count: 100, payloadBytes: 700, at: 1 };
  before.commitAll([[{ op: "append", block: { ...block, packets } }]]);
  // as it stands between the commit and the work on the WAL
  database.exec("UPDATE log_block SET packets = x'', erased = 100, count = 0");
  const folder = join(path, "..", "..", "crashed");
  await cp(join(path, ".."), folder, { recursive: true });
  assert.ok((await findInFiles(join(folder, "comity.db"), "SECRET")) > 0, "it stands in the WAL");
  before.close();
  const store = await openEmbeddedStore({ path: join(folder, "comity.db") });
  t.after(() => store.close());
  assert.equal(await findInFiles(join(folder, "comity.db"), "SECRET"), 0);
});

test("store - a second node on the same data is refused until the first has ended", async (t) => {
  const path = await fileFor(t);
  const first = await openEmbeddedStore({ path });
  const second = openEmbeddedStore({ path, lockWaitMs: 20 });
  await assert.rejects(second, { code: "DATA_LOCKED", details: { path: join(path, "..") } });
  const third = openEmbeddedStore({ path, lockWaitMs: 5000 });
  await first.commit([put("still", "mine")]);
  await first.close();
  assert.equal(await (await third).get("doc", "still"), "mine");
  await (await third).close();
});

test("store - the data is its owner's alone", async (t) => {
  const path = await fileFor(t);
  const store = await openEmbeddedStore({ path });
  await store.commit([put("a", 1)]);
  assert.equal((await stat(join(path, ".."))).mode & 0o777, 0o700);
  for (const file of await readdir(join(path, ".."))) {
    assert.equal((await stat(join(path, "..", file))).mode & 0o777, 0o600, file);
  }
  await store.close();
  assert.deepEqual(await readdir(join(path, "..")), ["comity.db"]); // the WAL is worked in
});

test("store - what cannot be opened is named", async (t) => {
  const path = await fileFor(t);
  await (await openEmbeddedStore({ path })).close();
  await writeFile(path, "this is no database, however long it may be ".repeat(100));
  await assert.rejects(openEmbeddedStore({ path }), {
    code: "STORE_FAILED",
    message: /comity\.db/,
  });
  const folder = openEmbeddedStore({ path: join(path, "..") });
  await assert.rejects(folder, { code: "STORE_FAILED" });
});

test("store - a folder it may not write to is named", async (t) => {
  if (process.getuid?.() === 0) return t.skip("the superuser may write everywhere");
  const path = await fileFor(t);
  await (await openEmbeddedStore({ path })).close();
  await chmod(path, 0o400);
  await assert.rejects(openEmbeddedStore({ path }), { code: "STORE_FAILED", message: /EACCES/ });
});

test("store - a full disk fails every call by name, and what was committed is there", async (t) => {
  const path = await fileFor(t);
  const store = await openEmbeddedStore({ path, bytesMax: 200_000 });
  await store.commit([put("kept", 1)]);
  const big = "x".repeat(30_000);
  const writes = Array.from({ length: 20 }, async (_, n) => store.commit([put(`${n}`, big)]));
  const results = await Promise.allSettled(writes);
  for (const result of results) {
    assert.equal(result.status, "rejected"); // they were one transaction
    assert.match(String(result.reason), /database or disk is full/);
  }
  await assert.rejects(store.get("doc", "kept"), { code: "STORE_FAILED", message: /full/ });
  await assert.rejects(store.commit([put("late", 1)]), { code: "STORE_FAILED" });
  await store.close();
  const again = await openEmbeddedStore({ path });
  assert.deepEqual(await again.list("doc"), [{ id: "kept", doc: 1 }]);
  await again.close();
});

test("store - a call with impossible values fails alone", async (t) => {
  const store = await openEmbeddedStore({ path: await fileFor(t) });
  const results = await Promise.allSettled([
    store.commit([put("a", 1)]),
    // what a caller without types could hand in
    store.commit([put("b", 1), JSON.parse('{"op":"put","kind":"doc","doc":1}')]),
    store.list("doc", { limit: 0.5 }),
    store.list("doc", JSON.parse('{"after":{}}')),
    store.commit([{ op: "append", block: { ...aBlock, epoch: JSON.parse("[]") } }]),
    store.commit([put("c", 1)]),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected", "rejected", "rejected", "fulfilled"],
  );
  const uncloneable = { after: "", toJSON: () => 1 };
  await assert.rejects(store.list("doc", uncloneable), { code: "STORE_FAILED" });
  assert.deepEqual(
    (await store.list("doc")).map(({ id }) => id),
    ["a", "c"],
  );
  await store.close();
});

const aBlock = {
  log: "log",
  epoch: "e",
  first: 0,
  next: 1,
  count: 1,
  payloadBytes: 1,
  at: 0,
  packets: new Uint8Array(4),
};

test("store - when its thread dies, nothing hangs", async (t) => {
  const path = await fileFor(t);
  const threads: Worker[] = [];
  const catchThread = (thread: Worker): number => threads.push(thread);
  process.on("worker", catchThread);
  const store = await openEmbeddedStore({ path });
  process.off("worker", catchThread);
  await store.commit([put("kept", 1)]);
  const pending = [store.commit([put("b", 1)]), store.get("doc", "kept"), store.logs()];
  const settled = Promise.allSettled(pending);
  await threads[0]?.terminate();
  await settled;
  for (const late of [store.commit([put("c", 1)]), store.get("doc", "kept"), store.log("x")]) {
    await assert.rejects(late, { code: "STORE_FAILED", message: /its thread ended/ });
  }
  await store.close();
  const again = await openEmbeddedStore({ path });
  assert.equal(await again.get("doc", "kept"), 1);
  await again.close();
});

test("store - many commits share few transactions", async (t) => {
  const path = await fileFor(t);
  const store = await openEmbeddedStore({ path });
  const started = performance.now();
  await store.commit([put("alone", 1)]);
  await Promise.all(Array.from({ length: 3000 }, (_, n) => store.commit([put(String(n), n)])));
  const seconds = (performance.now() - started) / 1000;
  assert.equal((await store.list("doc")).length, 3001);
  // one fsync each would take far longer on any disk that is one
  assert.ok(seconds < 3, `${seconds} s`);
  await store.close();
});

test("store - a file from before the first format becomes one of today's", async (t) => {
  const path = await fileFor(t);
  await (await openEmbeddedStore({ path })).close();
  await rm(path);
  new DatabaseSync(path).close(); // an empty database: version 0
  const store: Store = await openEmbeddedStore({ path });
  await store.commit([put("a", 1)]);
  await store.close();
});
