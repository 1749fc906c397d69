import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grant, Rate } from "../market/grant.ts";
import { Checkers } from "./checker.ts";
import { Passage } from "./passage.ts";
import { Run } from "./run.ts";

function passageOf(rate: Rate, terms: Partial<Grant> = {}): Passage {
  const grant = { agreement: "a", consumer: "did:c", product: "p", filters: ["#"], billed: true };
  return new Passage(new Checkers(new Uint8Array(32)).of({ ...grant, ...terms }), rate);
}

function passed(passage: Passage, topic: string, at: number, payload = "x"): number {
  return passage.pass(Run.of(topic, Buffer.from(payload)), at).run?.count ?? 0;
}

test("passage - a topic has its messages in each window of log time, and no more", () => {
  const passage = passageOf({ messages: 2, seconds: 10, per: "topic" });
  const count = (at: number, topic = "t"): number => passed(passage, topic, at);
  assert.deepEqual([count(10_000), count(15_000), count(19_999)], [1, 1, 0]);
  assert.equal(count(19_999, "u"), 1, "another topic has its own");
  assert.deepEqual([count(20_000), count(29_999), count(29_999)], [1, 1, 0]);
});

test("passage - a stream's rate is shared by its topics", () => {
  const passage = passageOf({ messages: 2, seconds: 1, per: "stream" });
  assert.deepEqual(
    ["t", "u", "v"].map((topic) => passed(passage, topic, 500)),
    [1, 1, 0],
  );
});

test("passage - what is withheld for its content takes nothing of the rate", () => {
  const shape = { allow: ["a"] };
  const passage = passageOf({ messages: 1, seconds: 1, per: "stream" }, { shape });
  assert.equal(passed(passage, "t", 0, "unreadable"), 0);
  assert.equal(passed(passage, "t", 0, '{"a":1}'), 1);
});

test("passage - topics that no memory holds are withheld, those known go on", () => {
  const passage = passageOf({ messages: 2, seconds: 1, per: "topic" });
  for (let i = 0; i < 65_536; i++) passed(passage, `t${i}`, 0);
  assert.equal(passed(passage, "one more", 0), 0);
  assert.equal(passed(passage, "t0", 0), 1);
  assert.equal(passed(passage, "one more", 1000), 1, "the next window has room again");
});

test("passage - a run is cut where the rate falls and the rest counted", () => {
  const passage = passageOf({ messages: 2, seconds: 1, per: "topic" });
  const one = Run.of("t", Buffer.from("abc"));
  const run = one.with([one.packets, one.packets, one.packets], one.layout, 9);
  const { run: left, withheld } = passage.pass(run, 0);
  assert.deepEqual([left?.count, left?.payloadBytes], [2, 6]);
  assert.deepEqual(withheld, [{ reason: "rate", count: 1 }]);
});

test("passage - a clock set back begins a window, also by messages that are withheld", () => {
  const passage = passageOf({ messages: 1, seconds: 1, per: "stream" }, { filters: ["t"] });
  assert.deepEqual([passed(passage, "t", 1000), passed(passage, "t", 1500)], [1, 0]);
  assert.equal(passed(passage, "withheld", 2000), 0);
  assert.equal(passed(passage, "t", 1600), 1);
});
