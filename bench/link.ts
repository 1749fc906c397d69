/**
 * What a message costs between two nodes, each a process of its own on this machine, under priced
 * agreements on one connection, with and without an app that follows them at the consumer's node;
 * and what compression saves on the recorded data sets.
 *
 *   npm run bench -- link [--json] [--rounds N] [--scale X]
 */
import { existsSync, globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { arch, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type NodeChild, twoChildren } from "../tests/07-federate/node-child.ts";
import { cpuSeconds } from "../tests/process-usage.ts";
import { parseMap } from "../src/cli/replay/map.ts";
import { replayMessages } from "../src/cli/replay/rows.ts";
import { connectMqtt } from "../src/client/mqtt.ts";
import {
  type BlockEncoding,
  blockEncodings,
  decodeBlock,
  encodeBlocks,
} from "../src/wire/link/block.ts";
import { encodePublish } from "../src/wire/mqtt/encode.ts";
import { layout5 } from "../src/flow/run.ts";
import { walkPublishes } from "../src/wire/mqtt/publish.ts";

interface LinkOptions {
  readonly rounds: number;
  readonly scale: number;
}

interface LinkRow {
  readonly delivery: Delivery;
  readonly agreements: number;
  /** Where a message has come to when it is counted. */
  readonly to: Destination;
  /** Come there, over all agreements. */
  readonly messages: number;
  readonly lost: number;
  readonly perSecond: number;
  /** CPU microseconds of the process for each of them. */
  readonly provider: number;
  readonly consumer: number;
}

interface BlockRow {
  readonly data: string;
  readonly encoding: BlockEncoding;
  readonly mebibytes: number;
  /** Bytes before over bytes after. */
  readonly ratio: number;
  /** CPU microseconds a KiB before compression. */
  readonly packing: number;
  readonly unpacking: number;
}

type Delivery = "live" | "logged";

/** `node`: committed and counted by the consumer's node; `app`: received by its app as well. */
type Destination = "node" | "app";

const scenarios = [
  { agreements: 1, to: "node", published: 60_000 },
  { agreements: 1, to: "app", published: 60_000 },
  { agreements: 50, to: "node", published: 4000 },
] as const;
const inFlight = 1000;
const quietMs = 500;
const runBytes = 131_072;
const dataBytesMax = 4 * 1024 * 1024;
const recordings: readonly (readonly [folder: string, map: string])[] = [
  [
    "transportation/mndot-loops",
    `{ topic: "loops/{file}", payload: { at: timestamp, reading: value } }`,
  ],
  ["agriculture/soil-moisture-sydney", `{ topic: "soil/sydney/{file}", payload: "*" }`],
  ["industry/skab-pump-testbed/other", `{ topic: "pumps/{file}", payload: "*", delimiter: ";" }`],
  ["energy/pv-nrel", `{ topic: "sun/{file}", payload: "*" }`],
];
const dataFolder = fileURLToPath(new URL("../../shared/data/", import.meta.url));

/** What a message costs between two nodes. */
export async function linkRows(options: LinkOptions): Promise<readonly LinkRow[]> {
  const rows: LinkRow[] = [];
  for (const delivery of ["live", "logged"] as const) {
    for (const { agreements, to, published } of scenarios) {
      const count = Math.max(inFlight, Math.round(published * options.scale));
      rows.push(await between({ delivery, agreements, to, count }, options.rounds));
    }
  }
  return rows;
}

/** That, and what compression saves, as text. */
export async function linkBench(options: LinkOptions & { readonly json: boolean }): Promise<void> {
  const rows = await linkRows(options);
  const blocks = await blockRows();
  const cpu = `${cpus().length} × ${cpus()[0]?.model ?? arch()}`;
  if (options.json) {
    console.log(JSON.stringify({ bench: "link", node: process.version, cpu, rows, blocks }));
    return;
  }
  console.log(`link: ${cpu}, Node ${process.version}; CPU in microseconds a message`);
  console.table(rows);
  if (blocks.length === 0) console.log("compression: left out, no recorded data in ../shared/data");
  else {
    console.log("compression: CPU in microseconds a KiB of packets, blocks of 128 KiB");
    console.table(blocks);
  }
}

interface Shape {
  readonly delivery: Delivery;
  readonly agreements: number;
  readonly to: Destination;
  /** Published by the device. */
  readonly count: number;
}

/** The round in the middle, by the CPU of both sides. */
async function between(shape: Shape, rounds: number): Promise<LinkRow> {
  const { delivery, agreements, to } = shape;
  const folder = await mkdtemp(join(tmpdir(), "comity-link-"));
  const { provider, consumer } = await twoChildren(folder);
  try {
    provider.start();
    consumer.start();
    await Promise.all([provider.ready(), consumer.ready()]);
    await consumer.http.addPeer(provider.url);
    for (let i = 0; i < agreements; i++) {
      const id = `bench-${i}`;
      const price = { amount: "0.001", currency: "EUR", perMessages: 1 };
      const product = { id, title: id, topics: ["bench/+"], delivery, terms: { price } };
      await provider.http.addProduct(product);
    }
    for (let i = 0; i < agreements; i++) {
      const offers = await consumer.http.find(`bench-${i}`);
      const { offer, provider: did } = offers.find(({ product }) => product === `bench-${i}`)!;
      await consumer.http.agree(offer, did);
    }
    while ((await upLinks(consumer)) < agreements) await sleep(50);
    const arrived = to === "app" ? await receivedByApp(consumer) : () => taken(consumer);
    const all: LinkRow[] = [];
    for (let round = 0; round <= rounds; round++) {
      all.push(await once(provider, consumer, shape, arrived));
    }
    const timed = all.slice(1); // the first one warms up
    timed.sort((a, b) => a.provider + a.consumer - b.provider - b.consumer);
    return timed[Math.floor(timed.length / 2)]!;
  } finally {
    await Promise.all([provider.stop(), consumer.stop()]);
    await rm(folder, { recursive: true });
  }
}

async function upLinks(consumer: NodeChild): Promise<number> {
  return (await consumer.http.status()).links.filter(({ state }) => state === "up").length;
}

async function taken(consumer: NodeChild): Promise<number> {
  return (await consumer.http.usage()).reduce((sum, { messages }) => sum + messages, 0);
}

type Arrived = () => Promise<number>;

/** An app of the consumer's follows all streams; what only one of node and app has does not count. */
async function receivedByApp(consumer: NodeChild): Promise<Arrived> {
  const { mqttUrl: url, token } = consumer;
  const app = await connectMqtt({ url, username: "admin", password: token });
  let received = 0;
  await app.subscribe("from/#", {}, () => received++);
  return async () => Math.min(received, await taken(consumer));
}

/** From the first PUBLISH until all have arrived, or nothing more does. */
async function once(
  provider: NodeChild,
  consumer: NodeChild,
  shape: Shape,
  arrived: Arrived,
): Promise<LinkRow> {
  const { delivery, agreements, to, count } = shape;
  const { mqttUrl: url, token } = provider;
  const device = await connectMqtt({ url, username: "admin", password: token });
  const base = await arrived();
  const cpu = [cpuSeconds(provider.pid), cpuSeconds(consumer.pid)];
  const began = performance.now();
  for (let n = 0; n < count; n += inFlight) {
    const some = Array.from({ length: inFlight }, (_, i) => reading(n + i));
    await Promise.all(some.map((text) => device.publish(`bench/${n % 7}`, text, { qos: 1 })));
  }
  let messages = 0;
  let changedAt = performance.now();
  while (messages < count * agreements && performance.now() - changedAt < quietMs) {
    await sleep(50);
    const now = (await arrived()) - base;
    if (now !== messages) changedAt = performance.now();
    messages = now;
  }
  const micros = [cpuSeconds(provider.pid) - cpu[0]!, cpuSeconds(consumer.pid) - cpu[1]!].map(
    (seconds) => Number(((seconds * 1e6) / messages).toFixed(2)),
  );
  await device.end();
  return {
    ...{ delivery, agreements, to, messages, lost: count * agreements - messages },
    perSecond: Math.round((messages / (changedAt - began)) * 1000),
    ...{ provider: micros[0]!, consumer: micros[1]! },
  };
}

function reading(n: number): string {
  const celsius = (15 + 5 * Math.sin(n / 900)).toFixed(2);
  return `{"at":"2026-11-23T00:00:00Z","n":${n},"celsius":${celsius},"unit":"soil-${n % 64}"}`;
}

async function blockRows(): Promise<BlockRow[]> {
  const rows: BlockRow[] = [];
  for (const [data, map] of recordings) {
    if (!existsSync(join(dataFolder, data))) continue;
    const runs = await runsOf(data, map);
    for (const encoding of blockEncodings) rows.push(packed(data, encoding, runs));
  }
  return rows;
}

/** The rows as the packets of their messages, cut as a lane cuts them. */
async function runsOf(data: string, map: string): Promise<Buffer[]> {
  const runs: Buffer[] = [];
  let run: Buffer[] = [];
  let bytes = 0;
  let total = 0;
  for (const path of globSync(join(dataFolder, data, "*.csv")).sort()) {
    for await (const { topic, payload } of replayMessages(path, parseMap("map", map), {
      timed: false,
    })) {
      const packet = encodePublish(5, { topic, payload: Buffer.from(payload) });
      run.push(packet);
      bytes += packet.length;
      if (bytes < runBytes) continue;
      runs.push(Buffer.concat(run));
      total += bytes;
      if (total >= dataBytesMax) return runs;
      run = [];
      bytes = 0;
    }
  }
  return [...runs, Buffer.concat(run)];
}

function packed(data: string, encoding: BlockEncoding, runs: readonly Buffer[]): BlockRow {
  const agreement = "urn:uuid:00000000-0000-4000-8000-000000000000";
  const before = runs.reduce((sum, { length }) => sum + length, 0);
  const pack = () => runs.flatMap((run) => encodeBlocks(agreement, encoding, run));
  const blocks = pack();
  const after = blocks.reduce((sum, { length }) => sum + length, 0);
  const unpack = () =>
    blocks.forEach((block) =>
      walkPublishes(block, layout5, ({ payloadAt, end }) => {
        decodeBlock(block.subarray(payloadAt, end));
      }),
    );
  return {
    ...{ data, encoding, mebibytes: Number((before / 2 ** 20).toFixed(1)) },
    ratio: Number((before / after).toFixed(1)),
    packing: microsEach(pack, before / 1024),
    unpacking: microsEach(unpack, before / 1024),
  };
}

/** The median of seven. */
function microsEach(work: () => unknown, units: number): number {
  const times = Array.from({ length: 7 }, () => {
    const { user, system } = process.cpuUsage();
    work();
    const used = process.cpuUsage();
    return (used.user + used.system - user - system) / units;
  });
  return Number(times.sort((a, b) => a - b)[3]!.toFixed(2));
}
