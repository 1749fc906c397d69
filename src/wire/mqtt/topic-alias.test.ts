import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodePublish } from "./encode.ts";
import { PacketStream, type ScannedRun } from "./packet-stream.ts";
import type { Properties } from "./properties.ts";
import { propertiesAt, walkPublishes } from "./publish.ts";
import { IncomingAliases, withAlias } from "./topic-alias.ts";

interface Plain {
  readonly topic: string;
  readonly text: string;
  readonly properties: Properties;
}

function scanned(packets: Buffer): ScannedRun[] {
  const runs: ScannedRun[] = [];
  const stream = new PacketStream({ onRun: (run) => runs.push(run), onPacket() {} }, 1 << 20);
  stream.version = 5;
  stream.push(packets);
  return runs;
}

function plain(runs: readonly ScannedRun[]): Plain[] {
  const out: Plain[] = [];
  for (const { packets, ids } of runs) {
    walkPublishes(packets, { version: 5, withIds: ids.length > 0 }, (place) => {
      out.push({
        topic: packets.toString("utf8", place.topicAt, place.topicEnd),
        text: packets.toString("utf8", place.payloadAt, place.end),
        properties: propertiesAt(packets, place),
      });
    });
  }
  return out;
}

const properties: fc.Arbitrary<Properties> = fc.record(
  {
    payloadFormat: fc.constantFrom(0, 1),
    messageExpirySeconds: fc.nat(9999),
    contentType: fc.string({ maxLength: 9 }),
    responseTopic: fc.constantFrom("r/1", "r/2"),
    correlationData: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    userProperties: fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

test("topic aliases - whatever is sent by number comes out as it would with its topic", () => {
  const message = fc.record({
    alias: fc.integer({ min: 0, max: 3 }),
    topic: fc.constantFrom("", "a", "b/c", "d".repeat(130)),
    qos: fc.constantFrom(0 as const, 1 as const),
    text: fc.string({ maxLength: 300 }),
    properties,
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
      const aliases = new IncomingAliases(3);
      const known = new Map<number, string>();
      const packets: Buffer[] = [];
      const expected: Plain[] = [];
      for (const { alias, topic, qos, text, properties } of messages) {
        const meant = topic === "" ? known.get(alias) : topic;
        if (meant === undefined) continue;
        if (alias > 0) known.set(alias, meant);
        const all = alias > 0 ? { ...properties, topicAlias: alias } : properties;
        const id = qos === 0 ? {} : { id: packets.length + 1 };
        const payload = Buffer.from(text);
        packets.push(encodePublish(5, { topic, payload, qos, ...id, properties: all }));
        expected.push({ topic: meant, text: payload.toString(), properties });
      }
      const runs = scanned(Buffer.concat(packets)).flatMap((run) => [...aliases.resolve(run)]);
      assert.deepEqual(plain(runs), expected);
    }),
    { numRuns: 300 },
  );
});

test("topic aliases - packets are given a number and keep all the rest", () => {
  const layout = { version: 5, withIds: false } as const;
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), properties, fc.boolean(), (text, given, keeps) => {
      const packet = encodePublish(5, {
        topic: "a/b",
        payload: Buffer.from(text),
        properties: given,
      });
      const [message] = plain(scanned(withAlias(packet, layout, 700, keeps)));
      assert.equal(message?.topic, keeps ? "a/b" : "");
      assert.equal(message.text, Buffer.from(text).toString());
      assert.deepEqual(message.properties, { ...given, topicAlias: 700 });
    }),
    { numRuns: 200 },
  );
});
