/**
 * What every store must do. An engine's test calls `storeConformance` with a way to open an
 * empty store of its kind; a store that keeps nothing between starts leaves `reopen` away.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as fc from "fast-check";
import { ComityError } from "../kernel/errors.ts";
import { block, logConformance } from "./store-log.conformance.ts";
import type { ListRange, Store, Write } from "./store.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it left behind. */
  reopen?(): Promise<Store>;
  /** Breaks what the store stands on; left away where an engine cannot break. */
  fail?(): Promise<void>;
  /** Closes and clears away whatever is open. */
  dispose(): Promise<void>;
}

export function storeConformance(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps the store's contract`, () => {
    let opened: StoreUnderTest;
    let store: Store;
    before(async () => {
      opened = await open();
      ({ store } = opened);
    });
    after(() => opened.dispose());

    documentTests(() => store);
    commitTests(() => store);
    listTests(() => store);
    logConformance(() => store);
    // The last two end the store that the tests above share.
    endTests(open);
  });
}

function documentTests(store: () => Store): void {
  test("store - a document comes back as the JSON it was", async () => {
    const doc = {
      text: "Grüße 🚌 \u0000 \"'",
      n: 1.5,
      none: null,
      list: [1, [true]],
      deep: { "": 0 },
    };
    await store().commit([{ op: "put", kind: "doc", id: "a/b'\"%_ü", doc }]);
    assert.deepEqual(await store().get("doc", "a/b'\"%_ü"), doc);
  });

  test("store - put replaces, remove removes, and what is not there is undefined", async () => {
    await store().commit([put("doc", "x", 1)]);
    await store().commit([put("doc", "x", 2)]);
    assert.equal(await store().get("doc", "x"), 2);
    await store().commit([{ op: "remove", kind: "doc", id: "x" }]);
    assert.equal(await store().get("doc", "x"), undefined);
    await store().commit([{ op: "remove", kind: "doc", id: "never there" }]);
  });

  test("store - takes a document as it was when commit was called", async () => {
    const doc = { n: 1 };
    const done = store().commit([put("doc", "snapshot", doc)]);
    doc.n = 2;
    await done;
    assert.deepEqual(await store().get("doc", "snapshot"), { n: 1 });
  });

  test("store - refuses what is not JSON and goes on", async () => {
    await assert.rejects(store().commit([put("doc", "f", undefined)]), TypeError);
    await assert.rejects(store().commit([put("doc", "f", 1n)]), TypeError);
    await store().commit([]);
    assert.equal(await store().get("doc", "f"), undefined);
  });
}

