import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { FigureResource } from "../../src/client/sectors.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { absent, oracle, type OracleFeed, recorded } from "./transport-data.ts";

const skip = absent("nyc-trip-updates.pb.bz2", "louisville-updates.pb.bz2");

let nodes: TwoNodes;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-transport-"));
  nodes = await twoNodes();
});
after(async () => {
  await nodes.close();
  await rm(folder, { recursive: true });
});

/** Seconds from the beginning, so that both feeds are looked at as when they were recorded. */
type Trip = {
  route: string;
  direction: string;
  asOf: number;
  at: [string, number, number | undefined][];
};

/** The published bindings' reading of the feed, and nothing of the code under test. */
function tripsOf(feed: OracleFeed): Trip[] {
  const seen = new Set<string>();
  return feed.entity.flatMap(({ id, tripUpdate }) => {
    if (tripUpdate === undefined || seen.has(id)) return [];
    seen.add(id);
    const { trip, stopTimeUpdate = [], timestamp, delay } = tripUpdate;
    const at = stopTimeUpdate.flatMap(({ stopId, arrival, departure, scheduleRelationship }) => {
      const time = arrival?.time ?? departure?.time;
      if (scheduleRelationship === "SKIPPED" || time === undefined) return [];
      const late = arrival?.delay ?? departure?.delay ?? delay;
      const entry: [string, number, number | undefined] = [stopId!, time, late];
      return [entry];
    });
    const direction = trip.directionId === undefined ? "-" : String(trip.directionId);
    return [{ route: trip.routeId!, direction, asOf: timestamp!, at }];
  });
}

