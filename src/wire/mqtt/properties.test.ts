import assert from "node:assert/strict";
import { test } from "node:test";
import { Cursor, textOf, varintLength, writeVarint } from "./cursor.ts";
import { ProtocolError, reason } from "./protocol.ts";
import {
  encodeProperties,
  prefixed,
  readProperties,
  type Properties,
  type PropertyPlace,
} from "./properties.ts";

function codeOf(bytes: readonly number[], place: PropertyPlace): number {
  try {
    readProperties(new Cursor(Buffer.from(bytes)), place);
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return error.reasonCode;
  }
  return 0;
}

test("properties - every kind comes back as it was, user properties in order and repeated", () => {
  const properties: Properties = {
    payloadFormat: 1,
    messageExpirySeconds: 0xffff_ffff,
    contentType: "text/plain",
    responseTopic: "back/to",
    correlationData: Buffer.from([0, 255]),
    userProperties: [
      ["a", "1"],
      ["b", "ü"],
      ["a", "2"],
    ],
  };
  const encoded = encodeProperties(properties);
  const cursor = new Cursor(encoded);
  assert.deepEqual(readProperties(cursor, "publish"), properties);
  assert.equal(cursor.left, 0);
});

test("properties - each is taken only where the standard's table has it", () => {
  const expiry = [5, 0x11, 0, 0, 0, 9];
  for (const place of ["connect", "connack", "disconnect"] as const) {
    assert.equal(codeOf(expiry, place), 0);
  }
  for (const place of ["publish", "will", "subscribe", "suback", "acknowledgement"] as const) {
    assert.equal(codeOf(expiry, place), reason.protocolError);
  }
  const topicAlias = [3, 0x23, 0, 1];
  assert.equal(codeOf(topicAlias, "publish"), 0);
  assert.equal(codeOf(topicAlias, "will"), reason.protocolError);
});

test("properties - what is unknown, doubled, cut short, 0 or no flag is refused", () => {
  assert.equal(codeOf([2, 0x7e, 0], "publish"), reason.malformedPacket);
  assert.equal(codeOf([4, 0x01, 0, 0x01, 0], "publish"), reason.protocolError);
  assert.equal(codeOf([2, 0x02, 0], "publish"), reason.malformedPacket);
  assert.equal(codeOf([9, 0x01, 0], "publish"), reason.malformedPacket);
  assert.equal(codeOf([2, 0x01, 2], "publish"), reason.protocolError);
  assert.equal(codeOf([2, 0x0b, 0], "subscribe"), reason.protocolError);
  assert.equal(codeOf([3, 0x21, 0, 0], "connect"), reason.protocolError);
  assert.equal(codeOf([5, 0x27, 0, 0, 0, 0], "connect"), reason.protocolError);
});

test("variable byte integers - all lengths come back; longer than needed is refused", () => {
  for (const value of [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]) {
    const bytes = Buffer.alloc(varintLength(value));
    assert.equal(writeVarint(bytes, 0, value), bytes.length);
    assert.equal(new Cursor(bytes).varint(), value);
  }
  for (const bytes of [
    [0x80, 0x00],
    [0xff, 0xff, 0xff, 0xff, 0x01],
    [0x80, 0x80, 0x80, 0x80],
  ]) {
    assert.throws(() => new Cursor(Buffer.from(bytes)).varint(), ProtocolError);
  }
});

test("text - ill-formed UTF-8 and NUL are refused, U+FFFD and a byte order mark are text", () => {
  assert.equal(textOf(Buffer.from("grüße \ufffd \ufeff")), "grüße \ufffd \ufeff");
  for (const bytes of [
    [0xff],
    [0xc0, 0xaf], // overlong
    [0xed, 0xa0, 0x80], // a surrogate
    [0xe2, 0x82], // cut short
    [0x61, 0x00],
  ]) {
    assert.throws(() => textOf(Buffer.from(bytes)), ProtocolError, String(bytes));
  }
  assert.throws(() => prefixed(Buffer.alloc(65_536)), RangeError);
});
