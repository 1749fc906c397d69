import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as say from "../../console/src/format.ts";
import { curve, petal, widthOf } from "../../console/src/map/curve.ts";
import { boxOf, fitLabels, placeLabels } from "../../console/src/map/labels.ts";
import { EDGE_LON, HEIGHT, project, unproject } from "../../console/src/map/projection.ts";
import { nightRing, subsolar } from "../../console/src/map/sun.ts";
import { sectorOf } from "../../console/src/sector.ts";
import { serverEvents } from "../../console/src/sse.ts";

const degrees = (min: number, max: number): fc.Arbitrary<number> =>
  fc.double({ min, max, noNaN: true });

test("projection - a place comes back from the plane where it was", () => {
  fc.assert(
    fc.property(degrees(-89.5, 89.5), degrees(EDGE_LON + 0.01, EDGE_LON + 359.99), (lat, lon) => {
      const back = unproject(project({ lat, lon }));
      assert.ok(Math.abs(back.lat - lat) < 1e-6, `lat ${lat} came back as ${back.lat}`);
      assert.ok(Math.abs(back.lon - lon) < 1e-6, `lon ${lon} came back as ${back.lon}`);
    }),
  );
});

test("projection - equal areas on the globe are equal areas on the map", () => {
  // Area of a thin strip between two meridians, over the sphere's own: the same at any latitude.
  const ratio = (lat: number): number => {
    const [low, high] = [project({ lat, lon: 11.6 }), project({ lat: lat + 0.01, lon: 11.6 })];
    const wide = project({ lat: lat + 0.005, lon: 12.6 }).x - 0.5;
    const strip = Math.sin(((lat + 0.01) * Math.PI) / 180) - Math.sin((lat * Math.PI) / 180);
    return (wide * (low.y - high.y)) / strip;
  };
  for (const lat of [-60, -23, 0, 36, 52, 75]) {
    assert.ok(Math.abs(ratio(lat) / ratio(10) - 1) < 1e-4, `at ${lat}°`);
  }
});

test("projection - the whole world is one unit wide, and Alaska lies at its western edge", () => {
  assert.ok(Math.abs(project({ lat: 0, lon: EDGE_LON }).x) < 1e-9);
  assert.ok(project({ lat: 65, lon: -168 }).x < 0.3);
  assert.ok(project({ lat: 66, lon: -170 }).x > 0.7, "Chukotka belongs to the east");
  assert.ok(Math.abs(0.5 - project({ lat: 90, lon: 0 }).y - HEIGHT / 2) < 1e-9);
});

test("curve - there and back never lie on each other, and each ends where it should", () => {
  const [a, b] = [
    { x: 0.1, y: 0.6 },
    { x: 0.8, y: 0.3 },
  ];
  const [there, back, second] = [curve(a, b, 0), curve(b, a, 0), curve(a, b, 1)];
  assert.deepEqual([there[0], there.at(-1)], [a, b]);
  const middle = (spots: typeof there): number => spots[24]?.y ?? 0;
  assert.ok(middle(there) < 0.45 && middle(back) > 0.45, "to the left of its travel");
  assert.ok(middle(second) < middle(there), "a second one bows further");
});

test("arc width - grows with the rate, within bounds, whatever the rate", () => {
  assert.ok(widthOf(0) < widthOf(1) && widthOf(1) < widthOf(100));
  assert.equal(widthOf(Number.NaN), widthOf(0));
  assert.equal(widthOf(1e12), 9);
});

test("petals - Things round a node do not cover one another", () => {
  const petals = Array.from({ length: 14 }, (_, i) => petal(i));
  petals.forEach((a, i) =>
    petals.slice(i + 1).forEach((b) => assert.ok(Math.hypot(a.x - b.x, a.y - b.y) > 7)),
  );
});

