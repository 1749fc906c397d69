import assert from "node:assert/strict";
import { Skipped } from "./broker.ts";
import { bytes, publishBytes, uint16 } from "./bytes.ts";
import { type Case, endsFor, v5 } from "./case.ts";

/** Numbers for topics, both ways (§3.3.2.3.4). */
export const topicAliasesCases: readonly Case[] = [
  v5(["MQTT-3.3.2-7"], "a topic alias ends with its connection", async (broker) => {
    broker.needsAliases();
    const kept = broker.kept(broker.clientId());
    const flags = { cmd: "publish", payload: "", qos: 0, dup: false, retain: false } as const;
    const properties = { topicAlias: 1 };
    const before = await broker.connect(kept);
    before.send({ ...flags, topic: broker.topic(), properties });
    await before.settled();
    await before.drop();
    const client = await broker.connect(kept);
    client.send({ ...flags, topic: "", properties });
    await client.ended(0x82, 0x94);
  }),

  v5(["MQTT-3.3.2-8"], "topic alias 0 ends the connection", async (broker) => {
    const zero = publishBytes(broker.topic(), bytes(0x23), uint16(0));
    await endsFor(broker, { zero });
  }),

  v5(
    ["MQTT-3.3.2-12"],
    "each topic alias up to the maximum stands for the topic it was given last",
    async (broker) => {
      broker.needsAliases();
      const aliases = [1, 2, broker.can.topicAliasMaximum].filter(
        (alias, at, all) => alias <= broker.can.topicAliasMaximum && all.indexOf(alias) === at,
      );
      const reader = await broker.connect();
      await reader.subscribe(broker.topic("#"));
      const writer = await broker.connect();
      for (const round of ["first", "second"]) {
        for (const alias of aliases) {
          const topic = broker.topic(`${round}/${alias}`);
          const properties = { topicAlias: alias };
          await writer.publish(topic, "named", { properties });
          assert.equal(await reader.message(), `${topic} named`);
        }
        for (const alias of aliases) {
          await writer.publish("", "by alias", { properties: { topicAlias: alias } });
          assert.equal(await reader.message(), `${broker.topic(`${round}/${alias}`)} by alias`);
        }
      }
    },
  ),

  v5(
    ["MQTT-3.2.2-17", "MQTT-3.2.2-18", "MQTT-3.3.2-9"],
    "a topic alias greater than the server takes ends the connection",
    async (broker) => {
      const { topicAliasMaximum } = broker.can;
      if (topicAliasMaximum === 65_535) throw new Skipped("the broker takes all there are");
      const client = await broker.connect();
      const flags = { qos: 0, dup: false, retain: false } as const;
      const more = { topic: broker.topic(), payload: "", ...flags };
      const topicAlias = topicAliasMaximum + 1;
      client.send({ cmd: "publish", ...more, properties: { topicAlias } });
      await client.ended(0x94);
    },
  ),

  v5(
    ["MQTT-3.1.2-26", "MQTT-3.3.2-11", "MQTT-3.3.2-8"],
    "a client is sent the topic aliases it takes, none greater, each told first",
    async (broker) => {
      const topicAliasMaximum = 2;
      const reader = await broker.connect({ properties: { topicAliasMaximum } });
      await reader.subscribe(broker.topic("#"));
      const writer = await broker.connect();
      const names = ["a", "b", "c", "a", "b", "c", "a"];
      for (const name of names) await writer.publish(broker.topic(name), name);
      const known = new Map<number, string>();
      for (const name of names) {
        const { topic, payload, properties } = await reader.next("publish");
        const alias = properties?.topicAlias;
        if (alias !== undefined) assert.ok(alias >= 1 && alias <= 2, `topic alias ${alias}`);
        if (alias !== undefined && topic !== "") known.set(alias, topic);
        const meant = topic === "" ? known.get(alias ?? 0) : topic;
        assert.equal(`${meant} ${payload.toString()}`, `${broker.topic(name)} ${name}`);
      }
    },
  ),

  v5(["MQTT-3.1.2-27"], "a client that takes no topic aliases is sent none", async (broker) => {
    const writer = await broker.connect();
    for (const more of [{}, { properties: { topicAliasMaximum: 0 } }]) {
      const reader = await broker.connect(more);
      await reader.subscribe(broker.topic());
      for (const payload of ["a", "b", "c"]) {
        await writer.publish(broker.topic(), payload);
        const { topic, properties } = await reader.next("publish");
        assert.equal(topic, broker.topic());
        assert.equal(properties?.topicAlias, undefined);
      }
    }
  }),
];
