import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Cursor } from "./cursor.ts";
import { encodePublish } from "./encode.ts";
import { readProperties, type Properties } from "./properties.ts";
import {
  offsetAfter,
  propertiesAt,
  publisherPropertiesProblem,
  repack,
  subscriptionIdProperty,
  walkPublishes,
  type Layout,
} from "./publish.ts";

interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly id: number;
  readonly properties: Properties;
}

const layouts: readonly Layout[] = [
  { version: 4, withIds: false },
  { version: 4, withIds: true },
  { version: 5, withIds: false },
  { version: 5, withIds: true },
];

function encoded({ version, withIds }: Layout, messages: readonly Message[]): Buffer {
  return Buffer.concat(
    messages.map(({ topic, payload, id, properties }) =>
      encodePublish(version, {
        topic,
        payload: Buffer.from(payload),
        properties,
        ...(withIds ? { qos: 1, id } : {}),
      }),
    ),
  );
}

function decoded(packets: Buffer, layout: Layout): Message[] {
  const messages: Message[] = [];
  walkPublishes(packets, layout, (place) => {
    messages.push({
      topic: packets.toString("utf8", place.topicAt, place.topicEnd),
      payload: packets.toString("utf8", place.payloadAt, place.end),
      id: place.idAt === -1 ? 0 : packets.readUInt16BE(place.idAt),
      properties: layout.version === 5 ? propertiesAt(packets, place) : {},
    });
  });
  return messages;
}

// Lengths around the places where a length field grows.
const length = fc.constantFrom(0, 1, 100, 118, 120, 122, 124, 126, 128, 16_370, 16_380, 16_390);
const message = fc.record({
  topic: fc.constantFrom("a", "a/b", `deep/${"x".repeat(120)}`),
  payload: length.map((count) => "p".repeat(count)),
  id: fc.integer({ min: 1, max: 65_535 }),
  properties: fc.constantFrom<Properties>(
    {},
    { contentType: "text" },
    { userProperties: [["k", "v".repeat(125)]] },
  ),
});

test("repack - every layout becomes every other, with and without prefix and additions", () => {
  const forms = fc.record({
    from: fc.constantFrom(...layouts),
    to: fc.constantFrom(...layouts),
    prefix: fc.option(fc.constantFrom("from/peer/", "p".repeat(140)), { nil: undefined }),
    added: fc.option(fc.constantFrom(1, 300, 268_435_455), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), forms, (messages, form) => {
      const { from, to, prefix, added } = form;
      const source = encoded(from, messages);
      let id = 65_000;
      const packets = repack(source, messages.length, {
        from,
        to: to.version,
        flags: to.withIds ? 2 : 0,
        ...(prefix === undefined ? {} : { prefix: Buffer.from(prefix) }),
        ...(added === undefined ? {} : { added: subscriptionIdProperty(added) }),
        ...(to.withIds ? { nextId: () => ++id } : {}),
      });
      const expected = messages.map(({ topic, payload, properties }, i): Message => {
        const own = from.version === 5 ? properties : {};
        const both = added === undefined ? own : { subscriptionId: added, ...own };
        return {
          topic: (prefix ?? "") + topic,
          payload,
          id: to.withIds ? 65_001 + i : 0,
          properties: to.version === 5 ? both : {},
        };
      });
      assert.deepEqual(decoded(packets, to), expected);
      assert.equal(offsetAfter(packets, messages.length), packets.length);
      const before = source.toString("hex");
      packets.fill(0xff);
      assert.equal(source.toString("hex"), before, "a private copy");
    }),
    { numRuns: 500 },
  );
});

test("repack - the flags are the new ones", () => {
  const source = encodePublish(4, { topic: "t", payload: Buffer.from("x"), retain: true });
  const layout: Layout = { version: 4, withIds: false };
  assert.equal(repack(source, 1, { from: layout, to: 4, flags: 0 })[0], 0x30);
  assert.equal(repack(source, 1, { from: layout, to: 5, flags: 1 })[0], 0x31);
});

test("publish - properties that end at this server, or that nobody may send, are named", () => {
  const layout: Layout = { version: 5, withIds: false };
  const problem = (properties: Properties): string | undefined => {
    const packet = encodePublish(5, { topic: "t", payload: Buffer.alloc(0), properties });
    let found: string | undefined;
    walkPublishes(packet, layout, (place) => {
      found = publisherPropertiesProblem(propertiesAt(packet, place));
    });
    return found;
  };
  assert.equal(problem({ userProperties: [["a", "b"]], responseTopic: "a/b" }), undefined);
  assert.match(problem({ subscriptionId: 1 }) ?? "", /subscription/);
  assert.match(problem({ responseTopic: "a/#" }) ?? "", /wildcard/);
  assert.throws(() => problem({ sessionExpirySeconds: 1 }), /does not belong/);
});

test("publish - a subscription identifier is added as the property the standard has", () => {
  const section = Buffer.concat([Buffer.from([3]), subscriptionIdProperty(300)]);
  assert.deepEqual(readProperties(new Cursor(section), "publish"), { subscriptionId: 300 });
});
