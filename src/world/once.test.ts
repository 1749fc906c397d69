import assert from "node:assert/strict";
import { test } from "node:test";
import type { UsageResource } from "../client/resources.ts";
import { openPoints } from "./once.ts";

const usage = (messages: number, receipted?: number): UsageResource => ({
  agreement: "urn:uuid:1",
  role: "provider",
  product: "p",
  title: "P",
  evidence: "two-sided",
  messages,
  bytes: 0,
  amount: "0",
  currency: "EUR",
  ...(receipted !== undefined && { receipted: { seq: 1, messages: receipted } }),
});

test("once - nothing is open where both sides count alike and have signed for all", () => {
  assert.deepEqual(openPoints({ provider: usage(7, 7), consumer: usage(7, 7) }), []);
});

test("once - names what is open: no delivery, other counts, unsigned messages on either side", () => {
  assert.deepEqual(openPoints({ provider: usage(0, 0), consumer: undefined }), [
    "nothing was delivered",
  ]);
  assert.deepEqual(openPoints({ provider: usage(8, 8), consumer: usage(7, 7) }), [
    "the provider counts 8, the consumer 7",
  ]);
  assert.deepEqual(openPoints({ provider: usage(9, 4), consumer: usage(9) }), [
    "the provider has receipts for 4 of 9",
    "the consumer has receipts for 0 of 9",
  ]);
});
