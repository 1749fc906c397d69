/** What members of a share were to have outlives the node: stopped in order, and killed after that. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { startedChild } from "../07-federate/node-child.ts";
import { publishPacket, RawClient } from "./raw-client.ts";
import { again, owner, staying } from "./staying.ts";

const folder = await mkdtemp(join(tmpdir(), "comity-restart-"));
after(() => rm(folder, { recursive: true, force: true }));

test("restart - what a share's member had and had not acknowledged is its own, and handed on when it goes", async (t) => {
  const node = await startedChild(t, folder, "share");
  const filter = "$share/kept/job";
  const join = async (client: RawClient): Promise<void> => {
    await client.next("connack");
    assert.deepEqual(await client.subscribe({ topic: filter, qos: 1 }), [1]);
  };
  const member = await staying(node, "member");
  await join(member);
  const writer = await RawClient.in(node.mqttUrl, 5, owner(node));
  const send = async (text: string): Promise<void> => {
    writer.send(publishPacket("job", text, { qos: 1, messageId: 1 }));
    await writer.next("puback");
  };
  await send("under way");
  await member.next("publish");
  member.destroy();
  await member.closed;
  await send("waiting");
  await again(node, "SIGTERM");

  const other = await staying(node, "other");
  t.after(() => other.destroy());
  await join(other);
  const back = new RawClient(node.mqttUrl, 5);
  t.after(() => back.destroy());
  back.send({
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 5, clientId: "member", keepalive: 0 },
    ...{ clean: false, ...owner(node), properties: { sessionExpiryInterval: 3600 } },
  });
  assert.equal((await back.next("connack")).sessionPresent, true);
  assert.equal((await back.next("publish")).payload.toString(), "under way");
  assert.equal((await back.next("publish")).payload.toString(), "waiting");
  // It is gone for good, without having acknowledged either.
  back.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  assert.equal((await other.next("publish")).payload.toString(), "under way");
  assert.equal((await other.next("publish")).payload.toString(), "waiting");
});

test("restart - what a share's member was to have outlives a crash after the stop that wrote it down", async (t) => {
  const node = await startedChild(t, folder, "share-crash");
  const member = await staying(node, "member");
  await member.next("connack");
  await member.subscribe({ topic: "$share/kept/job", qos: 1 }, { topic: "other", qos: 1 });
  const writer = await RawClient.in(node.mqttUrl, 5, owner(node));
  const send = async (to: RawClient, topic: string, text: string): Promise<void> => {
    to.send(publishPacket(topic, text, { qos: 1, messageId: 1 }));
    await to.next("puback");
  };
  await send(writer, "job", "under way");
  await member.next("publish");
  member.destroy();
  await member.closed;
  for (const text of ["one", "two"]) await send(writer, "job", text);
  await again(node, "SIGTERM");

  // Something else happens to the session: it is written down anew, and the node dies.
  const back = await staying(node, "member");
  await back.next("connack");
  const texts: string[] = [];
  const take = async (client: RawClient, isDone: boolean): Promise<void> => {
    const { payload, messageId } = await client.next("publish");
    texts.push(payload.toString());
    if (isDone) client.send({ cmd: "puback", messageId: messageId! });
  };
  await take(back, true);
  await take(back, false);
  const second = await RawClient.in(node.mqttUrl, 5, owner(node));
  await send(second, "other", "unrelated");
  await setTimeout(2500); // positions are written once a second
  await again(node, "SIGKILL");

  const last = await staying(node, "member");
  t.after(() => last.destroy());
  assert.equal((await last.next("connack")).sessionPresent, true);
  texts.length = 0;
  for (let i = 0; i < 3; i++) await take(last, true);
  assert.deepEqual(texts.toSorted(), ["one", "two", "unrelated"]);
  await last.settled();
  assert.deepEqual(
    last.received.filter(({ cmd }) => cmd === "publish"),
    [],
  );
});

test("restart - [MQTT-3.3.1-13] a share's message that was retained still is, for who asked for it", async (t) => {
  const node = await startedChild(t, folder, "rap");
  const member = await staying(node, "member");
  await member.next("connack");
  await member.subscribe({ topic: "$share/kept/shelf", qos: 1, rap: true });
  member.destroy();
  await member.closed;
  const writer = await RawClient.in(node.mqttUrl, 5, owner(node));
  for (const [text, retain] of [
    ["retained", true],
    ["not", false],
  ] as const) {
    writer.send(publishPacket("shelf", text, { qos: 1, messageId: 1, retain }));
    await writer.next("puback");
  }
  await again(node, "SIGTERM");
  const back = await staying(node, "member");
  t.after(() => back.destroy());
  assert.equal((await back.next("connack")).sessionPresent, true);
  for (const expected of [true, false]) {
    const { retain, messageId } = await back.next("publish");
    assert.equal(retain, expected);
    back.send({ cmd: "puback", messageId: messageId! });
  }
});
