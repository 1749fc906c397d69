import assert from "node:assert/strict";
import { type Case, both, v5 } from "./case.ts";

export const sessionStateCases: readonly Case[] = [
  ...both(
    {
      v5: ["MQTT-3.1.2-4", "MQTT-3.1.4-4", "MQTT-3.2.2-2"],
      v3: ["MQTT-3.1.2-6", "MQTT-3.1.4-3", "MQTT-3.2.2-1"],
    },
    "a clean start discards the session there was",
    async (broker) => {
      const clientId = broker.clientId();
      const before = await broker.connect(broker.kept(clientId));
      await before.subscribe(broker.topic("#"));
      await before.drop();
      const { client, connack } = await broker.greet(broker.kept(clientId, 60, true));
      assert.equal(connack.sessionPresent, false);
      const writer = await broker.connect();
      await writer.publish(broker.topic(), "for the old session");
      assert.deepEqual(await broker.messagesAt(client), []);
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.1.2-5", "MQTT-3.1.2-23", "MQTT-3.2.2-3", "MQTT-4.5.0-1"],
      v3: ["MQTT-3.1.2-4", "MQTT-3.1.2-5", "MQTT-3.2.2-2", "MQTT-4.1.0-1", "MQTT-4.5.0-1"],
    },
    "a session goes on with its subscriptions and what came while its client was away",
    async (broker) => {
      broker.needsQos(1);
      const clientId = broker.clientId();
      const before = await broker.connect(broker.kept(clientId));
      await before.subscribe(broker.topic("#"));
      await before.drop();
      const writer = await broker.connect();
      const qualities = ([1, 2] as const).filter((qos) => qos <= broker.can.maximumQos);
      for (const qos of qualities) await writer.publish(broker.topic(), `away ${qos}`, { qos });
      const { client, connack } = await broker.greet(broker.kept(clientId));
      assert.equal(connack.sessionPresent, true, "CONNACK says that there is no session");
      for (const qos of qualities) {
        const came = await client.next("publish");
        assert.deepEqual([came.payload.toString(), came.qos], [`away ${qos}`, qos]);
      }
      await writer.publish(broker.topic(), "when back", { qos: 1 });
      assert.equal(await client.message(), `${broker.topic()} when back`);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-6", "MQTT-3.2.2-3"], v3: ["MQTT-3.1.2-4", "MQTT-3.2.2-3", "MQTT-4.1.0-2"] },
    "without a session there was, there is a new one",
    async (broker) => {
      const { client, connack } = await broker.greet(broker.kept(broker.clientId()));
      assert.equal(connack.sessionPresent, false);
      await client.subscribe(broker.topic());
      await client.publish(broker.topic(), "here");
      assert.equal(await client.message(), `${broker.topic()} here`);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-23"], v3: ["MQTT-3.1.2-6"] },
    "a session without an expiry ends with its connection",
    async (broker) => {
      const clientId = broker.clientId();
      const before = await broker.connect({ clientId });
      await before.subscribe(broker.topic());
      await before.leave();
      const { connack } = await broker.greet({ clientId, clean: false });
      assert.equal(connack.sessionPresent, false);
    },
  ),

  v5(
    ["MQTT-4.1.0-1", "MQTT-4.1.0-2"],
    "a session ends when its expiry has passed, and not while its client is there",
    async (broker) => {
      const witness = await broker.connect();
      await witness.subscribe(broker.topic("end"));
      const gone = broker.clientId();
      const there = await broker.connect(broker.kept(broker.clientId(), 1));
      await there.subscribe(broker.topic("there"));
      const will = { topic: broker.topic("end"), payload: "" };
      const properties = { willDelayInterval: 600 };
      const one = await broker.connect({
        ...broker.kept(gone, 1),
        will: { ...will, qos: 0, retain: false, properties },
      });
      await one.subscribe(broker.topic("gone"));
      await one.drop();
      await witness.next("publish"); // the will is published when its session ends
      const { connack } = await broker.greet({ clientId: gone, clean: false });
      assert.equal(connack.sessionPresent, false, "the session is there after its expiry");
      await witness.publish(broker.topic("there"), "still");
      assert.equal(await there.message(), `${broker.topic("there")} still`);
    },
  ),

  v5(
    ["MQTT-4.1.0-2"],
    "DISCONNECT may end the session, and may not make one outlive its connection",
    async (broker) => {
      const clientId = broker.clientId();
      const before = await broker.connect(broker.kept(clientId));
      await before.leave({ reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
      const { client, connack } = await broker.greet({ clientId, clean: false });
      assert.equal(connack.sessionPresent, false);
      const properties = { sessionExpiryInterval: 60 };
      client.send({ cmd: "disconnect", reasonCode: 0, properties }); // §3.14.2.2.2
      await client.ended(0x82);
      const after = await broker.greet({ clientId, clean: false });
      assert.equal(after.connack.sessionPresent, false, "it outlived its connection");
    },
  ),

  ...both(
    { v5: ["MQTT-3.2.0-1", "MQTT-3.2.0-2"], v3: ["MQTT-3.2.0-1"] },
    "CONNACK comes before what waited for the session, and once",
    async (broker) => {
      broker.needsQos(1);
      const clientId = broker.clientId();
      const before = await broker.connect(broker.kept(clientId));
      await before.subscribe(broker.topic());
      await before.drop();
      const writer = await broker.connect();
      for (const text of ["a", "b"]) await writer.publish(broker.topic(), text, { qos: 1 });
      const client = broker.open();
      client.send(broker.connectPacket(broker.kept(clientId)), { cmd: "pingreq" });
      await client.next("pingresp");
      await broker.messagesAt(writer);
      assert.equal(client.arrived[0]?.cmd, "connack");
      assert.equal(client.arrived.filter(({ cmd }) => cmd === "connack").length, 1);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.3-2"], v3: ["MQTT-3.1.3-2"] },
    "sessions are told apart by client identifier",
    async (broker) => {
      const [one, other] = [broker.clientId(), broker.clientId()];
      for (const id of [one, other]) {
        const client = await broker.connect(broker.kept(id));
        await client.subscribe(broker.topic(id));
        await client.drop();
      }
      const { client, connack } = await broker.greet(broker.kept(one));
      assert.equal(connack.sessionPresent, true);
      const writer = await broker.connect();
      for (const id of [other, one]) await writer.publish(broker.topic(id), "for it");
      assert.deepEqual(await broker.messagesAt(client), [`${broker.topic(one)} for it`]);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.3-5"], v3: ["MQTT-3.1.3-5"] },
    "client identifiers of 1 to 23 letters and digits are taken",
    async (broker) => {
      const unique = broker.clientId();
      const rest = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
      const longest = `${unique}${rest}`.slice(0, 23);
      assert.equal(longest.length, 23);
      for (const clientId of [longest, "1", "Z"]) await broker.connect({ clientId });
    },
  ),

  v5(
    ["MQTT-3.1.3-6", "MQTT-3.1.3-7", "MQTT-3.2.2-16"],
    "an empty client identifier is given one that is nobody else's, and is good afterwards",
    async (broker) => {
      const first = await broker.greet({ ...broker.kept(""), clean: true });
      const second = await broker.greet({ clientId: "" });
      const { assignedClientIdentifier: id } = first.connack.properties ?? {};
      const { assignedClientIdentifier: other } = second.connack.properties ?? {};
      assert.ok(id !== undefined && id !== "", "CONNACK tells no client identifier");
      assert.notEqual(id, other);
      await first.client.drop();
      const { connack } = await broker.greet(broker.kept(id));
      assert.equal(connack.sessionPresent, true, "by its identifier the session is not found");
    },
  ),
];
