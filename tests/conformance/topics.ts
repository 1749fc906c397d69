import assert from "node:assert/strict";
import type { Broker } from "./broker.ts";
import { type Case, both, each } from "./case.ts";

/** Which of these topics a filter matches, of the case's own. */
async function matched(
  broker: Broker,
  filter: string,
  topics: readonly string[],
): Promise<string[]> {
  const reader = await broker.connect();
  await reader.subscribe({ topic: broker.topic(filter), qos: 0 });
  const writer = await broker.connect();
  for (const topic of topics) {
    const flags = { qos: 0, dup: false, retain: false } as const;
    writer.send({ cmd: "publish", topic: broker.topic(topic), payload: "", ...flags });
  }
  await writer.settled();
  const before = broker.topic("");
  return (await broker.messagesAt(reader)).map((came) => came.trimEnd().slice(before.length));
}

export const topicsCases: readonly Case[] = [
  ...both(
    {
      v5: ["MQTT-4.7.1-1", "MQTT-4.7.1-2", "MQTT-3.3.2-3"],
      v3: ["MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-3.3.2-3", "MQTT-3.8.3-2"],
    },
    "filters match whole levels: + any one, # all that are left, the parent included",
    async (broker) => {
      broker.needs("wildcards");
      const topics = ["a", "a/", "a/b", "a/b/c", "/a", "b", "a//c", "ab"];
      const expected: Readonly<Record<string, readonly string[]>> = {
        "a/#": ["a", "a/", "a/b", "a/b/c", "a//c"],
        "#": topics,
        "+": ["a", "b", "ab"],
        "a/+": ["a/", "a/b"],
        "+/+": ["a/", "a/b", "/a"],
        "a/+/c": ["a/b/c", "a//c"],
        "+/+/#": ["a/", "a/b", "a/b/c", "/a", "a//c"],
        "/+": ["/a"],
        "a/b": ["a/b"],
        "a/b/": [],
      };
      for (const [filter, which] of Object.entries(expected)) {
        assert.deepEqual(await matched(broker, filter, topics), which, filter);
      }
    },
  ),

  ...both(
    {
      v5: ["MQTT-4.7.1-1", "MQTT-4.7.1-2", "MQTT-4.7.3-1"],
      v3: ["MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-4.7.3-1"],
    },
    "a wildcard that is no level of its own, # in the middle and an empty filter are refused",
    async (broker) => {
      const wrong = ["a#", "a/#/b", "a/b#", "#a", "a+", "+a", "a/b+/c", ""];
      const named = Object.fromEntries(wrong.map((filter) => [`"${filter}"`, filter]));
      await each(named, async (filter) => {
        const client = await broker.connect();
        const topic = filter === "" ? "" : broker.topic(filter);
        const codes = await client
          .subscribe({ topic, qos: 0 })
          .catch(() => client.ended(0x81, 0x82, 0x8f));
        assert.ok(codes === undefined || codes[0]! >= 0x80, "it is taken");
      });
    },
  ),

  ...both(
    { v5: ["MQTT-4.7.2-1"], v3: ["MQTT-4.7.2-1"] },
    "a wildcard at the beginning does not match topics that begin with $",
    async (broker) => {
      broker.needs("wildcards");
      const name = broker.topic().replaceAll("/", "-");
      const hidden = await broker.connect();
      const retain = broker.can.retain;
      // A server may keep such topics to itself, and end who publishes there.
      const hide = (payload: string): Promise<unknown> =>
        hidden.publish(`$${name}/a`, payload, { retain }).catch(() => hidden.closed());
      await hide("before");
      const reader = await broker.connect();
      for (const filter of ["#", "+/a", "+/#"]) await reader.subscribe({ topic: filter, qos: 0 });
      if (!hidden.isClosed) await hide("");
      else await broker.tells("$SYS/#");
      const seen = await broker.connect();
      await seen.publish(`${name}/a`, "seen");
      let came = "";
      while (!came.startsWith(`${name}/a `)) {
        came = await reader.message();
        assert.ok(!came.startsWith("$"), `${came} came`);
      }
    },
  ),

  ...both(
    { v5: ["MQTT-4.7.3-4", "MQTT-1.5.4-3"], v3: ["MQTT-4.7.3-4", "MQTT-1.5.3-3"] },
    "topics are matched as they are: case, spaces, accents and marks all count",
    async (broker) => {
      const topics = ["é", "e\u0301", "E\u0301", "A", "a", " a", "a ", "\ufeffa", "Å", "\u212b"];
      const bytes = new Set(topics.map((topic) => Buffer.from(topic).toString("hex")));
      assert.equal(bytes.size, topics.length);
      for (const topic of ["é", "e\u0301", "a", "\ufeffa", "Å"]) {
        const reader = await broker.connect();
        await reader.subscribe({ topic: broker.topic(topic), qos: 0 });
        const writer = await broker.connect();
        for (const each of topics) await writer.publish(broker.topic(each), "");
        const came = await broker.messagesAt(reader);
        assert.deepEqual(came, [`${broker.topic(topic)} `], JSON.stringify(topic));
      }
    },
  ),

  ...both(
    { v5: ["MQTT-1.5.4-3", "MQTT-4.7.3-4"], v3: ["MQTT-1.5.3-3", "MQTT-4.7.3-4"] },
    "a byte order mark at the beginning of a topic belongs to it",
    async (broker) => {
      const marked = `\ufeff${broker.topic()}`;
      const reader = await broker.connect();
      await reader.subscribe({ topic: marked, qos: 0 });
      const other = await broker.connect();
      await other.subscribe({ topic: broker.topic(), qos: 0 });
      const writer = await broker.connect();
      await writer.publish(marked, "marked");
      await writer.publish(broker.topic(), "plain");
      assert.deepEqual(await broker.messagesAt(reader), [`${marked} marked`]);
      assert.deepEqual(await broker.messagesAt(other), [`${broker.topic()} plain`]);
    },
  ),
];
