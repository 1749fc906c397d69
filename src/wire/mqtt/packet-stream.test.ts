import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeConnect, encodePublish, encodeSubscribe, pingreq } from "./encode.ts";
import { PacketStream } from "./packet-stream.ts";
import { ProtocolError, reason, type ProtocolVersion } from "./protocol.ts";
import { walkPublishes } from "./publish.ts";

interface Seen {
  /** What every packet said, run borders left out. */
  readonly packets: string[];
  /** Messages in each run. */
  readonly runs: number[];
  readonly error: ProtocolError | undefined;
}

function read(chunks: readonly Buffer[], version: ProtocolVersion, packetBytesMax = 1 << 20): Seen {
  const packets: string[] = [];
  const runs: number[] = [];
  const stream = new PacketStream(
    {
      onRun(run) {
        runs.push(run.count);
        const places: string[] = [];
        let payloadBytes = 0;
        walkPublishes(run.packets, { version, withIds: run.ids.length > 0 }, (place) => {
          payloadBytes += place.end - place.payloadAt;
          places.push(run.packets.toString("hex", place.start, place.end));
        });
        assert.equal(places.length, run.count);
        assert.equal(payloadBytes, run.payloadBytes);
        for (const [i, place] of places.entries()) {
          packets.push(`${run.topic.toString("hex")} ${run.ids[i] ?? "-"} ${place}`);
        }
      },
      onPacket(first, body) {
        packets.push(`${first} ${body.toString("hex")}`);
      },
    },
    packetBytesMax,
  );
  stream.version = version;
  try {
    for (const chunk of chunks) stream.push(chunk);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { packets, runs, error };
  }
  return { packets, runs, error: undefined };
}

function scene(version: ProtocolVersion): Buffer {
  const properties = { contentType: "text/plain" };
  const publish = (topic: string, bytes: number, id?: number): Buffer =>
    encodePublish(version, {
      topic,
      payload: Buffer.alloc(bytes, 7),
      ...(id === undefined ? {} : { qos: 1, id }),
      ...(id === 3 ? { properties } : {}),
    });
  return Buffer.concat([
    encodeConnect(version, { clientId: "c", cleanStart: true, keepAliveSeconds: 5 }),
    publish("a/b", 10),
    publish("a/b", 0),
    publish("a/bb", 130),
    publish("a/b", 3, 1),
    publish("a/b", 4, 2),
    publish("a/b", 5, 3),
    pingreq,
    encodeSubscribe(version, 9, [{ filter: "x/#", qos: 1 }]),
    publish("z", 300, 65_535),
  ]);
}

for (const version of [4, 5] as const) {
  test(`packet stream - version ${version}: cut anywhere, the packets are the same`, () => {
    const bytes = scene(version);
    const whole = read([bytes], version);
    assert.equal(whole.error, undefined);
    assert.equal(whole.packets.length, 10);
    assert.deepEqual(whole.runs, [2, 1, 3, 1]);
    for (let cut = 1; cut < bytes.length; cut++) {
      const { packets } = read([bytes.subarray(0, cut), bytes.subarray(cut)], version);
      assert.deepEqual(packets, whole.packets, `cut at ${cut}`);
    }
    const single = read(
      Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
      version,
    );
    assert.deepEqual(single.packets, whole.packets);
  });
}

test("packet stream - random bytes end in a protocol error or in nothing, however they are cut", () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(chunks, fc.constantFrom<ProtocolVersion>(4, 5), (parts, version) => {
      const pieces = parts.map((part) => Buffer.from(part));
      const cut = read(pieces, version, 500);
      const whole = read([Buffer.concat(pieces)], version, 500);
      assert.deepEqual(cut.packets, whole.packets);
      assert.equal(cut.error?.reasonCode, whole.error?.reasonCode);
    }),
    { numRuns: 2000 },
  );
});

