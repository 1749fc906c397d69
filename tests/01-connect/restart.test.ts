/** Sessions that outlive the node: stopped in order, and killed. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { startedChild } from "../07-federate/node-child.ts";
import { until } from "../two-nodes.ts";
import { publishPacket, RawClient } from "./raw-client.ts";
import { again, owner, staying } from "./staying.ts";

const folder = await mkdtemp(join(tmpdir(), "comity-restart-"));
after(() => rm(folder, { recursive: true, force: true }));

test("restart - a session that stays has its subscriptions, what was under way and what waits", async (t) => {
  const node = await startedChild(t, folder, "stays");
  const reader = await staying(node, "reader");
  assert.equal((await reader.next("connack")).sessionPresent, false);
  reader.send({
    ...{ cmd: "subscribe", messageId: 1, properties: { subscriptionIdentifier: 7 } },
    subscriptions: [{ topic: "kept/#", qos: 2 }],
  });
  await reader.next("suback");
  const writer = await RawClient.in(node.mqttUrl, 5, owner(node));
  for (const [i, qos] of ([1, 2, 2, 0] as const).entries()) {
    const more = qos === 0 ? {} : { qos, messageId: i + 1 };
    writer.send(publishPacket("kept/a", `${i}`, more));
    if (qos > 0) await writer.next(qos === 1 ? "puback" : "pubrec");
  }
  await writer.settled();
  const ids = new Map<string, number | undefined>();
  for (let i = 0; i < 4; i++) {
    const { payload, messageId } = await reader.next("publish");
    ids.set(payload.toString(), messageId);
  }
  reader.send({ cmd: "pubrec", messageId: ids.get("1")! });
  await reader.next("pubrel");
  reader.destroy();
  await reader.closed;
  writer.send(
    publishPacket("kept/b", "4", { qos: 1, messageId: 10 }),
    publishPacket("other", "5", { qos: 1, messageId: 11 }),
    publishPacket("kept/c", "6", { qos: 2, messageId: 12 }),
  );
  await writer.next("pubrec");
  await again(node, "SIGTERM");
  assert.equal((await writer.next("disconnect")).reasonCode, 0x8b);

  const back = await staying(node, "reader");
  t.after(() => back.destroy());
  assert.equal((await back.next("connack")).sessionPresent, true);
  await until("what waited has come", async () => {
    await back.settled();
    return back.received.length >= 5;
  });
  const came = back.received
    .splice(0)
    .map((packet) =>
      packet.cmd === "publish"
        ? [packet.payload.toString(), packet.messageId, packet.dup, packet.qos]
        : [packet.cmd, packet.messageId],
    );
  assert.deepEqual(came.slice(0, 3), [
    ["0", ids.get("0"), true, 1],
    ["pubrel", ids.get("1")],
    ["2", ids.get("2"), true, 2],
  ]);
  assert.deepEqual(
    came.slice(3).map(([text, , dup, qos]) => [text, dup, qos]),
    [
      ["4", false, 1],
      ["6", false, 2],
    ],
  );
  const other = await RawClient.in(node.mqttUrl, 5, owner(node));
  t.after(() => other.destroy());
  other.send(publishPacket("kept/now", "7"));
  const now = await back.next("publish");
  assert.equal(now.payload.toString(), "7");
  assert.equal(now.properties?.subscriptionIdentifier, 7);
});

test("restart - a message of QoS 2 that was received is not taken twice, before and after a stop", async (t) => {
  const node = await startedChild(t, folder, "twice");
  const reader = await staying(node, "reader", 4);
  await reader.next("connack");
  await reader.subscribe({ topic: "once", qos: 1 });
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const writer = await staying(node, `writer-${signal}`, 4);
    await writer.next("connack");
    const message = publishPacket("once", signal, { qos: 2, messageId: 3 });
    writer.send(message);
    await writer.next("pubrec");
    await again(node, signal);
    const back = await staying(node, `writer-${signal}`, 4);
    assert.equal((await back.next("connack")).sessionPresent, true);
    back.send({ ...message, dup: true });
    await back.next("pubrec");
    back.send({ cmd: "pubrel", messageId: 3 });
    await back.next("pubcomp");
    back.send({ ...message, payload: `${signal} more` });
    await back.next("pubrec");
    back.destroy();
  }
  const back = await staying(node, "reader", 4);
  t.after(() => back.destroy());
  assert.equal((await back.next("connack")).sessionPresent, true);
  const seen: string[] = [];
  await until("the messages come", async () => {
    seen.push(...(await back.messages()));
    return seen.at(-1) === "once SIGKILL more";
  });
  const expected = ["SIGTERM", "SIGTERM more", "SIGKILL", "SIGKILL more"];
  assert.deepEqual(
    seen,
    expected.map((text) => `once ${text}`),
  );
});

test("restart - a will waits over the stop, and one that was due is published", async (t) => {
  const node = await startedChild(t, folder, "wills");
  const reader = await staying(node, "reader");
  await reader.next("connack");
  await reader.subscribe({ topic: "wills/#", qos: 1 });
  for (const [name, willDelayInterval] of [
    ["at-once", 0],
    ["soon", 0],
    ["later", 2],
  ] as const) {
    const client = new RawClient(node.mqttUrl, 5);
    const payload = Buffer.from("gone");
    const properties = { willDelayInterval, correlationData: Buffer.from([0, 255]) };
    client.send({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 5, clientId: name, keepalive: 0 },
      ...{ clean: false, ...owner(node), properties: { sessionExpiryInterval: 60 } },
      will: { topic: `wills/${name}`, payload, qos: 1, retain: false, properties },
    });
    await client.next("connack");
    await client.subscribe({ topic: "nothing", qos: 1 });
  }
  await again(node, "SIGKILL");
  const back = await staying(node, "reader");
  t.after(() => back.destroy());
  await back.next("connack");
  for (const name of ["at-once", "soon", "later"]) {
    const { topic, properties } = await back.next("publish");
    assert.equal(topic, `wills/${name}`);
    assert.deepEqual(properties?.correlationData, Buffer.from([0, 255]));
  }
});

test("restart - a will that was published is not published again", async (t) => {
  const node = await startedChild(t, folder, "will-once");
  const reader = await staying(node, "reader");
  await reader.next("connack");
  await reader.subscribe({ topic: "once/#", qos: 1 });
  const client = new RawClient(node.mqttUrl, 5);
  const properties = { willDelayInterval: 1 };
  client.send({
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 5, clientId: "zone", keepalive: 0 },
    ...{ clean: false, ...owner(node), properties: { sessionExpiryInterval: 600 } },
    will: { topic: "once/will", payload: Buffer.from("w"), qos: 1, retain: false, properties },
  });
  await client.next("connack");
  client.destroy();
  const { messageId } = await reader.next("publish");
  reader.send({ cmd: "puback", messageId: messageId! });
  // Its answer is on the disk behind all that was to be before it.
  await reader.subscribe({ topic: "once/#", qos: 1 });
  await again(node, "SIGKILL");
  const back = await staying(node, "reader");
  t.after(() => back.destroy());
  await back.next("connack");
  back.send(publishPacket("once/after", "x", { qos: 1, messageId: 1 }));
  assert.equal((await back.next("publish")).topic, "once/after");
});

for (const delivery of ["live", "logged"] as const) {
  test(`restart - killed five times under load, a ${delivery} stream loses nothing that was acknowledged`, async (t) => {
    const node = await startedChild(t, folder, delivery);
    if (delivery === "logged") {
      const price = { amount: "0", currency: "EUR", perMessages: 1 };
      const product = { id: "load", title: "Load", topics: ["load/#"], delivery };
      await node.http.addProduct({ ...product, terms: { price } });
    }
    const reader = await staying(node, "reader");
    await reader.next("connack");
    await reader.subscribe({ topic: "load/#", qos: 1 });
    reader.destroy();
    const acknowledged = new Set<number>();
    const seen = new Set<number>();
    let next = 0;
    const read = async (client: RawClient): Promise<void> => {
      while (!client.isClosed) {
        const { payload, messageId } = await client.next("publish").catch(() => ({
          payload: undefined,
          messageId: undefined,
        }));
        if (payload === undefined) continue;
        seen.add(Number(payload.toString()));
        client.send({ cmd: "puback", messageId: messageId! });
      }
    };
    for (let round = 0; round < 5; round++) {
      const client = await staying(node, "reader");
      const reading = client.next("connack").then(({ sessionPresent }) => {
        assert.equal(sessionPresent, true);
        return read(client);
      });
      const writer = await RawClient.in(node.mqttUrl, 5, owner(node));
      const under = new Map<number, number>();
      const target = acknowledged.size + 200 + 100 * round;
      while (acknowledged.size < target) {
        for (let id = 1; id <= 50; id++) {
          under.set(id, next);
          writer.send(publishPacket(`load/${next % 7}`, `${next++}`, { qos: 1, messageId: id }));
        }
        while (under.size > 0) {
          const { messageId, reasonCode } = await writer.next("puback");
          assert.equal(reasonCode ?? 0, 0);
          acknowledged.add(under.get(messageId!)!);
          under.delete(messageId!);
        }
      }
      // The last ones are on their way when it dies.
      for (let id = 1; id <= 50; id++) {
        writer.send(publishPacket("load/last", `${next++}`, { qos: 1, messageId: id }));
      }
      await again(node, "SIGKILL");
      await reading;
    }
    const client = await staying(node, "reader");
    t.after(() => client.destroy());
    await client.next("connack");
    const reading = read(client);
    await until("all that was acknowledged has come", () =>
      [...acknowledged].every((number) => seen.has(number)),
    );
    client.destroy();
    await reading;
    assert.ok(acknowledged.size > 1500);
  });
}

test("restart - [MQTT-3.3.2-6] what a session was sent and what waited for it have lived on meanwhile", async (t) => {
  const node = await startedChild(t, folder, "expiry");
  const reader = await staying(node, "reader");
  await reader.next("connack");
  await reader.subscribe({ topic: "lives", qos: 1 });
  const writer = await RawClient.in(node.mqttUrl, 5, owner(node));
  const send = async (text: string, messageExpiryInterval: number): Promise<void> => {
    const properties = { messageExpiryInterval };
    writer.send(publishPacket("lives", text, { qos: 1, messageId: 1, properties }));
    await writer.next("puback");
  };
  const begun = performance.now();
  await send("under way", 100);
  await reader.next("publish");
  reader.destroy();
  await reader.closed;
  await send("over", 1);
  await send("waiting", 100);
  const sent = performance.now();
  await again(node, "SIGTERM");
  // The time that is to be over is what the test is about.
  await setTimeout(Math.max(0, 2100 - (performance.now() - sent)));

  const back = await staying(node, "reader");
  t.after(() => back.destroy());
  await back.next("connack");
  for (const text of ["under way", "waiting"]) {
    const { payload, properties } = await back.next("publish");
    assert.equal(payload.toString(), text);
    const left = properties?.messageExpiryInterval ?? 0;
    assert.ok(
      left <= 98 && left >= 99 - Math.ceil((performance.now() - begun) / 1000),
      `${left} s`,
    );
  }
});
