/** What every engine's search must do; an engine's test calls it with how one is opened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { pricePerMessage } from "../kernel/price.ts";
import { wordsOf } from "../kernel/words.ts";
import type { SearchEntry, SearchIndex, SearchQuery } from "./search.ts";

export function searchConformance(engine: string, open: () => Promise<SearchIndex>): void {
  const suite = (name: string, run: (index: SearchIndex) => Promise<void>): void => {
    test(`${engine} search - ${name}`, async () => {
      const index = await open();
      try {
        await run(index);
      } finally {
        await index.close();
      }
    });
  };

  suite("finds what a plain filter finds, in the same order", async (index) => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 40 }), fc.array(query), async (all, asked) => {
        const entries = [...new Map(all.map((one) => [one.offer, one])).values()];
        await index.forget("did:web:a");
        await index.change("did:web:a", { put: entries, remove: [], seenAt: 1 });
        for (const one of asked) {
          const page = await index.find(one);
          const fits = entries.filter((candidate) => fitsPlainly(candidate, one));
          assert.equal(page.total, fits.length, JSON.stringify(one));
          const ranks = page.found.map(({ doc }) => rankOf(doc as SearchEntry, one));
          const best = fits.map((candidate) => rankOf(candidate, one)).toSorted((a, b) => a - b);
          const start = one.offset ?? 0;
          assert.deepEqual(ranks, best.slice(start, start + one.limit), JSON.stringify(one));
          for (const { offer } of page.found) assert.ok(fits.some((fit) => fit.offer === offer));
        }
      }),
      { numRuns: 60 },
    );
  });

  suite("replaces an offer, removes one, forgets a provider", async (index) => {
    const one = entryOf("one", "Bus positions");
    await index.change("did:web:a", {
      put: [one, entryOf("two", "Trams")],
      remove: [],
      seenAt: 5,
      tag: "t",
    });
    await index.change("did:web:b", { put: [one], remove: [], seenAt: 6 });
    assert.equal((await index.offer("one")).length, 2);
    const changed = { ...one, title: "Ferry positions", digest: "new" };
    await index.change("did:web:a", { put: [changed], remove: ["two"], seenAt: 7, tag: "u" });
    const known = await index.known("did:web:a");
    assert.deepEqual([known?.seenAt, known?.tag], [7, "u"]);
    assert.deepEqual([...(known?.digests ?? [])], [["one", "new"]]);
    assert.equal((await index.find({ text: "trams", limit: 9 })).total, 0);
    const [ferry] = (await index.find({ text: "ferry", limit: 9 })).found;
    assert.deepEqual([ferry?.provider, ferry?.seenAt], ["did:web:a", 7]);
    await index.forget("did:web:a");
    assert.equal(await index.known("did:web:a"), undefined);
    const left = await index.find({ limit: 9 });
    assert.deepEqual(
      left.found.map(({ provider }) => provider),
      ["did:web:b"],
    );
  });

  suite("asks one provider alone, also one it never saw", async (index) => {
    await index.change("did:web:a", { put: [entryOf("one", "Bus")], remove: [], seenAt: 1 });
    assert.equal((await index.find({ provider: "did:web:a", limit: 9 })).total, 1);
    assert.equal((await index.find({ provider: "did:web:x", limit: 9 })).total, 0);
  });

  suite("finds near the date line and the poles", async (index) => {
    const at = (lat: number, lon: number) => ({
      ...entryOf(`${lat},${lon}`, "Buoy"),
      place: { lat, lon },
    });
    const put = [at(0, 179.99), at(0, -179.99), at(89.9, 10), at(89.9, -170), at(10, 10)];
    await index.change("did:web:a", { put, remove: [], seenAt: 1 });
    const near = async (lat: number, lon: number, km: number): Promise<number> =>
      (await index.find({ near: { lat, lon, km }, limit: 9 })).total;
    assert.equal(await near(0, 180, 5), 2);
    assert.equal(await near(0, -180, 5), 2);
    assert.equal(await near(89.9, 10, 30), 2);
    assert.equal(await near(10, 10, 20_100), 5);
    const box = { south: -1, north: 1, west: 179, east: -179 };
    assert.equal((await index.find({ box, limit: 9 })).total, 2);
  });

  suite("takes thousands of offers in and answers meanwhile", async (index) => {
    const put = Array.from({ length: 1200 }, (_, n) => entryOf(`p${n}`, `Bus ${n}`));
    let settled = false;
    const change = index.change("did:web:a", { put, remove: [], seenAt: 1, tag: "t" });
    void change.then(() => (settled = true));
    const early = await index.find({ limit: 1 });
    assert.equal(settled, false);
    assert.equal((await index.known("did:web:a"))?.tag, undefined);
    await change;
    assert.ok(early.total < 1200);
    const page = await index.find({ text: "bus", limit: 100, offset: 950 });
    assert.deepEqual([page.total, page.found.length], [1000, 50]);
    assert.equal((await index.known("did:web:a"))?.tag, "t");
  });
}

function entryOf(offer: string, title: string): SearchEntry {
  return {
    ...{ offer, title, text: "", sector: "transport", delivery: "live", units: [] },
    ...{ price: { amount: "0", currency: "EUR", perMessages: 1 }, weight: 0.5, digest: offer },
    doc: { offer },
  };
}

const word = fc.constantFrom("bus", "Büs", "tram", "tramway", "Zürich", "zur", "of", "a", "東京");
const phrase = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
const sector = fc.constantFrom("transport", "Transport", "energy");
const unit = fc.constantFrom("Cel", "cel", "m/s", "%");
const mark = fc.constantFrom("sha256:a", "sha256:b", "sha256:A");
const lat = fc.integer({ min: -90, max: 90 });
const lon = fc.integer({ min: -180, max: 180 });
const amount = fc.constantFrom("0", "0.000001", "0.01", "0.010001", "3", "1000000");
const currency = fc.constantFrom("EUR", "KES");
const delivery = fc.constantFrom("live" as const, "logged" as const);
const time = fc.integer({ min: 0, max: 5 });

const entry: fc.Arbitrary<SearchEntry> = fc
  .record(
    {
      offer: fc.stringMatching(/^[a-p]$/),
      title: phrase,
      text: phrase,
      sector,
      delivery,
      units: fc.uniqueArray(unit, { maxLength: 2 }),
      mark,
      place: fc.record({ lat, lon }),
      price: fc.record({ amount, currency, perMessages: fc.constantFrom(1, 10, 1000) }),
      lastAt: time,
      weight: fc.constantFrom(0, 0.3, 0.7, 1),
    },
    { requiredKeys: ["offer", "title", "text", "sector", "delivery", "units", "price", "weight"] },
  )
  .map((some) => ({ ...some, digest: "d", doc: { ...some, digest: "d" } }));

const query: fc.Arbitrary<SearchQuery> = fc.record(
  {
    text: phrase,
    sector,
    delivery,
    unit,
    marks: fc.array(mark, { maxLength: 2 }),
    free: fc.boolean(),
    near: fc.record({ lat, lon, km: fc.constantFrom(50, 500, 5000, 19_000) }),
    box: fc
      .record({ south: lat, north: lat, west: lon, east: lon })
      .filter(({ south, north }) => south <= north),
    priceMax: fc.record({ amount: amount.map(Number), currency }),
    lastAfter: time,
    offset: fc.constantFrom(0, 1, 5),
    limit: fc.constantFrom(1, 10, 100),
  },
  { requiredKeys: ["limit"] },
);

/** The slow, obvious filter. */
function fitsPlainly(one: SearchEntry, asked: SearchQuery): boolean {
  const { sector: wanted, delivery: way, unit: code, free, near, box, priceMax } = asked;
  const each = pricePerMessage(one.price);
  const { place } = one;
  return (
    holdsWords([...wordsOf(one.title), ...wordsOf(one.text)], asked) &&
    (wanted === undefined || one.sector === wanted) &&
    (way === undefined || one.delivery === way) &&
    (code === undefined || one.units.includes(code)) &&
    (asked.marks === undefined || asked.marks.some((hash) => hash === one.mark)) &&
    (free !== true || each === 0) &&
    (priceMax === undefined ||
      each === 0 ||
      (one.price.currency === priceMax.currency && each <= priceMax.amount)) &&
    (asked.lastAfter === undefined || (one.lastAt ?? -1) >= asked.lastAfter) &&
    (near === undefined || (place !== undefined && kilometres(place, near) <= near.km)) &&
    (box === undefined ||
      (place !== undefined &&
        place.lat >= box.south &&
        place.lat <= box.north &&
        (box.west <= box.east
          ? place.lon >= box.west && place.lon <= box.east
          : place.lon >= box.west || place.lon <= box.east)))
  );
}

function holdsWords(words: readonly string[], asked: SearchQuery): boolean {
  const wanted = wordsOf(asked.text ?? "");
  return wanted.every((one, at) =>
    words.some((has) =>
      at === wanted.length - 1 && one.length > 1 ? has.startsWith(one) : has === one,
    ),
  );
}

/** Smaller is better: title before text, then by weight in sixteenths. */
function rankOf(one: SearchEntry, asked: SearchQuery): number {
  const titled = holdsWords(wordsOf(one.title), asked);
  return (titled ? 0 : 16) + (15 - Math.min(15, Math.floor(one.weight * 16)));
}

/** By the haversine. */
function kilometres(
  a: { readonly lat: number; readonly lon: number },
  b: { readonly lat: number; readonly lon: number },
): number {
  const rad = Math.PI / 180;
  const dLat = (b.lat - a.lat) * rad;
  const dLon = (b.lon - a.lon) * rad;
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * 6371.0088 * Math.asin(Math.min(1, Math.sqrt(h)));
}