function commitTests(store: () => Store): void {
  test("store - add conflicts with what is there, and nothing of that commit stays", async () => {
    await store().commit([add("one", "a", 1)]);
    await assert.rejects(
      store().commit([put("one", "b", 2), block("one", 0, 1), add("one", "a", 3)]),
      (error) => error instanceof ComityError && error.code === "STORE_CONFLICT",
    );
    assert.deepEqual(await store().list("one"), [{ id: "a", doc: 1 }]);
    assert.equal(await store().log("one"), undefined);
  });

  test("store - commits of one turn stand or fail each alone, in their order", async () => {
    const results = await Promise.allSettled([
      store().commit([add("turn", "a", "first"), put("turn", "b", 1)]),
      store().commit([put("turn", "c", 1), add("turn", "a", "second")]),
      store().commit([put("turn", "b", 2)]),
      store().commit([{ op: "remove", kind: "turn", id: "a" }]),
      store().commit([add("turn", "a", "third")]),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"],
    );
    const all = await store().list("turn");
    assert.deepEqual(all, [
      { id: "a", doc: "third" },
      { id: "b", doc: 2 },
    ]);
  });

  test("store - a read sees the commits made before it, resolved or not", async () => {
    const commits = [1, 2, 3].map((n) =>
      store().commit([put("seen", "n", n), block("seen", n - 1, n)]),
    );
    assert.equal(await store().get("seen", "n"), 3);
    assert.equal((await store().log("seen"))?.end, 3);
    await Promise.all(commits);
  });

  test("store - any sequence of commits leaves what a plain map would hold", async () => {
    let run = 0;
    const id = fc.constantFrom("a", "b", "ab", "ü", "🚌", "");
    const write = fc.tuple(fc.constantFrom("put", "add", "remove"), id, fc.jsonValue());
    const commits = fc.array(fc.array(write, { maxLength: 4 }), { maxLength: 12 });
    const property = fc.asyncProperty(commits, async (sequence) => {
      const kind = `run ${run++}`;
      const model = new Map<string, unknown>();
      const expected = sequence.map((writes) => applyToModel(model, writes));
      const done = await Promise.allSettled(
        sequence.map((writes) =>
          store().commit(writes.map(([op, id, doc]) => writeOf(op, kind, id, doc))),
        ),
      );
      assert.deepEqual(
        done.map(({ status }) => status === "fulfilled"),
        expected,
      );
      const sorted = [...model].map(([id, doc]) => ({ id, doc }));
      sorted.sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
      assert.deepEqual(await store().list(kind), sorted);
    });
    await fc.assert(property, { numRuns: 60 });
  });
}

function listTests(store: () => Store): void {
  const ids = [
    "a",
    "a%",
    "a/1",
    "a/10",
    "a/2",
    "a_",
    "b",
    "b\u{10ffff}x",
    "c",
    "\ud7ff1",
    "\ue000",
    "🚌1",
  ];

  before(async () => {
    await store().commit([
      ...ids.map((id) => put("list", id, id)),
      put("lis", "a", 0),
      put("listy", "a", 0),
    ]);
  });

  const listed = async (range?: ListRange): Promise<string[]> =>
    (await store().list("list", range)).map(({ id }) => id);

  test("store - lists a kind in the order of its ids' code points", async () => {
    assert.deepEqual(await listed(), ids);
    assert.deepEqual(await listed({ reverse: true }), ids.toReversed());
    assert.deepEqual(await store().list("nothing"), []);
  });

  test("store - a prefix is text, not a pattern, and ends where it should", async () => {
    assert.deepEqual(await listed({ prefix: "a/" }), ["a/1", "a/10", "a/2"]);
    assert.deepEqual(await listed({ prefix: "a%" }), ["a%"]);
    assert.deepEqual(await listed({ prefix: "a_" }), ["a_"]);
    assert.deepEqual(await listed({ prefix: "b\u{10ffff}" }), ["b\u{10ffff}x"]);
    assert.deepEqual(await listed({ prefix: "\ud7ff" }), ["\ud7ff1"]);
    assert.deepEqual(await listed({ prefix: "\u{10ffff}" }), []);
    assert.deepEqual(await listed({ prefix: "" }), ids);
  });

  test("store - pages forwards and backwards with after and limit", async () => {
    assert.deepEqual(await listed({ after: "a/1", limit: 2 }), ["a/10", "a/2"]);
    assert.deepEqual(await listed({ prefix: "a/", after: "a/1", limit: 9 }), ["a/10", "a/2"]);
    assert.deepEqual(await listed({ prefix: "a/", reverse: true, limit: 2 }), ["a/2", "a/10"]);
    assert.deepEqual(await listed({ prefix: "a/", reverse: true, after: "a/10" }), ["a/1"]);
    assert.deepEqual(await listed({ after: "🚌1" }), []);
    assert.deepEqual(await listed({ limit: 0 }), []);
  });
}

function endTests(open: () => Promise<StoreUnderTest>): void {
  test("store - close waits for what was asked, and nothing is taken after it", async () => {
    const opened = await open();
    const { store } = opened;
    const done = Array.from({ length: 20 }, (_, n) => store.commit([put("end", String(n), n)]));
    const read = store.get("end", "19");
    const closed = store.close();
    await assert.rejects(store.commit([put("end", "late", 1)]), { code: "STORE_FAILED" });
    await assert.rejects(store.get("end", "1"), { code: "STORE_FAILED" });
    await Promise.all([...done, closed, store.close()]);
    assert.equal(await read, 19);
    await opened.dispose();
  });

  test("store - an orderly end is no failure", async () => {
    const opened = await open();
    const said: string[] = [];
    void opened.store.failed.then(({ code }) => said.push(code));
    await opened.store.close();
    await opened.dispose();
    assert.deepEqual(said, []);
  });

  test("store - tells that it takes nothing more, and why", async (t) => {
    const opened = await open();
    t.after(() => opened.dispose());
    if (opened.fail === undefined) return t.skip("this engine cannot break");
    await opened.fail();
    const { code, message } = await opened.store.failed;
    assert.equal(code, "STORE_FAILED");
    const late = opened.store.commit([put("end", "late", 1)]);
    await assert.rejects(late, { code, message });
  });

  test("store - a new start finds everything again", async (t) => {
    const opened = await open();
    const { store } = opened;
    if (opened.reopen === undefined) {
      t.skip("this engine keeps nothing between starts");
      await opened.dispose();
      return;
    }
    const append = { ...block("again", 0, 3), producers: new Map([["p", 3]]) };
    await store.commit([append, put("again", "checkpoint", { position: 3 })]);
    const before = [await store.logs(), await store.readLog("again", 0, 1000)];
    const again = await opened.reopen();
    assert.deepEqual([await again.logs(), await again.readLog("again", 0, 1000)], before);
    assert.deepEqual(await again.get("again", "checkpoint"), { position: 3 });
    assert.deepEqual(await again.producers("again"), new Map([["p", 3]]));
    await again.commit([block("again", 3, 4)]);
    await opened.dispose();
  });
}

type Op = "put" | "add" | "remove";

function applyToModel(
  model: Map<string, unknown>,
  writes: readonly (readonly [string, string, unknown])[],
): boolean {
  const draft = new Map(model);
  for (const [op, id, doc] of writes) {
    if (op === "add" && draft.has(id)) return false;
    if (op === "remove") draft.delete(id);
    else draft.set(id, JSON.parse(JSON.stringify(doc)));
  }
  model.clear();
  for (const [id, doc] of draft) model.set(id, doc);
  return true;
}

function writeOf(op: Op, kind: string, id: string, doc: unknown): Write {
  return op === "remove" ? { op, kind, id } : { op, kind, id, doc };
}

function put(kind: string, id: string, doc: unknown): Write {
  return { op: "put", kind, id, doc };
}

function add(kind: string, id: string, doc: unknown): Write {
  return { op: "add", kind, id, doc };
}
