import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { neverCrash } from "../kernel/crash.ts";
import { systemEntropy } from "../kernel/id.ts";
import type { Store, Write } from "../ports/store.ts";
import { countedUsage } from "../../tests/counted-usage.ts";
import { Flow } from "./flow.ts";
import { readMessages } from "./log-reader.ts";
import { Run } from "./run.ts";
import { StreamLog } from "./stream-log.ts";

/** A real store whose commits can be held back, and broken. */
interface Held {
  readonly store: Store;
  /** Commits that have begun. */
  commits: number;
  hold(): void;
  release(): void;
  failure: Error | undefined;
}

async function heldStore(t: TestContext): Promise<Held> {
  const dir = await mkdtemp(join(tmpdir(), "comity-log-"));
  const real = await openEmbeddedStore({ path: join(dir, "store.db") });
  t.after(async () => {
    await real.close();
    await rm(dir, { recursive: true });
  });
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const held: Held = {
    commits: 0,
    failure: undefined,
    hold: () => {
      gate = Promise.withResolvers<void>();
    },
    release: () => gate.resolve(),
    store: {
      failed: real.failed,
      get: (kind, id) => real.get(kind, id),
      list: (kind, range) => real.list(kind, range),
      log: (log) => real.log(log),
      logs: () => real.logs(),
      readLog: (log, after, bytesMax) => real.readLog(log, after, bytesMax),
      producers: (log) => real.producers(log),
      close: () => real.close(),
      async commit(writes: readonly Write[]) {
        held.commits++;
        await gate.promise;
        if (held.failure !== undefined) throw held.failure;
        return real.commit(writes);
      },
    },
  };
  return held;
}

const outside = { clock: systemClock, entropy: systemEntropy, crash: neverCrash };

function openLog(store: Store, delivered: string[] = []): Promise<StreamLog> {
  const deliver = (run: Run): void => {
    run.walk((place) => {
      delivered.push(run.packets.toString("utf8", place.payloadAt, place.end));
    });
  };
  return StreamLog.open("product/p", { ...outside, store, deliver });
}

