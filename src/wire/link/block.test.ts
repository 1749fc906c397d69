import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import * as fc from "fast-check";
import { encodePublish } from "../mqtt/encode.ts";
import { PacketStream, type ScannedRun } from "../mqtt/packet-stream.ts";
import { walkPublishes } from "../mqtt/publish.ts";
import {
  type BlockEncoding,
  blockBytesMax,
  blockEncodings,
  BlockReader,
  blockTopic,
  chosenEncoding,
  decodeBlock,
  encodeBlocks,
} from "./block.ts";

const agreement = "urn:uuid:a";

/** What a link makes of the bytes: packets, and blocks of them. */
function read(pieces: readonly Buffer[]): { topic: string; payload: Buffer }[] {
  const out: { topic: string; payload: Buffer }[] = [];
  const take = (run: ScannedRun): void => {
    const topic = run.topic.toString("utf8");
    walkPublishes(run.packets, { version: 5, withIds: false }, (place) => {
      const payload = run.packets.subarray(place.payloadAt, place.end);
      if (topic === blockTopic(agreement)) reader.push(payload);
      else out.push({ topic, payload });
    });
  };
  const reader = new BlockReader(take, 2 ** 24);
  const stream = new PacketStream({ onRun: take, onPacket: () => assert.fail() }, 2 ** 24);
  stream.version = 5;
  for (const piece of pieces) stream.push(piece);
  return out;
}

test("block - packets come back as they were, in order, compressed or not", () => {
  const message = fc.record({
    topic: fc.constantFrom("a/b", "bus/1/position"),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      fc.integer({ min: 0, max: 400_000 }).map((n) => new Uint8Array(n).fill(97)),
    ),
  });
  const encoding = fc.constantFrom<BlockEncoding>(...blockEncodings);
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 20 }), encoding, (messages, how) => {
      const packets = Buffer.concat(messages.map((one) => encodePublish(5, one)));
      const pieces = encodeBlocks(agreement, how, packets);
      const expected = messages.map(({ topic, payload }) => {
        return { topic, payload: Buffer.from(payload) };
      });
      assert.deepEqual(read(pieces), expected);
      assert.ok(pieces.reduce((sum, { length }) => sum + length, 0) <= packets.length + 400);
    }),
    { numRuns: 60 },
  );
});

test("block - what does not become shorter goes as it is", () => {
  const tiny = encodePublish(5, { topic: "a", payload: Buffer.from("aaaa") });
  assert.deepEqual(encodeBlocks(agreement, "deflate", tiny), [tiny]);
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 * (i + 13)) % 251));
  const packet = encodePublish(5, { topic: "a", payload: zlib.deflateRawSync(noise) });
  assert.deepEqual(encodeBlocks(agreement, "deflate", packet), [packet]);
});

test("block - the provider's best of what the consumer takes is chosen", () => {
  assert.equal(chosenEncoding("br, deflate"), "deflate");
  assert.equal(chosenEncoding("deflate,zstd"), blockEncodings[0]);
  assert.equal(chosenEncoding("br"), undefined);
  assert.equal(chosenEncoding(undefined), undefined);
});

function block(code: number, declared: number, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = code;
  head.writeUInt32BE(declared, 1);
  return Buffer.concat([head, content]);
}

test("block - a bomb, a lie about the length and what is no block are refused by name", () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const bomb = zlib.deflateRawSync(zeros);
  assert.throws(() => decodeBlock(block(2, zeros.length, bomb)), /at most 262144 are taken/);
  assert.throws(() => decodeBlock(block(2, 4096, bomb)), /does not unpack to 4096 bytes/);
  const short = zlib.deflateRawSync(Buffer.alloc(100));
  assert.throws(() => decodeBlock(block(2, 4096, short)), /says 4096 bytes and holds 100/);
  assert.throws(() => decodeBlock(block(0, blockBytesMax, Buffer.alloc(7))), /holds 7/);
  assert.throws(() => decodeBlock(block(9, 10, Buffer.alloc(10))), /nobody asked for/);
  assert.throws(() => decodeBlock(block(2, 0, short)), /a block of 0 bytes/);
  assert.throws(() => decodeBlock(Buffer.alloc(3)), /without content/);
  if (blockEncodings.includes("zstd")) {
    const packed = zlib.zstdCompressSync(zeros);
    assert.throws(() => decodeBlock(block(1, 4096, packed)), /does not unpack to 4096 bytes/);
  }
});

test("block - no other packet than PUBLISH stands in one", () => {
  const reader = new BlockReader(() => assert.fail(), 1024);
  const pingreq = Buffer.from([0xc0, 0]);
  assert.throws(() => reader.push(block(0, 2, pingreq)), /packet type 12 in a block/);
});
