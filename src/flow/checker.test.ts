import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import type { GeoPolygon } from "../kernel/polygon.ts";
import type { Condition, Grant } from "../market/grant.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { propertiesAt } from "../wire/mqtt/publish.ts";
import { Checkers } from "./checker.ts";
import { layout5, Run } from "./run.ts";

const plain: Grant = {
  agreement: "a",
  consumer: "did:c",
  product: "p",
  filters: ["#"],
  billed: true,
};
const secret = new Uint8Array(32);
const square: GeoPolygon = {
  type: "Polygon",
  coordinates: [
    [
      [4, 51],
      [5, 51],
      [5, 52],
      [4, 52],
      [4, 51],
    ],
  ],
};

function runOf(topic: string, ...payloads: (string | Buffer)[]): Run {
  const packets = payloads.map((payload) =>
    encodePublish(5, {
      topic,
      payload: Buffer.from(payload),
      properties: { contentType: "secret" },
    }),
  );
  return new Run({
    topic,
    qos: 0,
    packets: Buffer.concat(packets),
    layout: layout5,
    count: packets.length,
    payloadBytes: payloads.reduce((sum, payload) => sum + Buffer.byteLength(payload), 0),
  });
}

function textsIn(run: Run | undefined): string[] {
  const texts: string[] = [];
  run?.walk((place) => texts.push(run.packets.toString("utf8", place.payloadAt, place.end)));
  return texts;
}

function checked(terms: Partial<Grant>, run: Run, at = 0) {
  const { run: left, withheld } = new Checkers(secret).of({ ...plain, ...terms }).check(run, at);
  const reasons = Object.fromEntries(withheld.map(({ reason, count }) => [reason, count]));
  return { left, texts: textsIn(left), reasons };
}

test("checker - a grant that asks nothing of payloads lets the run itself through", () => {
  const run = runOf("bus/1", "no JSON");
  const when = { all: [{ topic: ["bus/#"] }, { from: 10, until: 20 }] };
  assert.equal(checked({ when, unless: [{ topic: ["bus/2"] }] }, run, 10).left, run);
});

test("checker - topic and log time are refused by name, on both sides of their border", () => {
  const run = runOf("bus/1", "x", "y");
  assert.deepEqual(checked({ filters: ["tram/#"] }, run).reasons, { topic: 2 });
  assert.deepEqual(checked({ when: { topic: ["bus/2"] } }, run).reasons, { topic: 2 });
  const when = { from: 10, until: 20 };
  assert.deepEqual(checked({ when }, run, 9).reasons, { time: 2 });
  assert.deepEqual(checked({ when }, run, 19).reasons, {});
  assert.deepEqual(checked({ when }, run, 20).reasons, { time: 2 });
});

test("checker - a position inside passes as it came, outside or none is withheld", () => {
  const inside = '{ "lat": 51.5, "lon": 4.5 }';
  const run = runOf("t", inside, '{"lat":51.5,"lon":5.1}', "none", '{"lat":51.5}', inside);
  const { left, texts, reasons } = checked({ when: { within: square } }, run);
  assert.deepEqual(texts, [inside, inside]);
  assert.deepEqual(reasons, { place: 3 });
  const properties = runOf("t", inside, inside);
  assert.deepEqual(left?.packets, properties.packets, "what is not reshaped keeps its properties");
});

test("checker - a prohibition withholds where it holds, and where that cannot be known", () => {
  const run = runOf("t", '{"lat":51.5,"lon":4.5}', '{"lat":0,"lon":0}', "none");
  const { texts, reasons } = checked({ unless: [{ within: square }] }, run);
  assert.deepEqual(texts, ['{"lat":0,"lon":0}']);
  assert.deepEqual(reasons, { prohibited: 1, place: 1 });
  assert.deepEqual(checked({ unless: [{ topic: ["t"] }] }, run).reasons, { prohibited: 3 });
});

test("checker - any and one decide without a position where the rest is enough", () => {
  const run = runOf("t", "none");
  const here = { topic: ["t"] };
  const elsewhere = { topic: ["u"] };
  const place = { within: square };
  const reason = (when: Condition): string | undefined =>
    Object.keys(checked({ when }, run).reasons)[0];
  assert.equal(reason({ any: [place, here] }), undefined);
  assert.equal(reason({ any: [place, elsewhere] }), "place");
  assert.equal(reason({ any: [elsewhere, { from: 1 }] }), "condition");
  assert.equal(reason({ one: [here, elsewhere] }), undefined);
  assert.equal(reason({ one: [here, here, place] }), "condition", "two hold, wherever it is");
  assert.equal(reason({ one: [here, place] }), "place");
  assert.equal(reason({ all: [] }), undefined);
  assert.equal(reason({ any: [] }), "condition");
});

