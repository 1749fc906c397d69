import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import type { Store } from "../ports/store.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { propertiesAt } from "../wire/mqtt/publish.ts";
import { Retained } from "./retained.ts";
import { layout5, Run } from "./run.ts";

const clock = { at: 1000, now: () => clock.at, monotonic: () => clock.at };

async function openStore(t: TestContext): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), "comity-retained-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  return store;
}

function retained(topic: string, payload: string, expiry?: number): Run {
  const properties = expiry === undefined ? {} : { messageExpirySeconds: expiry };
  return Run.of(topic, Buffer.from(payload), { qos: 1, retain: true, properties });
}

function texts(kept: Retained, filter: string): string[] {
  return kept
    .matching(filter)
    .map((run) => `${run.topic} ${run.lastPayload().toString()}`)
    .sort();
}

test("retained - the last message of each topic is kept, and is there after a restart", async (t) => {
  const store = await openStore(t);
  const kept = await Retained.open(store, clock);
  await Promise.all([
    kept.set(retained("a/b", "1")),
    kept.set(retained("a/b", "2")),
    kept.set(retained("a/c", "3")),
    kept.set(retained("$x/y", "4")),
  ]);
  await kept.set(retained("gone", "5"));
  await kept.set(retained("gone", ""));
  await kept.set(retained("never there", ""));
  for (const one of [kept, await Retained.open(store, clock)]) {
    assert.equal(one.size, 3);
    assert.deepEqual(texts(one, "#"), ["a/b 2", "a/c 3"]);
    assert.deepEqual(texts(one, "a/b"), ["a/b 2"]);
    assert.deepEqual(texts(one, "a/+"), ["a/b 2", "a/c 3"]);
    assert.deepEqual(texts(one, "gone"), []);
    assert.equal(one.matching("a/b")[0]?.qos, 1);
    assert.equal(one.matching("a/b")[0]?.retain, true);
  }
});

test("retained - of a run the last message is kept, with its properties", async (t) => {
  const kept = await Retained.open(await openStore(t), clock);
  const packets = ["1", "2"].map((text) =>
    encodePublish(5, {
      topic: "t",
      payload: Buffer.from(text),
      retain: true,
      properties: { contentType: `type ${text}` },
    }),
  );
  const run = retained("t", "1").with(packets, layout5, 2);
  await kept.set(run);
  const [last] = kept.matching("t");
  last?.walk((place) => {
    assert.equal(propertiesAt(last.packets, place).contentType, "type 2");
  });
  assert.deepEqual(texts(kept, "t"), ["t 2"]);
});

test("retained - an expired message is nobody's any more; before, less of its interval is left", async (t) => {
  const store = await openStore(t);
  const kept = await Retained.open(store, clock);
  await kept.set(retained("t", "x", 10));
  clock.at += 4000;
  const again = await Retained.open(store, clock);
  const [run] = again.matching("t");
  run?.walk((place) => assert.equal(propertiesAt(run.packets, place).messageExpirySeconds, 6));
  clock.at += 6000;
  assert.deepEqual(again.matching("t"), []);
  assert.deepEqual(again.matching("#"), []);
});

test("retained - no message is kept longer than the node keeps any, and then makes room", async (t) => {
  const store = await openStore(t);
  const limits = { topicsMax: 2, expiryMs: 10_000 };
  const kept = await Retained.open(store, clock, limits);
  t.after(() => kept.close());
  await kept.set(retained("old", "1"));
  clock.at += 5000;
  await kept.set(retained("young", "2"));
  clock.at += 5000;
  assert.deepEqual(texts(kept, "#"), ["young 2"]);
  await kept.forgetExpired();
  assert.deepEqual([kept.size, kept.expired], [1, 1]);
  await kept.set(retained("new", "3"));
  assert.equal(kept.notKept, 0);
  const again = await Retained.open(store, clock);
  t.after(() => again.close());
  assert.deepEqual(texts(again, "#"), ["new 3", "young 2"]);
});

test("retained - what does not fit leaves nothing old in its place, and is counted", async (t) => {
  const store = await openStore(t);
  const kept = await Retained.open(store, clock, { topicsMax: 2, bytesMax: 100 });
  await kept.set(retained("a", "small"));
  await kept.set(retained("a", "x".repeat(200)));
  assert.deepEqual(texts(kept, "#"), []);
  assert.equal(kept.notKept, 1);
  for (const topic of ["b", "c", "d"]) await kept.set(retained(topic, "1"));
  await kept.set(retained("c", "2"));
  for (const one of [kept, await Retained.open(store, clock)]) {
    assert.deepEqual(texts(one, "#"), ["b 1", "c 2"]);
  }
  assert.equal(kept.notKept, 2);
});

test("retained - cleared topics have none, also after a start, and make room", async (t) => {
  const store = await openStore(t);
  const kept = await Retained.open(store, clock, { topicsMax: 3, bytesMax: 1000 });
  for (const topic of ["from/a/x", "from/a/y/z", "from/ab"]) await kept.set(retained(topic, "1"));
  await kept.clear("from/a/#");
  await kept.clear("nothing/#");
  assert.deepEqual(texts(await Retained.open(store, clock), "#"), ["from/ab 1"]);
  await kept.set(retained("b", "2"));
  assert.deepEqual(texts(kept, "#"), ["b 2", "from/ab 1"]);
  assert.equal(kept.notKept, 0);
});

test("retained - a publisher faster than the store costs few writes, and the last one wins", async (t) => {
  const store = await openStore(t);
  let commits = 0;
  const counted: Store = {
    failed: store.failed,
    get: (kind, id) => store.get(kind, id),
    list: (kind, range) => store.list(kind, range),
    log: (log) => store.log(log),
    logs: () => store.logs(),
    readLog: (log, after, bytesMax) => store.readLog(log, after, bytesMax),
    producers: (log) => store.producers(log),
    close: () => store.close(),
    commit(writes) {
      commits++;
      return store.commit(writes);
    },
  };
  const kept = await Retained.open(counted, clock);
  const all: Promise<void>[] = [];
  for (let i = 0; i < 1000; i++) {
    all.push(kept.set(retained("t", String(i))));
    if (i % 100 === 0) await Promise.resolve();
  }
  await Promise.all(all);
  assert.ok(commits <= 3, `${commits} commits`);
  assert.deepEqual(texts(await Retained.open(store, clock), "t"), ["t 999"]);
});
