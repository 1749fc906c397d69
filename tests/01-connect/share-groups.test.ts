/** Shared subscriptions (MQTT 5.0 §4.8.2), at the socket. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node } = await oneNode();
const url = node.mqttUrl;

async function member(t: TestContext, topic: string, qos: 0 | 1 | 2 = 0, version: 4 | 5 = 5) {
  const client = await RawClient.in(url, version);
  t.after(() => client.destroy());
  assert.deepEqual(await client.subscribe({ topic, qos }), [qos]);
  return client;
}

function texts(client: RawClient): string[] {
  return client.received.flatMap((one) => (one.cmd === "publish" ? [one.payload.toString()] : []));
}

test("shared - [MQTT-4.8.2-4] each message goes to one member, in turns, and to who subscribed alone", async (t) => {
  const topic = "turns/x";
  const members = await Promise.all([
    member(t, "$share/a/turns/+"),
    member(t, "$share/a/turns/+", 0, 4),
    member(t, "$share/a/turns/+"),
  ]);
  const other = await member(t, "$share/b/turns/+");
  const alone = await member(t, topic);
  const both = await RawClient.in(url, 5);
  t.after(() => both.destroy());
  await both.subscribe({ topic: "$share/c/turns/#", qos: 0 }, { topic: "turns/#", qos: 0 });
  const writer = await RawClient.in(url, 5);
  t.after(() => writer.destroy());
  const all = Array.from({ length: 30 }, (_, i) => String(i));
  for (const text of all) {
    writer.send(publishPacket(topic, text));
    await writer.settled();
  }
  for (const client of [...members, other, alone, both]) await client.settled();
  for (const client of members) assert.equal(texts(client).length, 10);
  const shared = members.flatMap(texts).sort((a, b) => Number(a) - Number(b));
  assert.deepEqual(shared, all);
  assert.deepEqual(texts(other), all);
  assert.deepEqual(texts(alone), all);
  assert.equal(texts(both).length, 60, "once as one of those who share, once for itself");
});

test("shared - a burst in one write is divided, and a member that is slow gets less", async (t) => {
  const names = ["slow", "quick", "quick too"];
  const members = await Promise.all(names.map(() => member(t, "$share/burst/burst", 1)));
  const writer = await RawClient.in(url, 4);
  t.after(() => writer.destroy());
  const counts = [0, 0, 0];
  // The first acknowledges nothing.
  for (const [i, client] of members.entries()) {
    client.socket.on("data", () => {
      for (const packet of client.received.splice(0)) {
        if (packet.cmd !== "publish") continue;
        counts[i]!++;
        if (i > 0) client.send({ cmd: "puback", messageId: packet.messageId! });
      }
    });
  }
  for (let burst = 0; burst < 20; burst++) {
    const packets = Array.from({ length: 30 }, (_, i) =>
      publishPacket("burst", String(i), { qos: 1, messageId: i + 1 }),
    );
    writer.send(...packets);
    for (let i = 0; i < 30; i++) await writer.next("puback");
    const sum = (): number => counts.reduce((a, b) => a + b);
    await until("the burst has come", () => sum() === 30 * (burst + 1));
  }
  const [slow, ...quick] = counts as [number, number, number];
  for (const count of quick) assert.ok(count > 200 && slow < count / 4, counts.join(", "));
});

test("shared - a member gets no more at once than it takes, as long as another one has room", async (t) => {
  const one = await RawClient.in(url, 5, { properties: { receiveMaximum: 1 } });
  t.after(() => one.destroy());
  assert.deepEqual(await one.subscribe({ topic: "$share/room/room", qos: 1 }), [1]);
  const other = await member(t, "$share/room/room", 1);
  const writer = await RawClient.in(url, 5);
  t.after(() => writer.destroy());
  for (let burst = 0; burst < 5; burst++) {
    const packets = Array.from({ length: 20 }, (_, i) =>
      publishPacket("room", String(20 * burst + i), { qos: 1, messageId: i + 1 }),
    );
    writer.send(...packets);
    for (let i = 0; i < 20; i++) await writer.next("puback");
  }
  await other.settled();
  await one.settled();
  assert.equal(texts(one).length, 1);
  assert.equal(texts(other).length, 99);
});

test("shared - what a member that goes has not acknowledged goes to another one", async (t) => {
  const going = await member(t, "$share/leave/leave", 1);
  const writer = await RawClient.in(url, 5);
  t.after(() => writer.destroy());
  for (let id = 1; id <= 10; id++) {
    writer.send(publishPacket("leave", String(id), { qos: 1, messageId: id }));
    await writer.next("puback");
  }
  for (let i = 0; i < 3; i++) {
    const { messageId } = await going.next("publish");
    going.send({ cmd: "puback", messageId: messageId! });
  }
  await going.settled();
  const staying = await member(t, "$share/leave/leave", 1);
  going.destroy();
  await until("it has all that was not acknowledged", () => texts(staying).length === 7);
  assert.deepEqual(texts(staying), ["4", "5", "6", "7", "8", "9", "10"]);
});

for (const how of ["subscribed again", "unsubscribed"] as const) {
  test(`shared - what a member has not acknowledged that ${how} and then goes is not lost`, async (t) => {
    const topic = how.replace(" ", "-");
    const going = await member(t, `$share/left/${topic}`, 1);
    const writer = await RawClient.in(url, 5);
    t.after(() => writer.destroy());
    const send = async (text: string): Promise<void> => {
      writer.send(publishPacket(topic, text, { qos: 1, messageId: 1 }));
      await writer.next("puback");
    };
    await send("left");
    await going.next("publish");
    const staying = await member(t, `$share/left/${topic}`, 1);
    if (how === "subscribed again") {
      assert.deepEqual(await going.subscribe({ topic: `$share/left/${topic}`, qos: 1 }), [1]);
    } else {
      going.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [`$share/left/${topic}`] });
      await going.next("unsuback");
    }
    going.destroy();
    assert.equal((await staying.next("publish")).payload.toString(), "left");
  });
}

test("shared - [MQTT-4.8.2-5] what was begun with QoS 2 stays with its client", async (t) => {
  const going = await member(t, "$share/two/two", 2);
  const writer = await RawClient.in(url, 5);
  t.after(() => writer.destroy());
  writer.send(publishPacket("two", "begun", { qos: 2, messageId: 1 }));
  await writer.next("pubrec");
  await going.next("publish");
  const staying = await member(t, "$share/two/two", 2);
  going.destroy();
  await going.closed;
  writer.send(publishPacket("two", "next", { qos: 2, messageId: 2 }));
  await writer.next("pubrec");
  assert.equal((await staying.next("publish")).payload.toString(), "next");
});

test("shared - while all are away messages wait; who is there comes first", async (t) => {
  const kept = {
    clientId: "away",
    clean: false,
    properties: { sessionExpiryInterval: 60 },
  } as const;
  const away = await RawClient.in(url, 5, kept);
  await away.subscribe({ topic: "$share/wait/wait", qos: 1 });
  away.destroy();
  await away.closed;
  const writer = await RawClient.in(url, 5);
  t.after(() => writer.destroy());
  const send = async (id: number): Promise<void> => {
    writer.send(publishPacket("wait", String(id), { qos: 1, messageId: id }));
    await writer.next("puback");
  };
  await send(1);
  const there = await member(t, "$share/wait/wait", 1);
  await send(2);
  await send(3);
  await there.settled();
  assert.deepEqual(texts(there), ["2", "3"]);
  const back = await RawClient.in(url, 5, kept);
  t.after(() => back.destroy());
  await back.settled();
  assert.deepEqual(texts(back), ["1"]);
});

test("shared - what waits while all are away is bounded by what each may keep, and what is given up is counted", async (t) => {
  const queueBytesMax = 100_000;
  const { node: other, http } = await oneNode({ queueBytesMax });
  const { mqttUrl } = other;
  const join = async (clientId: string): Promise<RawClient> => {
    const client = await RawClient.in(mqttUrl, 5, {
      ...{ clientId, clean: false, properties: { sessionExpiryInterval: 60 } },
    });
    t.after(() => client.destroy());
    return client;
  };
  const names = ["one", "two"];
  for (const name of names) {
    const client = await join(name);
    await client.subscribe({ topic: "$share/full/full", qos: 1 });
    client.destroy();
    await client.closed;
  }
  const writer = await RawClient.in(mqttUrl, 5);
  t.after(() => writer.destroy());
  const text = (i: number): string => String(i).padEnd(1000, ".");
  const total = 400;
  for (let i = 0; i < total; i += 20) {
    const packets = Array.from({ length: 20 }, (_, j) =>
      publishPacket("full", text(i + j), { qos: 1, messageId: j + 1 }),
    );
    writer.send(...packets);
    for (let j = 0; j < 20; j++) await writer.next("puback");
  }
  const { dropped } = await http.status();
  const came: string[] = [];
  for (const name of names) {
    const client = await join(name);
    await client.settled();
    const own = texts(client);
    assert.ok(own.length * 1000 <= queueBytesMax && own.length * 1300 > queueBytesMax - 1300);
    came.push(...own);
  }
  assert.equal(new Set(came).size, came.length, "each message went to one of them");
  assert.equal(came.length + dropped, total);
});

test("shared - no retained message is sent; bad names are refused; unsubscribing ends it", async (t) => {
  const client = await RawClient.in(url, 5);
  t.after(() => client.destroy());
  client.send(publishPacket("still/x", "retained", { retain: true, qos: 1, messageId: 1 }));
  await client.next("puback");
  const asked = ["$share//x", "$share/a", "$share/a/", "$share/a+/x", "$share/a/x#", "$share/a/#"];
  const codes = await client.subscribe(...asked.map((topic) => ({ topic, qos: 0 as const })));
  assert.deepEqual(codes, [0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0]);
  assert.deepEqual(await client.messages(), []);
  client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["$share/a/#"] });
  assert.deepEqual((await client.next("unsuback")).granted, [0]);
  client.send(publishPacket("still/y", "nobody", { qos: 1, messageId: 3 }));
  assert.equal((await client.next("puback")).reasonCode, 0x10);
  assert.deepEqual(await client.messages(), []);
});