function message(payload: string, producer?: string, seq?: number, publisher = "x"): Run {
  const userProperties: [string, string][] = [];
  if (producer !== undefined) userProperties.push(["producer", producer], ["seq", String(seq)]);
  const properties = userProperties.length === 0 ? {} : { userProperties };
  return Run.of("t", Buffer.from(payload), { qos: 1, publisher, properties });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function stored(store: Store, log = "product/p"): Promise<string[]> {
  const texts: string[] = [];
  for await (const { payload } of readMessages(store, log, 0, 1000)) {
    texts.push(Buffer.from(payload).toString());
  }
  return texts;
}

test("stream log - acknowledges and delivers only what is committed", async (t) => {
  const held = await heldStore(t);
  const delivered: string[] = [];
  const log = await openLog(held.store, delivered);
  held.hold();
  let done = false;
  const appended = log.append(message("1")).then(() => (done = true));
  await turn();
  await turn();
  assert.equal(held.commits, 1);
  assert.equal(done, false);
  assert.deepEqual(delivered, []);
  assert.equal(log.end, 0);
  assert.ok(log.pendingBytes > 0);
  held.release();
  await appended;
  assert.equal(log.end, 1);
  assert.deepEqual(delivered, ["1"]);
  assert.equal(log.pendingBytes, 0);
});

test("stream log - what comes during a commit shares the next one, in order", async (t) => {
  const held = await heldStore(t);
  const delivered: string[] = [];
  const log = await openLog(held.store, delivered);
  held.hold();
  const all = [log.append(message("1"))];
  await turn();
  for (let i = 2; i <= 50; i++) all.push(log.append(message(String(i))));
  held.release();
  await Promise.all(all);
  assert.equal(held.commits, 2);
  const expected = Array.from({ length: 50 }, (_, i) => String(i + 1));
  assert.deepEqual(delivered, expected);
  assert.deepEqual(await stored(held.store), expected);
});

test("stream log - a producer's repeat is acknowledged when its first is durable, and kept once", async (t) => {
  const held = await heldStore(t);
  const log = await openLog(held.store);
  held.hold();
  const first = log.append(message("1", "p", 1));
  await turn();
  let repeated = false;
  const again = log.append(message("1", "p", 1)).then(() => (repeated = true));
  await turn();
  assert.equal(repeated, false, "not before the first is durable");
  held.release();
  await Promise.all([first, again]);
  await log.append(message("1", "p", 1));
  await log.append(message("2", "p", 2));
  await log.append(message("other", "q", 1));
  await log.append(message("another publisher's", "p", 1, "y"));
  await log.append(message("plain"));
  await log.append(message("plain"));
  const expected = ["1", "2", "other", "another publisher's", "plain", "plain"];
  assert.deepEqual(await stored(held.store), expected);
  const reopened = await openLog(held.store);
  assert.equal(reopened.end, 6);
  assert.equal(reopened.epoch, log.epoch);
  await reopened.append(message("2", "p", 2));
  assert.equal(reopened.end, 6, "repeats are known after a restart");
});

test("stream log - of a run with repeats only the new messages are kept", async (t) => {
  const held = await heldStore(t);
  const log = await openLog(held.store);
  await log.append(message("1", "p", 1));
  const packets = ["1", "2", "3"].map((text, i) => message(text, "p", i + 1).packets);
  const run = message("1", "p", 1).with(packets, { version: 5, withIds: false }, 3);
  await log.append(run);
  assert.deepEqual(await stored(held.store), ["1", "2", "3"]);
});

test("stream log - one publisher's names of producers are bounded, nothing of such a run is taken", async (t) => {
  const held = await heldStore(t);
  const log = await openLog(held.store);
  const packets = Array.from({ length: 10_000 }, (_, i) => message("x", `p${i}`, 1).packets);
  await log.append(message("x").with(packets, { version: 5, withIds: false }, 10_000));
  const late = ["p0", "more"].map((producer) => message("late", producer, 2).packets);
  const tooMany = message("late").with(late, { version: 5, withIds: false }, 8);
  for (const one of [log, await openLog(held.store)]) {
    const refused = { code: "LIMIT_REACHED", message: /producers of x in product\/p/ };
    await assert.rejects(one.append(tooMany), refused);
  }
  await log.append(message("known", "p0", 2)); // the refused run did not use its number up
  await log.append(message("another publisher's", "more", 1, "y"));
  assert.equal(log.end, 10_002);
});

test("stream log - when the store fails, nobody is acknowledged, now or later", async (t) => {
  const held = await heldStore(t);
  const delivered: string[] = [];
  const log = await openLog(held.store, delivered);
  held.hold();
  const committing = log.append(message("1", "p", 1));
  await turn();
  const gathering = log.append(message("2", "p", 2));
  const repeat = log.append(message("1", "p", 1));
  held.failure = new Error("the disk is gone");
  held.release();
  for (const promise of [committing, gathering, repeat]) await assert.rejects(promise, /disk/);
  await assert.rejects(log.append(message("3")), /disk/);
  assert.deepEqual(delivered, []);
  assert.equal(log.end, 0);
});

test("stream log - is read from memory while it is there, from the store before that", async (t) => {
  const held = await heldStore(t);
  const log = await openLog(held.store);
  const big = "x".repeat(1_000_000);
  for (let i = 0; i < 12; i++) await log.append(message(`${i}${big}`));
  for (const after of [0, 1, 5, 11]) {
    const [block] = await log.read(after, 10);
    assert.equal(block?.first, after);
    assert.equal(block?.count, 1);
  }
  assert.deepEqual(await log.read(12, 10), []);
});

function openFlow(store: Store): Promise<Flow> {
  const { usage } = countedUsage();
  return Flow.open({ ...outside, store, usage, secret: new Uint8Array(32) });
}

test("flow - a retained message of a logged topic is nobody's before it is durable", async (t) => {
  const held = await heldStore(t);
  const flow = await openFlow(held.store);
  await flow.serve({ id: "one", topics: ["a/#"], delivery: "logged" });
  const publish = (text: string): Promise<unknown> | undefined =>
    flow.publish(Run.of("a/b", Buffer.from(text), { qos: 1, retain: true }));
  held.hold();
  const first = publish("1");
  await turn();
  assert.deepEqual(flow.retained.matching("a/b"), []);
  held.release();
  await first;
  assert.equal(String(flow.retained.matching("a/b")[0]?.lastPayload()), "1");
  held.failure = new Error("the disk is gone");
  await assert.rejects(async () => publish("2"), /disk/);
  assert.equal(String(flow.retained.matching("a/b")[0]?.lastPayload()), "1");
});

test("flow - a topic of two logged products is kept by both and delivered once", async (t) => {
  const held = await heldStore(t);
  const flow = await openFlow(held.store);
  await flow.serve({ id: "one", topics: ["a/#"], delivery: "logged" });
  await flow.serve({ id: "two", topics: ["a/b"], delivery: "logged" });
  let received = 0;
  const receiver = { receive: (run: Run) => (received += run.count) };
  flow.router.subscribe({ filter: "#", receiver, qos: 0 });
  await flow.publish(Run.of("a/b", Buffer.from("1"), { qos: 1 }));
  await flow.publish(Run.of("a/c", Buffer.from("2"), { qos: 1 }));
  assert.equal(received, 2);
  assert.deepEqual(await stored(held.store, "product/one"), ["1", "2"]);
  assert.deepEqual(await stored(held.store, "product/two"), ["1"]);
  await flow.close();
});

test("stream log - a subscriber that fails stops the log, not the process", async (t) => {
  const { store } = await heldStore(t);
  const log = await StreamLog.open("product/p", {
    ...{ store, clock: systemClock, entropy: systemEntropy, crash: neverCrash },
    deliver: () => {
      throw new Error("a subscriber failed");
    },
  });
  await log.append(message("1"));
  await turn();
  assert.equal(log.end, 1);
  await assert.rejects(log.append(message("2")), /a subscriber failed/);
});
