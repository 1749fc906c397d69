import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Cursor } from "../mqtt/cursor.ts";
import { encodeProperties, readProperties } from "../mqtt/properties.ts";
import {
  agreementOfLinkTopic,
  claimOf,
  claimProperties,
  decodeControl,
  encodeControl,
  linkTopic,
} from "./control.ts";

const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const epoch = fc.string({ maxLength: 64 }).filter((one) => !one.includes("\0"));
const checkpoint = fc.record(
  { epoch, position: count, messages: count, payloadBytes: count },
  { noNullPrototype: true },
);

test("link control - checkpoints, acknowledgements and ends come back as they were", () => {
  fc.assert(
    fc.property(checkpoint, fc.integer({ min: 1, max: 2 ** 45 }), (fields, at) => {
      const said = { t: "checkpoint", at, ...fields } as const;
      assert.deepEqual(decodeControl(encodeControl(said)), said);
      const ack = { t: "ack", ...fields } as const;
      assert.deepEqual(decodeControl(encodeControl(ack)), ack);
    }),
  );
  for (const reason of ["revoked", "expired", "cap"] as const) {
    assert.deepEqual(decodeControl(encodeControl({ t: "end", reason })), { t: "end", reason });
  }
});

test("link control - a claim comes back from the properties of a SUBSCRIBE packet", () => {
  fc.assert(
    fc.property(checkpoint, (claim) => {
      const cursor = new Cursor(encodeProperties(claimProperties(claim)));
      assert.deepEqual(claimOf(readProperties(cursor, "subscribe")), claim);
    }),
  );
  assert.equal(claimOf({}), undefined);
  assert.equal(claimOf({ userProperties: [["epoch", "e"]] }), undefined);
});

test("link control - anything else is no control message", () => {
  const ack = { t: "ack", epoch: "e", position: 1, messages: 1, payloadBytes: 1 };
  for (const value of [
    null,
    [],
    "ack",
    { ...ack, t: "more" },
    { ...ack, epoch: 7 },
    { ...ack, epoch: "e".repeat(65) },
    { ...ack, position: -1 },
    { ...ack, messages: 1.5 },
    { ...ack, payloadBytes: 2 ** 53 },
    { ...ack, messages: "1" },
    { t: "end", reason: "bored" },
  ]) {
    assert.equal(decodeControl(Buffer.from(JSON.stringify(value))), undefined);
  }
  assert.equal(decodeControl(Buffer.from("{")), undefined);
  assert.equal(decodeControl(Buffer.alloc(0)), undefined);
});

test("link control - the link's topic names its agreement", () => {
  assert.equal(agreementOfLinkTopic(linkTopic("urn:uuid:7")), "urn:uuid:7");
  assert.equal(agreementOfLinkTopic("links/urn:uuid:7"), undefined);
});
