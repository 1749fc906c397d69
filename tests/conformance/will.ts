import assert from "node:assert/strict";
import type { IConnectPacket } from "mqtt-packet";
import type { Broker } from "./broker.ts";
import { type Case, both, v3, v5 } from "./case.ts";
import { type Client, messageOf } from "./client.ts";
import { text } from "./bytes.ts";

type Will = NonNullable<IConnectPacket["will"]>;

function willOf(broker: Broker, payload: string, more: Partial<Will> = {}): { will: Will } {
  return { will: { topic: broker.topic("will"), payload, qos: 0, retain: false, ...more } };
}

/** Who is told of wills. */
async function witnessOf(broker: Broker): Promise<Client> {
  const witness = await broker.connect();
  await witness.subscribe(broker.topic("will"));
  return witness;
}

/** A client of its own goes without a word; its will comes after all that is to come. */
async function lastWill(broker: Broker, witness: Client): Promise<string[]> {
  const last = await broker.connect(willOf(broker, "last"));
  await last.drop();
  const came: string[] = [];
  while (came.at(-1) !== "last") came.push((await witness.next("publish")).payload.toString());
  return came.slice(0, -1);
}

export const willCases: readonly Case[] = [
  ...both(
    {
      v5: ["MQTT-3.1.2-7", "MQTT-3.1.2-8", "MQTT-3.1.2-12"],
      v3: ["MQTT-3.1.2-8", "MQTT-3.1.2-14", "MQTT-3.1.3-1"],
    },
    "the will of who goes without a word is published, with its QoS",
    async (broker) => {
      const witness = await witnessOf(broker);
      for (const qos of [0, 1, 2] as const) {
        if (qos > broker.can.maximumQos) continue;
        const client = await broker.connect(willOf(broker, `of QoS ${qos}`, { qos }));
        await client.drop();
        const came = await witness.next("publish");
        assert.equal(messageOf(came), `${broker.topic("will")} of QoS ${qos}`);
        assert.equal(came.qos, qos);
        if (qos === 2) await witness.next("pubrel");
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-8"], v3: ["MQTT-3.1.2-8"] },
    "the will of who breaks the protocol is published",
    async (broker) => {
      const witness = await witnessOf(broker);
      const client = await broker.connect(willOf(broker, "broken"));
      client.send(Buffer.from([0x00, 0x00]));
      assert.equal(await witness.message(), `${broker.topic("will")} broken`);
    },
  ),

  v5(["MQTT-3.1.2-8"], "DISCONNECT with 0x04 has the will published", async (broker) => {
    const witness = await witnessOf(broker);
    const client = await broker.connect(willOf(broker, "with will"));
    await client.leave({ reasonCode: 0x04 });
    assert.equal(await witness.message(), `${broker.topic("will")} with will`);
  }),

  v5(
    ["MQTT-3.1.2-8"],
    "a will waits for its delay, though no longer than its session",
    async (broker) => {
      const witness = await witnessOf(broker);
      const delays = [
        ["after the session", 600, 1],
        ["after the delay", 1, 60],
      ] as const;
      for (const [name, willDelayInterval, expiry] of delays) {
        const client = await broker.connect({
          ...broker.kept(broker.clientId(), expiry),
          ...willOf(broker, name, { properties: { willDelayInterval } }),
        });
        await client.drop();
      }
      const came = await lastWill(broker, witness);
      assert.deepEqual(came, [], "a will came before its delay was over");
      const later = [await witness.message(), await witness.message()].toSorted();
      assert.deepEqual(
        later,
        ["after the delay", "after the session"].map((name) => `${broker.topic("will")} ${name}`),
      );
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-10", "MQTT-3.14.4-3"], v3: ["MQTT-3.1.2-10", "MQTT-3.14.4-3"] },
    "DISCONNECT with 0x00 deletes the will",
    async (broker) => {
      const witness = await witnessOf(broker);
      const client = await broker.connect(willOf(broker, "deleted"));
      await client.leave();
      assert.deepEqual(await lastWill(broker, witness), []);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-10"], v3: ["MQTT-3.1.2-10", "MQTT-3.1.2-12"] },
    "a will that was published is not published again",
    async (broker) => {
      const witness = await witnessOf(broker);
      const kept = broker.kept(broker.clientId());
      const client = await broker.connect({ ...kept, ...willOf(broker, "once") });
      await client.drop();
      assert.equal(await witness.message(), `${broker.topic("will")} once`);
      const again = await broker.connect(kept);
      await again.drop();
      assert.deepEqual(await lastWill(broker, witness), []);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-14", "MQTT-3.1.2-15"], v3: ["MQTT-3.1.2-16", "MQTT-3.1.2-17"] },
    "a will is retained where it asks for that, and only there",
    async (broker) => {
      broker.needs("retain");
      const witness = await witnessOf(broker);
      for (const retain of [false, true]) {
        const client = await broker.connect(willOf(broker, `${retain}`, { retain }));
        await client.drop();
        const came = await witness.next("publish");
        assert.equal(came.retain, false);
        const late = await witnessOf(broker);
        const kept = await broker.messagesAt(late);
        assert.deepEqual(kept, retain ? [`${broker.topic("will")} true`] : []);
      }
      await witness.publish(broker.topic("will"), "", { retain: true });
    },
  ),

  v5(
    ["MQTT-3.1.3-9"],
    "who is back before the delay is over has no will published",
    async (broker) => {
      const witness = await witnessOf(broker);
      const kept = broker.kept(broker.clientId());
      const properties = { willDelayInterval: 1 };
      const client = await broker.connect({ ...kept, ...willOf(broker, "back", { properties }) });
      await client.drop();
      await broker.connect(kept);
      const other = await broker.connect({
        ...broker.kept(broker.clientId()),
        ...willOf(broker, "not back", { properties }),
      });
      await other.drop();
      assert.equal(await witness.message(), `${broker.topic("will")} not back`);
      assert.deepEqual(await lastWill(broker, witness), []);
    },
  ),

  v5(["MQTT-3.1.3-10"], "properties of a will come whole and in their order", async (broker) => {
    const witness = await witnessOf(broker);
    const client = await broker.connect(
      willOf(broker, "with properties", {
        properties: {
          payloadFormatIndicator: true,
          contentType: "text/plain",
          responseTopic: broker.topic("answer"),
          correlationData: Buffer.from([1, 2, 3]),
          userProperties: { z: "1", a: ["2", "3"], m: "4" },
        },
      }),
    );
    await client.drop();
    const { properties, body } = await witness.next("publish");
    const pairs = ["z1", "a2", "a3", "m4"].map(([key = "", value = ""]) =>
      Buffer.concat([Buffer.from([0x26]), text(key), text(value)]),
    );
    assert.ok(body.includes(Buffer.concat(pairs)), "the user properties are not as they were");
    assert.equal(properties?.payloadFormatIndicator, true);
    assert.equal(properties.contentType, "text/plain");
    assert.equal(properties.responseTopic, broker.topic("answer"));
    assert.deepEqual(properties.correlationData, Buffer.from([1, 2, 3]));
  }),

  v5(
    ["MQTT-3.1.2-8", "MQTT-3.1.3-9", "MQTT-3.1.4-3"],
    "who is taken over has its will published, unless its delay goes on with the session",
    async (broker) => {
      const witness = await witnessOf(broker);
      const rounds = [
        ["no delay", 0, false],
        ["a delay", 60, false],
        ["a delay, and a clean start", 60, true],
      ] as const;
      for (const [name, willDelayInterval, clean] of rounds) {
        const kept = broker.kept(broker.clientId());
        const properties = { willDelayInterval };
        const older = await broker.connect({ ...kept, ...willOf(broker, name, { properties }) });
        await broker.connect({ ...kept, clean });
        await older.ended(0x8e);
      }
      const came = await lastWill(broker, witness);
      assert.deepEqual(came, ["no delay", "a delay, and a clean start"]);
    },
  ),

  v3(
    ["MQTT-3.1.2-8", "MQTT-3.1.4-2"],
    "who is taken over has its will published",
    async (broker) => {
      const witness = await witnessOf(broker);
      const clientId = broker.clientId();
      const older = await broker.connect({ clientId, ...willOf(broker, "taken over") });
      await broker.connect({ clientId });
      await older.ended();
      assert.equal(await witness.message(), `${broker.topic("will")} taken over`);
    },
  ),
];