test("labels - two near nodes get their names on sides where neither covers the other", () => {
  const labels = [
    { x: 300, y: 200, width: 120, height: 30 },
    { x: 340, y: 215, width: 120, height: 30 },
  ];
  const sides = placeLabels(labels, { left: 0, top: 0, right: 420, bottom: 400 });
  const [first, second] = labels.map((label, i) => boxOf(label, sides[i] ?? "right"));
  assert.ok(first && second);
  assert.deepEqual(fitLabels([second], [first]), [true], sides.join(", "));
});

test("night - at the March equinox of 2026 the sun stands over the equator", () => {
  assert.ok(Math.abs(subsolar(Date.UTC(2026, 2, 20, 14, 46)).lat) < 0.05);
});

test("night - in the June solstice's noon at Greenwich the sun stands over the tropic", () => {
  const { lat, lon } = subsolar(Date.UTC(2026, 5, 21, 12));
  assert.ok(Math.abs(lat - 23.44) < 0.05, String(lat));
  assert.ok(Math.abs(lon) < 1, String(lon));
});

test("night - the ring closes over the dark pole", () => {
  assert.ok(nightRing(Date.UTC(2026, 5, 21)).some(({ lat }) => lat === -90));
  assert.ok(nightRing(Date.UTC(2026, 11, 21)).some(({ lat }) => lat === 90));
});

test("format - numbers have units and no false precision", () => {
  assert.equal(say.rate(0), "0 msg/s");
  assert.equal(say.rate(0.05), "3.0 msg/min");
  assert.equal(say.rate(12.345), "12.3 msg/s");
  assert.equal(say.rate(8412), "8,412 msg/s");
  assert.equal(say.latency(undefined), "—");
  assert.equal(say.latency(3.24), "3.2 ms");
  assert.equal(say.latency(1500), "1.5 s");
  assert.equal(say.money("0.0124", "EUR"), "EUR 0.0124");
  assert.equal(say.money("17304.9", "CLP"), "CLP 17,304.90");
  assert.equal(say.money("not a number", "EUR"), "EUR —");
  assert.equal(say.measure(3, "pumps"), "3 pumps");
  assert.equal(say.measure(41.27, "kWh"), "41.3 kWh");
  assert.equal(say.age(-50), "now");
  assert.equal(say.age(61_000), "1 min ago");
  assert.equal(say.nation("KE"), "Kenya");
  assert.equal(say.nation("Kenya"), "Kenya");
});

test("format - a price is told as it was agreed, and what narrows the stream with it", () => {
  const price = { amount: "0.002", currency: "EUR", perMessages: 100 };
  assert.deepEqual(
    say.terms({
      terms: { price, fields: ["speed"], messagesMax: 5000, notAfter: "2027-01-01T00:00:00Z" },
      delivery: "logged",
    }),
    [
      "EUR 0.002 per 100 messages",
      "only speed",
      "at most 5,000 messages",
      "until 1 Jan 2027",
      "nothing lost, nothing twice",
    ],
  );
  assert.equal(say.price({ ...price, amount: "0" }), "free");
});

test("sector - free text finds its colour, the unknown is other", () => {
  assert.equal(sectorOf("Transportation"), "transport");
  assert.equal(sectorOf("agriculture"), "agriculture");
  assert.equal(sectorOf("healthcare"), "health");
  assert.equal(sectorOf("constructor"), "other");
});

test("event stream - is read alike however its bytes are cut", async () => {
  const text = 'event: world\r\ndata: {"a":"é"}\r\n\r\n: quiet\n\ndata: 1\ndata: 2\n\nevent: lost';
  const bytes = new TextEncoder().encode(text);
  for (let cut = 1; cut < bytes.length; cut++) {
    const events = [];
    const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
    for await (const event of serverEvents(from(parts))) events.push(event);
    assert.deepEqual(
      events,
      [
        { event: "world", data: '{"a":"é"}' },
        { event: "message", data: "1\n2" },
      ],
      `cut at byte ${cut}`,
    );
  }
});

async function* from(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
