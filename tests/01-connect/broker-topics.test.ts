/** `$SYS/broker/…`: what the node tells of itself, by mosquitto's names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({}, { brokerTopicsEveryMs: 300 });
const url = node.mqttUrl;

async function next(client: RawClient): Promise<readonly [topic: string, text: string]> {
  const { topic, payload } = await client.next("publish");
  return [topic, payload.toString()];
}

async function toldOf(client: RawClient, filter: string): Promise<Map<string, string>> {
  assert.deepEqual(await client.subscribe({ topic: filter, qos: 0 }), [0]);
  await client.settled();
  const told = client.received.flatMap((packet) =>
    packet.cmd === "publish" ? [[packet.topic, packet.payload.toString()] as const] : [],
  );
  client.received.length = 0;
  return new Map(told);
}

test("broker topics - a subscriber has every figure at once, by mosquitto's names", async () => {
  const writer = await RawClient.in(url, 5, { clientId: "writer" });
  const keep = { qos: 1 as const, retain: true };
  writer.send(publishPacket("kept/a", "12345", { ...keep, messageId: 1 }));
  await writer.next("puback");
  const client = await RawClient.in(url, 5, { clientId: "reader" });
  const told = await toldOf(client, "$SYS/#");
  const names = [
    ..."version uptime bytes/received bytes/sent heap/current heap/maximum".split(" "),
    ..."clients/total clients/maximum clients/connected clients/active".split(" "),
    ..."clients/disconnected clients/inactive clients/expired".split(" "),
    ..."messages/received messages/sent messages/stored".split(" "),
    ..."store/messages/count store/messages/bytes".split(" "),
    ..."subscriptions/count shared_subscriptions/count".split(" "),
    ..."publish/messages/received publish/messages/sent publish/messages/dropped".split(" "),
    ..."publish/bytes/received publish/bytes/sent".split(" "),
    "retained messages/count",
    ...[1, 5, 15].flatMap((minutes) =>
      "messages/received messages/sent publish/received publish/sent publish/dropped bytes/received bytes/sent connections sockets"
        .split(" ")
        .map((name) => `load/${name}/${minutes}min`),
    ),
  ];
  assert.deepEqual([...told.keys()].sort(), names.map((name) => `$SYS/broker/${name}`).sort());
  const of = (name: string): string | undefined => told.get(`$SYS/broker/${name}`);
  assert.match(of("version") ?? "", /^comity version \d+\.\d+\.\d+/);
  assert.match(of("uptime") ?? "", /^\d+ seconds$/);
  assert.equal(of("clients/connected"), "2");
  assert.equal(of("publish/messages/received"), "1");
  assert.equal(of("publish/bytes/received"), "5");
  assert.equal(of("retained messages/count"), "1");
  assert.equal(of("subscriptions/count"), "1");
  // CONNECT is not counted before it is read whole: two of them, one PUBLISH, one SUBSCRIBE
  assert.equal(of("messages/received"), "4");
  // two CONNACKs and one PUBACK; the SUBACK may be among them already
  assert.match(of("messages/sent") ?? "", /^[34]$/);
  client.destroy();
  writer.destroy();
});

test("broker topics - they are told again at every turn, with what changed", async () => {
  const client = await RawClient.in(url, 4);
  const filter = "$SYS/broker/publish/messages/received";
  const before = Number((await toldOf(client, filter)).get(filter));
  const writer = await RawClient.in(url, 4);
  writer.send(publishPacket("a", "x", { qos: 1, messageId: 1 }));
  await writer.next("puback");
  let now = before;
  while (now === before) now = Number((await next(client))[1]);
  assert.equal(now, before + 1);
  client.destroy();
  writer.destroy();
});

test("broker topics - # does not match them, and nobody may publish there", async () => {
  const all = await RawClient.in(url, 5);
  const turns = await RawClient.in(url, 5);
  await all.subscribe({ topic: "#", qos: 0, rh: 2 }, { topic: "+/broker/uptime", qos: 0, rh: 2 });
  await turns.subscribe({ topic: "$SYS/broker/uptime", qos: 0 });
  // the second after the first that stood: a turn has passed for everybody
  for (let turn = 0; turn < 3; turn++) await next(turns);
  assert.deepEqual(await all.messages(), []);
  turns.send(publishPacket("$SYS/broker/uptime", "for ever", { qos: 1, messageId: 7 }));
  assert.equal((await turns.next("puback")).reasonCode, 0x87);
  all.destroy();
  turns.destroy();
});

test("broker topics - they are for who runs the node", async () => {
  const { token: operator } = await http.addUser("olga", "operator");
  const { token: viewer } = await http.addUser("vera", "viewer");
  const { token: thing } = await http.addThing({ name: "bus", subscribe: ["#"] });
  for (const [username, token, granted] of [
    ["token", operator, 0],
    ["token", viewer, 0x87],
    ["bus", thing, 0x87],
  ] as const) {
    const client = await RawClient.in(url, 5, { username, password: Buffer.from(token) });
    assert.deepEqual(await client.subscribe({ topic: "$SYS/broker/uptime", qos: 0 }), [granted]);
    client.destroy();
  }
});
