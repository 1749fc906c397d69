/** Following goes on after an event though the node was killed, put back from a backup or is another. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { type NodeChild, startedChild } from "../07-federate/node-child.ts";
import { until } from "../two-nodes.ts";
import { type EventReader, followEvents, followFrames } from "./event-reader.ts";
import { oneNode } from "./one-node.ts";

const folder = await mkdtemp(join(tmpdir(), "comity-resume-"));
after(() => rm(folder, { recursive: true, force: true }));
const price = { amount: "0", currency: "EUR", perMessages: 1 };

async function newNode(t: TestContext, name: string): Promise<NodeChild> {
  const node = await startedChild(t, folder, name);
  await offer(node);
  return node;
}

async function offer({ http }: NodeChild): Promise<void> {
  const more = { delivery: "logged", terms: { price } } as const;
  await http.addProduct({ id: "press", title: "Press", topics: ["press/#"], ...more });
}

async function started(node: NodeChild, crashAt?: string): Promise<void> {
  node.start(crashAt);
  await node.ready();
}

const streams = "/api/v1/streams?filter=press/%23";

function bearer({ token }: NodeChild): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function follow(t: TestContext, node: NodeChild, lastId?: string): Promise<EventReader> {
  const more = lastId === undefined ? {} : { "last-event-id": lastId };
  return followEvents(t, node.url + streams, { ...bearer(node), ...more });
}

/** As payloads their numbers, under which the log takes each once; false where nobody answered. */
async function send(node: NodeChild, from: number, to: number): Promise<boolean> {
  const lines = Array.from({ length: to - from }, (_, i) => `${from + i}\n`);
  try {
    const response = await fetch(`${node.url}/api/v1/publish/press/t`, {
      method: "POST",
      headers: {
        ...bearer(node),
        ...{ "content-type": "application/x-ndjson", "comity-producer": "press" },
        "comity-seq": String(from),
      },
      body: lines.join(""),
    });
    // Sent again after a crash, some or all of them may be in the log already.
    const { repeated = 0, ...told } = (await response.json()) as { repeated?: number };
    assert.ok(repeated >= 0 && repeated <= to - from, `${repeated} repeated`);
    assert.deepEqual(told, { accepted: to - from, refused: [] });
    return true;
  } catch (failure) {
    if (failure instanceof assert.AssertionError) throw failure;
    return false;
  }
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

test("resume - killed while it is published and followed, each message comes once, in order", async (t) => {
  const node = await newNode(t, "killed");
  const got: (string | undefined)[] = [];
  let lastId: string | undefined;
  let sent = 1;
  for (const crashAt of ["log.committed:3", "log.appending:4", "log.committed:9", undefined]) {
    // killed between what was told and now: it comes up with the point where it dies next
    await node.halted("SIGKILL");
    await started(node, crashAt);
    const reader = await follow(t, node, lastId);
    await until("it has begun", () => reader.told("begin").length === 1);
    for (let i = 0; i < 12; i++) {
      // what was not answered is sent again, by the same numbers
      if (!(await send(node, sent, sent + 500))) break;
      sent += 500;
    }
    if (crashAt === undefined)
      await until("all came", () => reader.payloads.at(-1) === `${sent - 1}`);
    else await until("its end is seen", () => reader.isEnded);
    got.push(...reader.payloads);
    lastId = reader.lastId;
    reader.close();
  }
  assert.ok(sent > 6000);
  assert.deepEqual(got, numbers(1, sent));
});

test("resume - what was lost with a backup put back is not mistaken for what came since", async (t) => {
  const node = await newNode(t, "restored");
  await send(node, 1, 6);
  const reader = await follow(t, node);
  await until("it has begun", () => reader.lastId !== undefined);
  const common = reader.lastId!;
  await node.halted("SIGTERM");
  const { data } = node.settings;
  await cp(data, `${data}-backup`, { recursive: true });
  await started(node);
  const second = await follow(t, node, common);
  await send(node, 6, 11);
  await until("five came", () => second.payloads.length === 5);
  const lost = second.messages.map(({ id }) => id!);
  await node.halted("SIGTERM");
  await rm(data, { recursive: true });
  await cp(`${data}-backup`, data, { recursive: true });
  await started(node);
  // at once, where the log ends before it, and once other messages stand at its positions
  const gone = { status: 410, code: "POSITION_GONE" };
  for (const id of lost) await assert.rejects(follow(t, node, id), gone);
  await send(node, 6, 16);
  for (const id of lost) await assert.rejects(follow(t, node, id), gone);
  const again = await follow(t, node, common);
  await until("what came since came", () => again.payloads.length === 10);
  assert.deepEqual(again.payloads, numbers(6, 16));
});

test("resume - a node that began anew says so, and an empty log's first id outlives a start", async (t) => {
  const node = await newNode(t, "anew");
  const empty = await follow(t, node);
  await until("it has begun", () => empty.lastId !== undefined);
  await node.halted("SIGKILL");
  await started(node);
  await send(node, 1, 4);
  const reader = await follow(t, node, empty.lastId);
  await until("all came", () => reader.payloads.length === 3);
  assert.deepEqual(reader.payloads, numbers(1, 4));
  await node.halted("SIGTERM");
  await rm(node.settings.data, { recursive: true });
  await started(node);
  await offer(node);
  await send(node, 1, 10);
  await assert.rejects(follow(t, node, reader.lastId), { status: 410, code: "POSITION_GONE" });
  const address = `${node.url}${streams}&lastEventId=${encodeURIComponent(reader.lastId!)}`;
  await assert.rejects(followFrames(t, address, bearer(node)), { status: 410 });
  const newest = { ...bearer(node), "last-event-id": (await begun(t, node)).lastId! };
  // an EventSource keeps its address, and the header is what it came to since
  assert.equal((await followEvents(t, address, newest)).isEnded, false);
});

async function begun(t: TestContext, node: NodeChild): Promise<EventReader> {
  const reader = await follow(t, node);
  await until("it has begun", () => reader.lastId !== undefined);
  return reader;
}

test("resume - positions that are kept no longer are told as a gap, and it goes on behind them", async (t) => {
  const { node, http } = await oneNode({}, { retentionMs: 50 });
  await http.addProduct({
    ...{ id: "short", title: "Short", topics: ["short/#"], delivery: "logged" },
    ...{ terms: { price }, retention: { bytesMax: 1_048_576 } },
  });
  const address = `${node.httpUrl}/api/v1/streams?filter=short/%23`;
  const first = await followEvents(t, address);
  await until("it has begun", () => first.lastId !== undefined);
  const text = (n: number): string => `${n} ${"x".repeat(400_000)}`;
  await http.publish("short/t", text(0));
  await until("one came", () => first.messages.length === 1);
  first.close();
  for (let n = 1; n < 10; n++) await http.publish("short/t", text(n));
  await until("the oldest are gone", async () => {
    const [log] = await http.logs();
    return log!.messages <= 3;
  });
  const ways = [
    () => followEvents(t, address, { "last-event-id": first.lastId! }),
    () => followFrames(t, `${address}&lastEventId=${encodeURIComponent(first.lastId!)}`),
  ];
  for (const follow of ways) {
    let reader = await follow();
    // what is gone from the disk may be in memory for a moment yet: then nothing is missing
    await until("a gap is told", async () => {
      await until("the last came", () => reader.payloads.at(-1) === text(9));
      if (reader.told("gap").length === 1) return true;
      reader.close();
      reader = await follow();
      return false;
    });
    const [gap] = reader.told("gap");
    const { from, to, messages } = gap!;
    assert.equal(from, 1);
    assert.equal(messages, to! - 1);
    assert.deepEqual(
      reader.payloads,
      numbers(to!, 10).map((n) => text(Number(n))),
    );
    assert.match(gap?.id ?? "", new RegExp(`:${to! - 1}$`));
  }
});