test("checker - one of two places holds in either, not in both", () => {
  const west = { ...square, coordinates: [square.coordinates[0]!.map(([x, y]) => [x! - 0.5, y!])] };
  const when = { one: [{ within: square }, { within: west }] };
  const at = (lon: number): string => `{"lat":51.5,"lon":${lon}}`;
  const { texts, reasons } = checked({ when }, runOf("t", at(3.7), at(4.2), at(4.8), at(6)));
  assert.deepEqual(texts, [at(3.7), at(4.8)]);
  assert.deepEqual(reasons, { condition: 2 });
});

test("checker - a reshaped run loses properties, and what cannot be read is withheld", () => {
  const broken = Buffer.from('{"a":"\xff"}', "latin1");
  const others = ["", "7", '"a"', "[1]", "null", "{", '{"a":1}x', '{"a":01}', "{'a':1}"];
  const run = runOf("t", '{"a":1,"b":2}', broken, ...others, '\ufeff{"a":1}', '{"a":3}');
  const { left, reasons } = checked({ shape: { allow: ["a"] } }, run);
  assert.deepEqual(reasons, { field: 11 });
  const expected = ['{"a":1}', '{"a":3}'].map((payload) =>
    encodePublish(5, { topic: "t", payload: Buffer.from(payload) }),
  );
  assert.deepEqual(left?.packets, Buffer.concat(expected));
  assert.deepEqual([left?.count, left?.payloadBytes], [2, 14]);
});

test("checker - CBOR maps and SenML packs are read as JSON objects are, whatever they are called", () => {
  const shape = { allow: ["speed"], round: { speed: 1 } };
  const cbor = Buffer.from(encode({ lat: 51.5, lon: 4.5, speed: 12.34, driver: "A" }));
  const packs = [
    { bn: "bus:", n: "driver", vs: "A" },
    { n: "speed", v: 12.34 },
  ];
  const when: Condition = { within: square };
  const { left, reasons } = checked({ shape }, runOf("t", cbor, JSON.stringify(packs), "[1]"));
  const payloads: Buffer[] = [];
  left?.walk(({ payloadAt, end }) => payloads.push(left.packets.subarray(payloadAt, end)));
  assert.deepEqual(decode(payloads[0]!), { speed: 12 });
  assert.deepEqual(JSON.parse(payloads[1]!.toString()), [{ bn: "bus:", n: "speed", v: 12 }]);
  assert.equal(payloads.length, 2);
  assert.deepEqual(reasons, { field: 1 });
  // By its position alone it passes as it came.
  const placed = checked({ when }, runOf("t", cbor, cbor.subarray(0, -1), JSON.stringify(packs)));
  assert.deepEqual(placed.reasons, { place: 2 });
  assert.ok(placed.left?.packets.includes(cbor));
});

test("checker - of the properties only a known content type stays", () => {
  for (const [contentType, stays] of [
    ["application/cbor", true],
    ["application/json", true],
    ["application/json; driver=A", false],
  ] as const) {
    const payload = Buffer.from(encode({ a: 1, b: 2 }));
    const properties = { contentType, responseTopic: "r" };
    const packets = encodePublish(5, { topic: "t", payload, properties });
    const run = runOf("t", payload).with([packets], layout5, payload.length);
    const { left } = checked({ shape: { drop: ["b"] } }, run);
    left?.walk((place) => {
      const kept = propertiesAt(left.packets, place);
      assert.deepEqual(kept, stays ? { contentType } : {});
    });
    assert.equal(left?.count, 1);
  }
});

test("checker - the place is that of the message as it came, not as it is rounded", () => {
  const shape = { round: { lat: 1, lon: 1 }, drop: ["id"] };
  const run = runOf("t", '{"lat":51.6,"lon":4.6,"id":1}', '{"lat":52.1,"lon":4.4,"id":2}');
  const { texts, reasons } = checked({ when: { within: square }, shape }, run);
  assert.deepEqual(texts, ['{"lat":52,"lon":5}']);
  assert.deepEqual(reasons, { place: 1 });
});

test("checkers - equal content is computed once for all, pseudonyms and moved dates for each agreement", () => {
  const checkers = new Checkers(secret);
  const of = (agreement: string, terms: Partial<Grant>) =>
    checkers.of({ ...plain, ...terms, agreement });
  const fields = { shape: { allow: ["a"] } };
  assert.equal(of("x", fields), of("y", { shape: { allow: ["a"] } }));
  assert.notEqual(of("x", fields), of("x", { shape: { drop: ["a"] } }));
  const hidden = { shape: { pseudonymise: ["id"] } };
  assert.equal(of("x", hidden), of("x", hidden));
  const run = runOf("t", '{"id":7}');
  const names = ["x", "y"].map((agreement) => textsIn(of(agreement, hidden).check(run, 0).run)[0]);
  assert.notEqual(names[0], names[1]);
  const dated = { shape: { shift: { at: 36_525 } } };
  const date = runOf("t", '{"at":"2024-03-01"}');
  const days = ["x", "y"].map((agreement) => textsIn(of(agreement, dated).check(date, 0).run)[0]);
  assert.notEqual(days[0], days[1]);
  assert.equal(of("x", fields).check(run, 0), of("y", fields).check(run, 0));
});
