import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame, Pressed, Row } from "./frame.ts";
import { coloured, paintFor, plain, widthOf } from "./paint.ts";
import { amountShort, duration, figure, heightOf, render, wrap } from "./render.ts";

const row: Row = {
  stream: "carbon-intensity",
  from: "hospital",
  to: "transit",
  agreement: "urn:uuid:8ec1d7c9-2748-4547-b1d0-69711c419066",
  state: "up",
  rate: 4.02,
  latencyMs: 1.54,
  messages: 123_456,
  amount: "12345.678901",
  currency: "CLP",
  sentence: "The factory works ahead in the grid's clean hours.",
  told: "How unusual a machine behaves: 1.4 (pump-2).",
  value: 1234.56,
  unit: "kW less error",
};
const frame: Frame = {
  seconds: 3723,
  nodes: ["transit", "farm", "grid", "hospital", "factory"].map((name, index) => ({
    name,
    country: "NL",
    running: index !== 1,
    url: "http://127.0.0.1:8080",
  })),
  rows: [row, { ...row, state: "down" }, { ...row, state: "ended", latencyMs: undefined }],
  totals: [{ currency: "EUR", amount: "1.25" }],
  ticker: [{ at: 0, text: "first thing that happened ".repeat(9) }],
};
const pressed: Pressed = {
  chosen: 0,
  busy: undefined,
  notice: [`Resumed: 0 lost, 0 twice ${"and so on ".repeat(20)}`],
  paste: [`mosquitto_sub ${"x".repeat(100)}`],
};

test("render - fits 80 columns, save for the lines to copy", () => {
  for (const paint of [plain, coloured]) {
    const lines = render(frame, pressed, { columns: 80, rows: 40 }, paint);
    for (const line of lines.filter((text) => !text.includes("mosquitto_sub"))) {
      assert.ok(widthOf(line) <= 80, `${widthOf(line)}: ${line}`);
    }
    assert.ok(
      lines.some((line) => line.includes(pressed.paste[0]!)),
      "copied whole",
    );
  }
});

test("render - shows state, rate, latency, amount and effect of every stream", () => {
  const text = render(frame, pressed, { columns: 80, rows: 40 }, plain).join("\n");
  for (const part of [
    "hospital → transit",
    "4.0",
    "1.5",
    "12345 CLP",
    "1,235 kW",
    "down",
    "ended",
  ]) {
    assert.ok(text.includes(part), part);
  }
  assert.ok(
    text.includes(row.sentence) &&
      text.includes(row.told) &&
      text.includes("1:02:03") &&
      text.includes("1.25 EUR"),
  );
});

test("render - shows the agreement and the messages where there is room", () => {
  const narrow = render(frame, pressed, { columns: 80, rows: 40 }, plain).join("\n");
  const wide = render(frame, pressed, { columns: 130, rows: 40 }, plain);
  assert.ok(!narrow.includes("MESSAGES"));
  assert.ok(wide.join("\n").includes("MESSAGES"));
  assert.ok(wide.some((line) => line.includes("123,456") && line.includes("8ec1d7c9")));
  for (const line of wide) assert.ok(widthOf(line) <= 130 || line.includes("mosquitto"), line);
});

test("render - the ticker takes the rows that are left, and none where none are", () => {
  const lines = render(frame, pressed, { columns: 80, rows: 40 }, plain);
  assert.ok(lines.some((line) => line.startsWith("00:00:00 first thing")));
  const low = render(frame, pressed, { columns: 80, rows: 20 }, plain);
  assert.ok(!low.some((line) => line.startsWith("00:00:00")));
  assert.equal(heightOf(["a", "b".repeat(161), ""], 80), 5);
});

test("render - has no colours where they are not wanted", () => {
  const lines = render(frame, pressed, { columns: 80, rows: 40 }, plain).join("");
  assert.ok(!lines.includes("\u001B"));
  assert.equal(paintFor(false, {}), plain);
  assert.equal(paintFor(true, { NO_COLOR: "1" }), plain);
  assert.equal(paintFor(true, { TERM: "dumb" }), plain);
  assert.equal(paintFor(true, { NO_COLOR: "" }), coloured);
});

test("render - numbers are short and never wrong in their whole part", () => {
  assert.deepEqual(
    ["0.002", "12345.678901", "123456789.5"].map((amount) => amountShort(amount, 7)),
    ["0.002", "12345.6", "123456789"],
  );
  assert.deepEqual([figure(0.04), figure(99.94), figure(1234.5)], ["0.0", "99.9", "1,235"]);
  assert.deepEqual([duration(5), duration(65)], ["0:05", "1:05"]);
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
});
