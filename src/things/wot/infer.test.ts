import assert from "node:assert/strict";
import { test } from "node:test";
import type { Thing } from "../directory.ts";
import { readingCheck } from "./reading-check.ts";
import { inferredTd } from "./infer.ts";

const thing: Thing = {
  ...{ id: "pump", urn: "urn:uuid:1", title: "Pump", kind: "pump", subscribe: [], properties: {} },
  publish: ["site/3/#"],
  createdAt: "2026-01-01T00:00:00.000Z",
};
const samplesOf = (topic: string, ...payloads: string[]) =>
  payloads.map((payload) => ({ topic: `site/3/${topic}`, payload: Buffer.from(payload) }));

test("inferredTd - a topic is a property, and its schema what all its samples have in common", () => {
  const { properties, title } = inferredTd(thing, [
    ...samplesOf("rpm", "1500", "1499.5"),
    ...samplesOf("starts", "3", "4"),
    ...samplesOf("temperature", '{"value":21,"unit":"Cel"}', '{"value":21.5,"unit":"Cel"}'),
    ...samplesOf("position", '{"lat":1.5,"lon":2}', '{"lat":1,"lon":2,"fix":true}'),
    ...samplesOf("state", "running", '"stopped"'),
    ...samplesOf("odd", "1", '"x"'),
    ...samplesOf("wave", "[1,2.5]", "[]"),
    { topic: "elsewhere/x", payload: Buffer.from("1") },
  ]);
  const readOnly = true;
  assert.equal(title, "Pump");
  assert.deepEqual(properties, {
    odd: { readOnly },
    position: {
      readOnly,
      type: "object",
      properties: { lat: { type: "number" }, lon: { type: "integer" }, fix: { type: "boolean" } },
    },
    rpm: { readOnly, type: "number" },
    starts: { readOnly, type: "integer" },
    state: { readOnly, type: "string" },
    temperature: { readOnly, type: "number", unit: "Cel" },
    wave: { readOnly, type: "array", items: { type: "number" } },
  });
});

test("inferredTd - what it was drafted from is never flagged by it", () => {
  const payloads = [
    "1",
    "2.5",
    '{"value":3,"unit":"K"}',
    '{"a":{"b":[1,"x",null]}}',
    "plain",
    "null",
  ];
  for (const payload of payloads) {
    const td = inferredTd(thing, samplesOf("x", payload));
    const { x } = td["properties"] as Record<string, Record<string, unknown>>;
    assert.equal(readingCheck(x ?? {})(Buffer.from(payload)), undefined, payload);
  }
});
