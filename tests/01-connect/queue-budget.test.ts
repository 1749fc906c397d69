/** Many slow readers together: what waits for all of them has a bound, and who reads is served. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const queuedBytesMax = 4_194_304;
const { node } = await oneNode({ queueBytesMax: 4_194_304, queuedBytesMax });
const url = node.mqttUrl;
const payload = "x".repeat(1000);

async function queuedBytes(): Promise<number> {
  const text = await (await fetch(new URL("/metrics", node.httpUrl))).text();
  return Number(/^comity_mqtt_queued_bytes (\d+)$/m.exec(text)![1]);
}

test("queue budget - forty readers that stand still keep no more than their share, others get all", async (t) => {
  const deaf = await Promise.all(Array.from({ length: 40 }, () => RawClient.in(url, 4)));
  const reader = await RawClient.in(url, 4);
  const writer = await RawClient.in(url, 4);
  t.after(() => [...deaf, reader, writer].forEach((client) => client.destroy()));
  for (const client of [...deaf, reader]) await client.subscribe({ topic: "loud", qos: 0 });
  for (const { socket } of deaf) socket.pause();
  let read = 0;
  const count = 20_000;
  reader.socket.on("data", () => {
    read += reader.received.splice(0).filter(({ cmd }) => cmd === "publish").length;
  });
  let most = 0;
  for (let sent = 0; sent < count; sent += 100) {
    writer.send(...Array.from({ length: 100 }, () => publishPacket("loud", payload)));
    await writer.settled();
    await until("who reads has it", () => read === sent + 100);
    most = Math.max(most, await queuedBytes());
  }
  // 20 MB for each of them came by; each may have a 41st part, and its least.
  assert.ok(most > queuedBytesMax / 2, `${most} bytes waited: the sockets took it all`);
  assert.ok(most < queuedBytesMax + 41 * 16_384, `${most} bytes`);
  for (const client of deaf) client.destroy();
  await until("nothing waits when they are gone", async () => (await queuedBytes()) === 0);
});

test("queue budget - what waits for who is away counts as well, until it is fetched or forgotten", async (t) => {
  const kept = { clean: false, properties: { sessionExpiryInterval: 60 } } as const;
  const writer = await RawClient.in(url, 5);
  t.after(() => writer.destroy());
  // Shared subscriptions wait in memory, whatever logs there are.
  for (let i = 0; i < 10; i++) {
    const away = await RawClient.in(url, 5, { clientId: `away-${i}`, ...kept });
    await away.subscribe({ topic: `$share/group-${i}/away`, qos: 1 });
    away.destroy();
    await away.closed;
  }
  const sent = 1500;
  for (let id = 1; id <= sent; id++) {
    writer.send(publishPacket("away", payload, { qos: 1, messageId: id }));
    await writer.next("puback");
  }
  let came = 0;
  for (let i = 0; i < 10; i++) {
    const back = await RawClient.in(url, 5, { clientId: `away-${i}`, ...kept });
    back.socket.on("data", () => {
      for (let i = back.received.length - 1; i >= 0; i--) {
        const packet = back.received[i]!;
        if (packet.cmd !== "publish") continue;
        back.received.splice(i, 1);
        came++;
        back.send({ cmd: "puback", messageId: packet.messageId! });
      }
    });
    for (let before = -1; before < came;) {
      before = came;
      // Each answer lets more come.
      for (let turn = 0; turn < 3; turn++) await back.settled();
    }
    back.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await back.closed;
  }
  // 4 MiB of packets with what each takes beside it.
  assert.ok(came > 2000 && came * 1000 < queuedBytesMax + 10 * 16_384, `${came} came`);
});
