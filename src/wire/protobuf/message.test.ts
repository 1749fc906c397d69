import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { decode, encode, optional, ProtobufError, repeated, required } from "./message.ts";
import { type Table, table } from "./message.ts";

interface Node {
  readonly name: string;
  readonly size?: bigint;
  readonly signed?: bigint;
  readonly color?: string;
  readonly ratio?: number;
  readonly exact?: number;
  readonly on?: boolean;
  readonly raw?: Uint8Array;
  readonly marks: readonly number[];
  readonly below: readonly Node[];
  readonly one?: Node;
}

const node: Table<Node> = table<Node>("Node", {
  name: required(1, "string"),
  size: optional(2, "uint64"),
  signed: optional(3, "int64"),
  color: optional(4, { 0: "RED", 7: "BLUE" }),
  ratio: optional(5, "float"),
  exact: optional(6, "double"),
  on: optional(7, "bool"),
  raw: optional(8, "bytes"),
  marks: repeated(9, "int32"),
  below: repeated(10, () => node),
  one: optional(11, () => node),
});

const plainNode = fc.record(
  {
    name: fc.string(),
    size: fc.bigInt(0n, 2n ** 64n - 1n),
    signed: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    color: fc.constantFrom("RED", "BLUE"),
    exact: fc.double({ noNaN: true }),
    on: fc.boolean(),
    raw: fc.uint8Array(),
    marks: fc.array(fc.integer()),
    below: fc.constant([]),
  },
  { requiredKeys: ["name", "marks", "below"], noNullPrototype: true },
);

test("protobuf - what was encoded decodes to the same, 64 bits exactly", () => {
  fc.assert(
    fc.property(plainNode, fc.array(plainNode, { maxLength: 3 }), (top, below) => {
      const message = { ...top, below, one: { ...top, below } };
      assert.deepEqual(decode(node, encode(node, message)), message);
    }),
  );
});

test("protobuf - whatever the bytes, a message or a ProtobufError, and never more", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decode(node, bytes);
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("protobuf - a message that is cut anywhere is refused or is the message as far as it went", () => {
  const message: Node = {
    name: "n",
    size: 1n,
    marks: [1, 2],
    below: [{ name: "b", marks: [], below: [] }],
  };
  const bytes = encode(node, message);
  const verdicts = Array.from(bytes, (_byte, cut) => {
    try {
      return decode(node, bytes.subarray(0, cut)).name;
    } catch (error) {
      assert.ok(error instanceof ProtobufError);
      return "refused";
    }
  });
  assert.ok(verdicts.filter((verdict) => verdict === "refused").length > 5);
  assert.ok(verdicts.every((verdict) => verdict === "refused" || verdict === "n"));
});

test("protobuf - a float is the shortest decimal that is the same float", () => {
  const bytes = encode(node, { name: "", ratio: 40.7872, marks: [], below: [] });
  assert.equal(decode(node, bytes).ratio, 40.7872);
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (ratio) => {
      const read = decode(node, encode(node, { name: "", ratio, marks: [], below: [] })).ratio;
      assert.ok(Object.is(Math.fround(read!), ratio), `${read} for ${ratio}`);
    }),
  );
});

test("protobuf - fields that are unknown, or of another wire type, are skipped", () => {
  const writer = new BinaryWriter();
  writer.tag(1999, WireType.LengthDelimited).string("an extension");
  writer.tag(2, WireType.LengthDelimited).string("no number");
  writer.tag(4, WireType.Varint).int32(3); // a value the enum does not name
  writer.tag(1, WireType.LengthDelimited).string("known");
  assert.deepEqual(decode(node, writer.finish()), { name: "known", marks: [], below: [] });
});

test("protobuf - packed numbers, and a message in two parts, are read as their sum", () => {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string("top");
  writer.tag(9, WireType.LengthDelimited).fork().int32(5).int32(-6).join();
  writer.tag(9, WireType.Varint).int32(7);
  writer.tag(11, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string("one");
  writer.join();
  writer.tag(11, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string("two");
  writer.tag(7, WireType.Varint).bool(true).join();
  const { marks, one } = decode(node, writer.finish());
  assert.deepEqual(marks, [5, -6, 7]);
  assert.deepEqual(one, { name: "two", on: true, marks: [], below: [] });
});

test("protobuf - depth, number of messages, lengths past the end and missing members have names", () => {
  let deep: Node = { name: "x", marks: [], below: [] };
  for (let i = 0; i < 40; i++) deep = { name: "x", marks: [], below: [], one: deep };
  assert.throws(() => decode(node, encode(node, deep)), /nested deeper than 32/);
  const wide = encode(node, { ...deep, one: { ...deep, one: undefined as never } });
  const limits = { depthMax: 32, messagesMax: 1 };
  assert.throws(() => decode(node, wide, limits), /more than 1 messages/);
  assert.throws(() => decode(node, Uint8Array.of(0x0a, 0x7f, 0x41)), ProtobufError);
  assert.throws(() => decode(node, Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0x7f)), /past the end/);
  assert.throws(() => decode(node, new Uint8Array()), /Node has no name/);
  assert.throws(
    () => encode(node, { marks: [], below: [] } as unknown as Node),
    /Node has no name/,
  );
  const color = { name: "", color: "GREEN", marks: [], below: [] };
  assert.throws(() => encode(node, color), /no value GREEN/);
});