test("packet stream - changed bytes in good packets never upset it, however they are cut", () => {
  const bytes = { 4: scene(4), 5: scene(5) };
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(changes, fc.nat(), fc.constantFrom<ProtocolVersion>(4, 5), (list, at, version) => {
      const changed = Buffer.from(bytes[version]);
      for (const [place, value] of list) changed[place % changed.length] = value;
      const cut = 1 + (at % (changed.length - 1));
      const pieces = [changed.subarray(0, cut), changed.subarray(cut)];
      const whole = read([changed], version, 5000);
      assert.deepEqual(read(pieces, version, 5000).packets, whole.packets);
    }),
    { numRuns: 2000 },
  );
});

test("packet stream - what came before a malformed packet in its run still counts", () => {
  const good = encodePublish(5, { topic: "t", payload: Buffer.from("1"), qos: 1, id: 1 });
  const bad = Buffer.from(good);
  bad[7] = 0x7f; // its properties would pass its end
  const { packets, runs, error } = read([Buffer.concat([good, good, bad])], 5);
  assert.equal(packets.length, 2);
  assert.deepEqual(runs, [2]);
  assert.equal(error?.reasonCode, reason.malformedPacket);
});

const refused: readonly (readonly [string, ProtocolVersion, readonly number[], number])[] = [
  ["a remaining length of five bytes", 4, [0x30, 0x80, 0x80, 0x80, 0x80, 0x01], 0x81],
  ["a remaining length longer than needed", 4, [0x30, 0x85, 0x00, 0, 1, 97, 98, 99], 0x81],
  ["a property length longer than needed", 5, [0x30, 0x05, 0, 1, 97, 0x80, 0x00], 0x81],
  ["QoS 3", 4, [0x36, 0x05, 0, 1, 97, 0, 1], 0x81],
  ["DUP with QoS 0", 4, [0x38, 0x03, 0, 1, 97], 0x81],
  ["no room for a topic", 4, [0x30, 0x01, 0], 0x81],
  ["a topic that passes the end", 4, [0x30, 0x03, 0, 9, 97], 0x81],
  ["no packet identifier", 4, [0x32, 0x04, 0, 1, 97, 0], 0x81],
  ["packet identifier 0", 4, [0x32, 0x05, 0, 1, 97, 0, 0], 0x82],
  ["no property length", 5, [0x30, 0x03, 0, 1, 97], 0x81],
  ["properties that pass the end", 5, [0x30, 0x05, 0, 1, 97, 9, 1], 0x81],
  ["packet type 0", 4, [0x00, 0x00], 0x81],
  ["PINGREQ with a flag", 4, [0xc1, 0x00], 0x81],
  ["SUBSCRIBE without its flag", 4, [0x80, 0x00], 0x81],
  ["PUBREL without its flag", 4, [0x60, 0x02, 0, 1], 0x81],
];
for (const [what, version, bytes, code] of refused) {
  test(`packet stream - ${what} is refused`, () => {
    const { packets, error } = read([Buffer.from(bytes)], version);
    assert.deepEqual(packets, []);
    assert.equal(error?.reasonCode, code);
  });
}

test("packet stream - a packet over the limit is refused as soon as its header is here", () => {
  const header = Buffer.from([0x30, 0xe9, 0x07]); // 1001 bytes follow
  assert.equal(read([header], 4, 1000).error?.reasonCode, reason.packetTooLarge);
  assert.equal(read([header], 4, 1001).error, undefined);
  const connect = Buffer.from([0x10, 0xe9, 0x07]);
  assert.equal(read([connect], 4, 1000).error?.reasonCode, reason.packetTooLarge);
});

test("packet stream - a promised megabyte takes no memory before it comes", () => {
  const stream = new PacketStream({ onRun() {}, onPacket() {} }, 1 << 20);
  stream.push(Buffer.from([0x30, 0x80, 0x80, 0x40, 0])); // 1 MiB follows
  assert.equal(stream.heldBytes, 5);
});
