import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogLine } from "../client/resources.ts";
import { compareLogs } from "./log-compare.ts";

const line = (position: number, seq: number, topic = "a"): LogLine => ({
  position,
  at: 0,
  topic,
  payload: JSON.stringify({ seq, time: "t" }),
});
const whole = [line(4, 1), line(5, 1, "b"), line(6, 2), line(7, 2, "b"), line(8, 3)];

test("log compare - the same stream on both sides is neither short nor doubled", () => {
  assert.deepEqual(compareLogs(whole, whole), { compared: 5, lost: 0, twice: 0 });
  // The consumer's log may begin later and end earlier.
  assert.deepEqual(compareLogs(whole, whole.slice(1, 4)), { compared: 3, lost: 0, twice: 0 });
});

test("log compare - a position the consumer lacks is lost", () => {
  const { lost, twice } = compareLogs(whole, [...whole.slice(0, 1), ...whole.slice(3)]);
  assert.ok(lost >= 2);
  assert.equal(twice, 0);
});

test("log compare - a message the provider never logged shows in the devices' own numbers", () => {
  const gap = [line(1, 1), line(2, 4)];
  assert.deepEqual(compareLogs(gap, gap), { compared: 2, lost: 2, twice: 0 });
});

test("log compare - a message under two positions is there twice, a restarted device is not", () => {
  const doubled = [line(1, 1), line(2, 2), line(3, 2)];
  assert.equal(compareLogs(doubled, doubled).twice, 1);
  const restarted = [line(1, 7), { ...line(2, 1), payload: '{"seq":1,"time":"later"}' }];
  assert.deepEqual(compareLogs(restarted, restarted), { compared: 2, lost: 0, twice: 0 });
});

test("log compare - payloads without numbers are compared by position alone", () => {
  const plain = [1, 2, 3].map((position) => ({ position, at: 0, topic: "x", payload: "21.5" }));
  assert.deepEqual(compareLogs(plain, plain), { compared: 3, lost: 0, twice: 0 });
  assert.equal(compareLogs(plain, [plain[0]!, plain[2]!]).lost, 1);
});
