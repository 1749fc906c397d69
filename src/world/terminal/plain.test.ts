import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "./frame.ts";
import { effectLines, plainLine } from "./plain.ts";

const frame: Frame = {
  seconds: 65,
  nodes: [
    { name: "grid", country: "CL", running: true, url: "" },
    { name: "farm", country: "KE", running: false, url: "" },
  ],
  rows: [
    {
      stream: "solar-now",
      from: "grid",
      to: "farm",
      agreement: "urn:uuid:1",
      state: "up",
      rate: 4,
      latencyMs: 2,
      messages: 1234,
      amount: "1234",
      currency: "CLP",
      sentence: "The farm waits for sun.",
      told: "",
      value: 12.34,
      unit: "kWh shifted",
    },
  ],
  totals: [{ currency: "CLP", amount: "1234" }],
  ticker: [],
};

test("plain - one line says what runs, how fast, and what it earned", () => {
  const line = "1:05  1/2 nodes  1/1 streams  4.0 msg/s  1,234 messages  1234 CLP";
  assert.equal(plainLine(frame), line);
});

test("plain - every stream has its sentence and its effect", () => {
  assert.deepEqual(effectLines(frame), [
    "solar-now (grid → farm): 1,234 messages, 1234 CLP. The farm waits for sun. 12.3 kWh shifted.",
  ]);
});
