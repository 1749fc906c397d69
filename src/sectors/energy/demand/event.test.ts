import assert from "node:assert/strict";
import { test } from "node:test";
import { eventIn } from "./event.ts";

const now = Date.UTC(2026, 10, 23, 12);
const hour = 3_600_000;
const limitOf = (kW: number) => [{ type: "IMPORT_CAPACITY_LIMIT", values: [kW] }];
const event = {
  id: "e-1",
  createdDateTime: "2026-11-23T11:00:00Z",
  modificationDateTime: "2026-11-23T11:30:00Z",
  objectType: "EVENT",
  programID: "evening-peak",
  eventName: "peak",
  targets: [{ type: "RESOURCE_NAME", values: ["cp-1"] }],
  payloadDescriptors: [
    { objectType: "EVENT_PAYLOAD_DESCRIPTOR", payloadType: "IMPORT_CAPACITY_LIMIT", units: "KW" },
  ],
  intervalPeriod: { start: "2026-11-23T17:00:00Z", duration: "PT1H" },
  intervals: [
    { id: 0, payloads: limitOf(30) },
    { id: 1, payloads: [{ type: "SIMPLE", values: [2] }] },
    { id: 2, intervalPeriod: { start: "2026-11-23T20:00:00Z" }, payloads: limitOf(0) },
  ],
};

const read = (message: unknown) => eventIn(Buffer.from(JSON.stringify(message)), now);
const problemOf = (message: unknown): string => {
  const answer = read(message);
  return "fault" in answer ? answer.fault.text : assert.fail("it was taken");
};

test("demand events - intervals follow one another, or stand where they say", () => {
  const start = Date.UTC(2026, 10, 23, 17);
  assert.deepEqual(read(event), {
    event: {
      ...{ id: "e-1", programID: "evening-peak", eventName: "peak", isCancelled: false },
      modifiedAt: Date.UTC(2026, 10, 23, 11, 30),
      targets: [{ type: "RESOURCE_NAME", values: ["cp-1"] }],
      intervals: [
        { from: start, until: start + hour, limitKw: 30 },
        { from: start + hour, until: start + 2 * hour, level: 2 },
        { from: start + 3 * hour, until: start + 4 * hour, limitKw: 0 },
      ],
    },
  });
});

test("demand events - a notification of its end calls it off", () => {
  const answer = read({ objectType: "EVENT", operation: "DELETE", object: event });
  assert.ok("event" in answer && answer.event.isCancelled && answer.event.intervals.length === 0);
  const changed = read({ objectType: "EVENT", operation: "PUT", object: event });
  assert.ok("event" in changed && !changed.event.isCancelled);
});

test("demand events - what cannot be followed says why", () => {
  assert.equal(problemOf([]), "it is no JSON object");
  assert.equal(problemOf({ ...event, objectType: "PROGRAM" }), "its objectType is not EVENT");
  assert.equal(problemOf({ ...event, id: "" }), "it has no id");
  assert.equal(problemOf({ ...event, programID: 5 }), "e-1 names no programID");
  assert.match(problemOf({ ...event, modificationDateTime: "soon" }), /is no time/);
  assert.match(problemOf({ ...event, intervals: [] }), /no intervals/);
  const many = Array.from({ length: 289 }, () => event.intervals[0]);
  assert.match(problemOf({ ...event, intervals: many }), /more than 288/);
  assert.match(problemOf({ ...event, intervalPeriod: { duration: "PT1H" } }), /no start/);
  const { start } = event.intervalPeriod;
  for (const duration of ["P1M", "P9999Y", "PT0S", 5]) {
    assert.match(problemOf({ ...event, intervalPeriod: { start, duration } }), /no duration/);
  }
  assert.match(problemOf({ ...event, intervalPeriod: { start, duration: "P8D" } }), /longer/);
  const later = { start: "2027-11-23T17:00:00Z", duration: "PT1H" };
  assert.match(problemOf({ ...event, intervalPeriod: later }), /31 days/);
  const withPayload = (payload: object) => ({
    ...event,
    intervals: [{ id: 0, payloads: [payload] }],
  });
  const limit = "IMPORT_CAPACITY_LIMIT";
  assert.match(problemOf(withPayload({ type: limit, values: [-1] })), /a limit is -1/);
  assert.match(problemOf(withPayload({ type: limit, values: ["5"] })), /a limit is "5"/);
  assert.match(problemOf(withPayload({ type: "SIMPLE", values: [4] })), /a level is 4/);
  assert.match(problemOf(withPayload({ type: "PRICE", values: [0.2] })), /neither/);
  const inAmperes = [{ payloadType: limit, units: "AMPS" }];
  assert.match(problemOf({ ...event, payloadDescriptors: inAmperes }), /in AMPS, not in KW/);
});
