import assert from "node:assert/strict";
import { test } from "node:test";
import { changesBetween, compareVersions, describeChange, levelOf, raised } from "./changes.ts";
import type { Content, Member } from "./document.ts";

const speed: Member = { type: "number", unit: "km/h", minimum: 0, maximum: 600 };

function buses(members: Readonly<Record<string, Member>>, required: string[] = ["id"]): Content {
  const bus = { title: "A bus", source: "https://example.org/bus", required, members };
  return {
    ...{ sector: "transport", title: "Buses", messages: { Bus: bus } },
    indicators: { headway: { title: "Headway", unit: "s", formula: "t2 - t1" } },
    template: { product: {}, terms: {} },
  };
}

const old = buses({ id: { type: "string" }, speed });

function verdict(next: Content): readonly [string | undefined, ...string[]] {
  const changes = changesBetween(old, next);
  return [levelOf(changes), ...changes.map(describeChange)];
}

test("changes - what breaks is told first, and asks for a major version", () => {
  const id: Member = { type: "string" };
  const cases: readonly [Content, string][] = [
    [buses({ id }), "Bus.speed: the member is gone"],
    [buses({ id, speed }, ["id", "speed"]), "Bus.speed: it is required now"],
    [buses({ id, speed: { type: "string" } }), "Bus.speed: a string instead of a number"],
    [buses({ id, speed: { ...speed, unit: "m/s" } }), "Bus.speed: in m/s instead of km/h"],
    [buses({ id, speed: { ...speed, maximum: 300 } }), "Bus.speed: maximum 300 instead of 600"],
    [buses({ id, speed: { ...speed, minimum: 1 } }), "Bus.speed: minimum 1 instead of 0"],
    [
      buses({ id, speed, line: { type: "string" } }, ["id", "line"]),
      "Bus.line: a new member, and required",
    ],
    [{ ...old, messages: {} }, "Bus: the message is gone"],
    [{ ...old, indicators: {} }, "headway: the indicator is gone"],
  ];
  for (const [next, text] of cases) assert.deepEqual(verdict(next), ["major", text]);
});

test("changes - what allows or says more is minor, words alone are a patch", () => {
  const id: Member = { type: "string" };
  assert.deepEqual(verdict(buses({ id, speed: { type: "number", unit: "km/h" } })), [
    "minor",
    "Bus.speed: minimum none instead of 0",
    "Bus.speed: maximum none instead of 600",
  ]);
  assert.deepEqual(verdict(buses({ id, speed, line: id })), ["minor", "Bus.line: a new member"]);
  assert.deepEqual(verdict(buses({ id, speed }, [])), ["minor", "Bus.id: it is required no more"]);
  assert.deepEqual(verdict({ ...old, title: "Coaches" }), ["patch", 'the title is "Coaches"']);
  assert.deepEqual(verdict(structuredClone(old)), [undefined]);
});

test("changes - members named as an object's own are members like any other", () => {
  const hidden = buses(JSON.parse('{"id":{"type":"string"},"__proto__":{"type":"string"}}'));
  assert.deepEqual(changesBetween(buses({ id: { type: "string" } }), hidden).map(describeChange), [
    "Bus.__proto__: a new member",
  ]);
  assert.equal(levelOf(changesBetween(hidden, buses({ id: { type: "string" } }))), "major");
});

test("changes - versions are raised and ordered by their numbers", () => {
  assert.equal(raised("1.9.9", "minor"), "1.10.0");
  assert.equal(raised("1.9.9", "major"), "2.0.0");
  assert.equal(raised("1.9.9", "patch"), "1.9.10");
  assert.ok(compareVersions("1.10.0", "1.9.9") > 0);
  assert.ok(compareVersions("2.0.0", "10.0.0") < 0);
  assert.equal(compareVersions("1.2.3", "1.2.3"), 0);
});