/** Gap by gap, the slow way. */
function headwaysOf(trips: readonly Trip[]) {
  const now = Math.max(...trips.map(({ asOf }) => asOf));
  const fresh = trips.filter(({ asOf }) => now - asOf <= 600);
  const figures = new Map<string, { median: number; bunched: number; gaps: number }>();
  for (const key of new Set(fresh.map(({ route, direction }) => `${route}/${direction}`))) {
    const arrivals = fresh
      .filter(({ route, direction }) => `${route}/${direction}` === key)
      .flatMap(({ at }) => at)
      .filter(([, time]) => time - now >= 0 && time - now <= 3_600);
    const gaps = [...new Set(arrivals.map(([stop]) => stop))].flatMap((stop) => {
      const times = arrivals.filter(([at]) => at === stop).map(([, time]) => time);
      const sorted = times.toSorted((a, b) => a - b);
      return sorted.slice(1).map((time, i) => time - sorted[i]!);
    });
    if (gaps.length === 0) continue;
    const sorted = gaps.toSorted((a, b) => a - b);
    const half = (sorted.length - 1) / 2;
    const median = (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2;
    const bunched = gaps.filter((gap) => gap * 4 < median).length;
    figures.set(key, { median, bunched, gaps: gaps.length });
  }
  return figures;
}

function onTimeOf(trips: readonly Trip[]): Map<string, number> {
  const now = Math.max(...trips.map(({ asOf }) => asOf));
  const known = trips.flatMap(({ route, direction, asOf, at }) => {
    const next = at.find(([, time]) => time >= now);
    const isKnown = now - asOf <= 600 && next?.[2] !== undefined;
    return isKnown ? [{ key: `${route}/${direction}`, late: next[2]! }] : [];
  });
  return new Map(
    [...Map.groupBy(known, ({ key }) => key)].map(([key, all]) => {
      const onTime = all.filter(({ late }) => late >= -60 && late <= 300).length;
      return [key, Math.round((onTime / all.length) * 10_000) / 100];
    }),
  );
}

/** In by its native format, shared, and followed by the other organisation's own indicators. */
async function figuresOf(name: "nyc" | "louisville", feed: Buffer) {
  const { provider, consumer } = nodes;
  const { template } = await provider.http.sector("transport");
  await nodes.share({
    id: `${name}-predictions`,
    title: `Predicted arrivals in ${name}`,
    topics: [`transit/${name}/trips/#`],
    sector: "transport",
    ...template.product,
    terms: template.terms,
  });
  const filters = [`from/provider/${name}-predictions/#`];
  for (const kind of ["headway", "bunching", "punctuality"]) {
    await consumer.http.addIndicator({ id: `${kind}-${name}`, kind, filters });
  }
  const path = join(folder, `${name}.pb`);
  await writeFile(path, feed);
  await provider.http.addSource({
    id: name,
    kind: "gtfs-realtime",
    from: { way: "file", address: path },
    topic: `transit/${name}`,
  });
  const trips = tripsOf(oracle(feed));
  await until(
    "all predictions are followed",
    async () => {
      const followed = (await consumer.http.indicators()).filter(({ id }) => id.endsWith(name));
      return followed.every(({ messages }) => messages === trips.length);
    },
    30_000,
  );
  const figures = (kind: string) => consumer.http.figures(`${kind}-${name}`);
  return {
    trips,
    headway: await figures("headway"),
    bunching: await figures("bunching"),
    punctuality: await figures("punctuality"),
  };
}

function valuesOf(figures: readonly FigureResource[]): Map<string, number | null> {
  const named = figures.map(({ route, direction = "-", value }) => {
    return [`${route as string}/${direction as string}`, value] as const;
  });
  return new Map(named.toSorted(byKey));
}

for (const [name, file, routes] of [
  ["nyc", "nyc-trip-updates.pb.bz2", 500],
  ["louisville", "louisville-updates.pb.bz2", 10],
] as const) {
  test(
    `transport - headway, bunching and punctuality of ${name} are what the feed gives by hand`,
    {
      skip,
    },
    async () => {
      const { trips, headway, bunching, punctuality } = await figuresOf(name, recorded(file));
      const expected = headwaysOf(trips);
      assert.ok(expected.size > routes, `${expected.size} routes and directions`);
      const rounded = (value: number) => Math.round(value * 100) / 100;
      assert.deepEqual(
        valuesOf(headway),
        new Map([...expected].toSorted(byKey).map(([key, { median }]) => [key, rounded(median)])),
      );
      assert.deepEqual(
        valuesOf(bunching),
        new Map(
          [...expected]
            .toSorted(byKey)
            .map(([key, { bunched, gaps }]) => [key, rounded((100 * bunched) / gaps)]),
        ),
      );
      assert.deepEqual(valuesOf(punctuality), new Map([...onTimeOf(trips)].toSorted(byKey)));
      // a figure that could only be one value would be no figure
      assert.ok(new Set(valuesOf(headway).values()).size > 8);
      assert.ok(bunching.some(({ value }) => (value ?? 0) > 0));
      // of two with one id the first counts
      const updates = ({ entity }: OracleFeed) =>
        new Map(entity.toReversed().flatMap((one) => (one.tripUpdate ? [[one.id, one]] : [])));
      const feed = oracle(recorded(file));
      const left = updates(await feedOf(`from/provider/${name}-predictions/#`));
      const came = updates(feed);
      assert.equal(left.size, came.size);
      // one by one: a difference among thousands is too long to be shown
      for (const [id, update] of came) assert.deepEqual(left.get(id), update);
    },
  );
}

test(
  "transport - an indicator's figures are messages as well, retained, with their unit",
  {
    skip,
  },
  async () => {
    const client = await nodes.mqtt("consumer");
    const [first] = await nodes.consumer.http.figures("headway-nyc");
    const seen = Promise.withResolvers<Record<string, unknown>>();
    await client.subscribe(`indicators/transport/headway-nyc/${first!.key}`, {}, ({ payload }) =>
      seen.resolve(JSON.parse(Buffer.from(payload).toString("utf8")) as Record<string, unknown>),
    );
    assert.deepEqual(await seen.promise, { indicator: "headway", ...first });
    assert.equal(first!.unit, "s");
  },
);

/** What the other organisation hands on in the native format. */
async function feedOf(filter: string): Promise<OracleFeed> {
  const { node, token } = nodes.consumer;
  const url = new URL("/sectors/transport/gtfs-realtime", node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  return oracle(Buffer.from(await response.arrayBuffer()));
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
