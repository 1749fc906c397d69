/**
 * How fast a node finds something among a million offers: built through the port as a crawl
 * does, then asked a mix of questions, common words and ones without an answer included. Every
 * figure is the caller's: from the call to the resolved page of twenty, thread and documents
 * included.
 *
 *   npm run bench -- search [--json] [--scale X]     (X × 1,000,000 offers)
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedSearch } from "../src/engines/embedded/search.ts";
import type { SearchEntry, SearchIndex, SearchQuery } from "../src/ports/search.ts";
import {
  citiesFrom,
  type City,
  pick,
  productsFrom,
  type Random,
  ranked,
  seeded,
} from "./products.ts";

const seed = 7;
const now = 1_790_000_000_000;
const offersPerPeer = 10_000;
const questionsPerKind = 150;

export async function searchBench(options: { json: boolean; scale: number }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "comity-search-"));
  const path = join(folder, "search.db");
  try {
    const random = seeded(seed);
    const cities = citiesFrom(random, 2_000);
    const offers = Math.round(1_000_000 * options.scale);
    const resident = process.memoryUsage.rss();
    let index = await openEmbeddedSearch({ path });
    const build = await timed(() => fill(index, productsFrom(random, cities, offers, now)));
    await index.close();
    const diskBytes = statSync(path).size;
    const open = await timed(async () => {
      index = await openEmbeddedSearch({ path });
      await index.find({ limit: 1 });
    });
    const rows = await ask(index, kindsOf(cities));
    const residentBytes = process.memoryUsage.rss() - resident;
    await index.close();
    const report = {
      ...{ bench: "search", node: process.version, cpu: cpus()[0]?.model, seed, offers },
      ...{ buildSeconds: build / 1000, openSeconds: open / 1000, diskBytes, residentBytes, rows },
    };
    if (options.json) console.log(JSON.stringify(report));
    else print(report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(index: SearchIndex, offers: Iterable<SearchEntry>): Promise<void> {
  let peer = 0;
  let put: SearchEntry[] = [];
  const change = () => index.change(`did:web:peer-${peer++}`, { put, remove: [], seenAt: now });
  for (const offer of offers) {
    put.push(offer);
    if (put.length < offersPerPeer) continue;
    await change();
    put = [];
  }
  if (put.length > 0) await change();
}

type Kinds = Readonly<Record<string, (random: Random) => Omit<SearchQuery, "limit">>>;

/** What people and agents ask, each kind as often as any other. */
function kindsOf(cities: readonly City[]): Kinds {
  const around = (random: Random, kms: readonly number[]) => {
    const { lat, lon } = ranked(random, cities);
    return { lat, lon, km: pick(random, kms) };
  };
  return {
    "a common word": (random) => ({ text: pick(random, ["temperature", "power", "every minute"]) }),
    "its beginning": (random) => ({ text: pick(random, ["temp", "bus po", "wa", "en", "s"]) }),
    "what and where": (random) => ({
      text: `${pick(random, ["temperature", "bus", "solar"])} ${ranked(random, cities).name}`,
    }),
    "what and the beginning of where": (random) => ({
      text: `${pick(random, ["air", "tram"])} ${ranked(random, cities).name.slice(0, 4)}`,
    }),
    "a rare model number": (random) => ({ text: `ros-${Math.floor(random() * 5000)}` }),
    "common words that never meet": (random) => ({
      text: pick(random, ["bus irrigation", "heart turbine", "tram soil sensors"]),
    }),
    "no such word": () => ({ text: "zeppelin altitude" }),
    "a word in a sector": (random) => ({
      text: "temperature",
      sector: pick(random, ["agriculture", "health"]),
    }),
    "a word near a place": (random) => ({ text: "temperature", near: around(random, [2, 10, 50]) }),
    "near a place": (random) => ({ near: around(random, [10, 200, 1000, 5000]) }),
    "a sector in a box": (random) => {
      const { lat, lon } = ranked(random, cities);
      const box = { south: lat - 2, north: lat + 2, west: lon - 2, east: Math.min(180, lon + 2) };
      return { sector: "energy", box };
    },
    "at most a price": (random) => ({
      text: "solar production",
      priceMax: { amount: 10 ** (random() * 5 - 6), currency: "EUR" },
    }),
    "unit, delivery and price": (random) => ({
      ...{ unit: "Cel", delivery: "live" as const },
      priceMax: { amount: 10 ** (random() * 4 - 6), currency: "EUR" },
    }),
    free: () => ({ text: "weather", free: true }),
    fresh: (random) => ({
      text: "bus",
      lastAfter: now - pick(random, [2, 60, 3600]) * 1000,
    }),
    everything: () => ({}),
    "the fiftieth page": () => ({ text: "temperature", offset: 980 }),
  };
}

interface Row {
  readonly kind: string;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  /** Offers that fitted, on average, counted up to a thousand. */
  readonly found: number;
}

async function ask(index: SearchIndex, kinds: Kinds): Promise<Row[]> {
  const random = seeded(seed + 1);
  const taken = new Map(Object.keys(kinds).map((kind): [string, number[]] => [kind, []]));
  const found = new Map<string, number>();
  // In turns, so that no kind finds everything as itself left it; the first round warms up.
  for (let round = -10; round < questionsPerKind; round++) {
    for (const [kind, make] of Object.entries(kinds)) {
      const query = { ...make(random), limit: 20 };
      let total = 0;
      const ms = await timed(async () => ({ total } = await index.find(query)));
      if (round < 0) continue;
      taken.get(kind)!.push(ms);
      found.set(kind, (found.get(kind) ?? 0) + total);
    }
  }
  const rows = [...taken].map(([kind, ms]) => rowOf(kind, ms, found.get(kind)! / ms.length));
  return [...rows, rowOf("all of them", [...taken.values()].flat(), Number.NaN)];
}

function rowOf(kind: string, taken: readonly number[], found: number): Row {
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)]!;
  return { kind, p50: at(0.5), p99: at(0.99), most: at(1), found };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function print(report: {
  readonly cpu: string | undefined;
  readonly node: string;
  readonly offers: number;
  readonly buildSeconds: number;
  readonly openSeconds: number;
  readonly diskBytes: number;
  readonly residentBytes: number;
  readonly rows: readonly Row[];
}): void {
  const { cpu, node, offers, buildSeconds, openSeconds } = report;
  const mebi = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  console.log(`search: ${offers.toLocaleString("en")} offers, seed ${seed}, ${cpu}, Node ${node}`);
  console.log(
    `filled in ${buildSeconds.toFixed(1)} s, opened again in ${openSeconds.toFixed(1)} s, ` +
      `${mebi(report.diskBytes)} on disk, ${mebi(report.residentBytes)} of memory`,
  );
  console.table(
    Object.fromEntries(
      report.rows.map(({ kind, p50, p99, most, found }) => [
        kind,
        {
          "p50 ms": Number(p50.toFixed(2)),
          "p99 ms": Number(p99.toFixed(2)),
          "most ms": Number(most.toFixed(2)),
          ...(!Number.isNaN(found) && { found: Math.round(found) }),
        },
      ]),
    ),
  );
}
