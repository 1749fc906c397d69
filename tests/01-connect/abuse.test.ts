/**
 * Floods against a node that is a process of its own: who floods is held up, refused or closed and
 * counted, the others are served meanwhile, and the node's memory stays bounded. `npm run abuse`
 * does the same with twenty times as much.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { oneChild } from "../07-federate/node-child.ts";
import { openFilesMax, residentBytes } from "../process-usage.ts";
import { until } from "../two-nodes.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const scale = Number(process.env["COMITY_ABUSE_SCALE"] ?? 1);
const servedWithinMs = 2000;
const connectTimeoutMs = 10_000;
const mebibyte = 1_048_576;
/** What a heap grows by in such a time whoever comes, and what collecting later leaves standing. */
const slackBytes = 96 * mebibyte;
const folder = await mkdtemp(join(tmpdir(), "comity-abuse-"));
const node = await oneChild(folder, "flooded");
after(async () => {
  await node.stop();
  await rm(folder, { recursive: true, force: true });
});
node.start();
await node.ready();

function owner() {
  return { username: "admin", password: Buffer.from(node.token) };
}

/** Somebody who does no harm: a message of its own comes back in time, again and again. */
async function witness(t: TestContext) {
  const client = await RawClient.in(node.mqttUrl, 5, owner());
  await client.subscribe({ topic: "witness", qos: 1 });
  let slowestMs = 0;
  const over = new AbortController();
  const watching = (async () => {
    for (let id = 1; !over.signal.aborted; id = (id % 60_000) + 1) {
      const sent = performance.now();
      client.send(publishPacket("witness", String(id), { qos: 1, messageId: id }));
      const { messageId } = await client.next("publish");
      slowestMs = Math.max(slowestMs, performance.now() - sent);
      client.send({ cmd: "puback", messageId: messageId! });
      await client.next("puback");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    async isServed(): Promise<void> {
      over.abort();
      await watching;
      client.destroy();
      t.diagnostic(`the slowest of the others' messages took ${slowestMs.toFixed(0)} ms`);
      assert.ok(slowestMs < servedWithinMs, `${slowestMs} ms`);
    },
  };
}

async function metric(name: string): Promise<number> {
  const headers = { authorization: `Bearer ${node.token}` };
  const text = await (await fetch(`${node.url}/metrics`, { headers })).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/** By how much the node's memory has grown, and by how much it may. */
function memory(t: TestContext) {
  const began = residentBytes(node.pid);
  return (most: number): void => {
    const grown = residentBytes(node.pid) - began;
    t.diagnostic(`the node grew by ${(grown / mebibyte).toFixed(0)} MiB`);
    assert.ok(grown < most, `${grown} bytes; at most ${most}`);
  };
}

/** Sockets that are open; as many as this process may have. */
async function opened(wanted: number): Promise<Socket[]> {
  const count = Math.min(wanted, openFilesMax() - 500);
  const sockets: Socket[] = [];
  for (let left = count; left > 0; left -= 200) {
    const some = Array.from({ length: Math.min(left, 200) }, async () => {
      const socket = connect({ host: "127.0.0.1", port: node.settings.mqtt });
      socket.on("error", () => {});
      sockets.push(socket);
      await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
    });
    await Promise.all(some);
  }
  return sockets;
}

test("abuse - connections that never say who they are make room, and are closed in time", async (t) => {
  const others = await witness(t);
  const stays = memory(t);
  const half = Buffer.from([0x10, 0x40, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5]);
  const sockets = await opened(5500 * (scale > 1 ? 4 : 1));
  t.diagnostic(`${sockets.length} connections`);
  const dripping = sockets.slice(-200);
  for (const [i, socket] of sockets.entries()) if (i % 2 === 0) socket.write(half);
  let drop = 0;
  const drip = setInterval(() => {
    for (const socket of dripping)
      if (!socket.destroyed) socket.write(half.subarray(drop, drop + 1));
    drop = Math.min(drop + 1, half.length - 1);
  }, 200);
  // The 5,001st makes the first go, and whoever says at once who it is comes in.
  const strangers = 'comity_mqtt_refused_total{reason="too-many-strangers"}';
  assert.ok((await metric(strangers)) >= 1, "the oldest made room");
  const late = await RawClient.in(node.mqttUrl, 5, owner());
  late.destroy();
  stays(slackBytes + sockets.length * 12_288);
  const isClosed = (): boolean => sockets.every(({ destroyed }) => destroyed);
  await until("all are closed", isClosed, connectTimeoutMs + 10_000);
  clearInterval(drip);
  assert.ok((await metric('comity_mqtt_refused_total{reason="connect-timeout"}')) >= 1);
  await others.isServed();
});

test("abuse - as many topics as a client can think of cost no memory that stays", async (t) => {
  const others = await witness(t);
  const client = await RawClient.in(node.mqttUrl, 4, owner());
  const publish = async (from: number, count: number): Promise<void> => {
    for (let at = from; at < from + count; at += 1000) {
      const some = Array.from({ length: 1000 }, (_, i) => publishPacket(`flood/${at + i}/x`, "1"));
      client.send(...some);
      await client.settled();
    }
  };
  // What is remembered of topics has a bound; from there on nothing may come on top.
  await publish(0, 70_000 * scale);
  const stays = memory(t);
  await publish(70_000 * scale, 150_000 * scale);
  stays(slackBytes);
  client.destroy();
  await others.isServed();
});

test("abuse - subscriptions, sessions and retained messages beyond the limits are refused one by one", async (t) => {
  const others = await witness(t);
  const stays = memory(t);
  const greedy = await RawClient.in(node.mqttUrl, 5, owner());
  const filters = Array.from({ length: 2000 }, (_, i) => ({
    topic: `greed/${i}/+`,
    qos: 1 as const,
  }));
  const codes = await greedy.subscribe(...filters);
  assert.equal(codes.filter((code) => code === 1).length, 1000);
  assert.equal(codes.filter((code) => code === 0x97).length, 1000);
  for (let at = 0; at < 5000 * scale; at += 500) {
    const some = Array.from({ length: 500 }, (_, i) =>
      publishPacket(`kept/${at + i}`, "x".repeat(100), { retain: true }),
    );
    greedy.send(...some);
    await greedy.settled();
  }
  assert.ok((await metric("comity_retained_messages")) <= 100_000);
  for (let i = 0; i < 500 * scale; i++) {
    const more = { clientId: `kept-${i}`, properties: { sessionExpiryInterval: 1 }, clean: false };
    const one = await RawClient.in(node.mqttUrl, 5, { ...owner(), ...more }).catch(() => undefined);
    one?.destroy();
  }
  stays(slackBytes + 5000 * scale * 2048);
  const isGone = async (): Promise<boolean> => (await metric("comity_mqtt_sessions_away")) === 0;
  await until("their sessions are over", isGone);
  greedy.destroy();
  await others.isServed();
});

test("abuse - who subscribes to everything and reads nothing loses the oldest, and holds up nobody", async (t) => {
  const others = await witness(t);
  const deaf = await RawClient.in(node.mqttUrl, 5, owner());
  await deaf.subscribe({ topic: "loud/#", qos: 0 });
  deaf.socket.pause();
  const loud = await RawClient.in(node.mqttUrl, 4, owner());
  const stays = memory(t);
  const block = Array.from({ length: 100 }, (_, i) =>
    publishPacket(`loud/${i}`, "x".repeat(10_000)),
  );
  // 400 MB in all: what waits unread is a small part of it.
  for (let i = 0; i < 400 * scale; i++) {
    loud.send(...block);
    await loud.settled();
  }
  assert.ok((await metric('comity_messages_dropped_total{reason="queue-full"}')) > 1000);
  // 16 MiB wait for one client at most; what was read and given up waits to be collected.
  stays(slackBytes + 128 * mebibyte);
  deaf.destroy();
  loud.destroy();
  await others.isServed();
});

test("abuse - bodies that come a byte a chunk take no more memory than they have bytes", async (t) => {
  const others = await witness(t);
  const stays = memory(t);
  const { hostname, port } = new URL(node.url);
  const chunks = "1\r\nx\r\n".repeat(1_000_000);
  const begun = ["application/x-ndjson", "text/plain"].flatMap((type) =>
    Array.from({ length: 4 * scale }, async () => {
      const socket = connect(Number(port), hostname);
      t.after(() => socket.destroy());
      const head = [
        ...[
          "POST /api/v1/publish/cut/small HTTP/1.1",
          `host: ${hostname}`,
          `content-type: ${type}`,
        ],
        ...[`authorization: Bearer ${node.token}`, "transfer-encoding: chunked", "", ""],
      ].join("\r\n");
      await new Promise<void>((sent) => socket.write(head + chunks, () => sent()));
      return socket;
    }),
  );
  const sockets = await Promise.all(begun);
  await others.isServed();
  stays(slackBytes + sockets.length * 2 * mebibyte);
  for (const socket of sockets) socket.destroy();
});

test("abuse - a batch of enormous lines that are refused is answered in few words, and nothing of them stays", async (t) => {
  const others = await witness(t);
  const long = "x".repeat(mebibyte);
  const lines = [JSON.stringify({ topic: long }), JSON.stringify({ topic: "a", [long]: 1 })];
  const count = 120 * scale;
  async function* body(): AsyncGenerator<Buffer> {
    for (let i = 0; i < count; i++) yield Buffer.from(`${lines[i % 2]}\n`);
  }
  const send = async (): Promise<void> => {
    const response = await fetch(`${node.url}/api/v1/publish`, {
      method: "POST",
      body: body(),
      duplex: "half",
      headers: { "content-type": "application/x-ndjson", authorization: `Bearer ${node.token}` },
    });
    const answer = await response.text();
    assert.match(answer, /"refused":\[\{"line":1,"code":"TOPIC_INVALID"/);
    assert.ok(answer.length < 1000 * 1000, `${answer.length} characters`);
  };
  // the heap grows to its working size with the first; what stays of one comes with each
  await send();
  const stays = memory(t);
  await send();
  await others.isServed();
  stays(slackBytes);
});
