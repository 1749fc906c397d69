/**
 * How fast the embedded store makes messages durable: every row counts only what was resolved,
 * that is after fsync. Nothing of MQTT is in it. The first row is the disk's own limit, one
 * fdatasync after another, in the same folder; group commit is what lies above it.
 *
 *   npm run bench -- durable [--json]
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { arch, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedStore } from "../src/engines/embedded/store.ts";
import type { LogBlock, Store, Write } from "../src/ports/store.ts";

export interface DurableOptions {
  /** Length of each row's measurement; 3 where absent. */
  readonly seconds?: number;
  /** Folder to measure in, on the disk that matters; the system's temporary one where absent. */
  readonly data?: string;
}

export interface DurableRow {
  readonly what: string;
  /** Durable operations a second: messages, commits or fsyncs, as `what` says. */
  readonly perSecond: number;
  readonly mebibytesPerSecond: number;
  /** CPU time of the whole process for one of them, in microseconds. */
  readonly cpuMicroseconds: number;
  /** From the call to the resolved promise, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface DurableReport {
  readonly bench: "durable";
  readonly node: string;
  readonly cpu: string;
  /** `tmpfs` measures memory, not a disk. */
  readonly disk: string;
  readonly rows: readonly DurableRow[];
}

/** One kind of work: done again and again by `inFlight` callers, each waiting for its own. */
interface Load {
  readonly what: string;
  readonly inFlight: number;
  readonly operations: number;
  readonly bytes: number;
  once(): Promise<void>;
}

async function durable(options: DurableOptions = {}): Promise<DurableReport> {
  const folder = await mkdtemp(join(options.data ?? tmpdir(), "comity-durable-"));
  const seconds = options.seconds ?? 3;
  const store = await openEmbeddedStore({ path: join(folder, "comity.db") });
  const rows: DurableRow[] = [];
  try {
    const file = openSync(join(folder, "plain"), "w");
    for (const load of [plainLoad(file), ...storeLoads(store)]) {
      rows.push(await measure(load, seconds));
    }
    closeSync(file);
    const disk = await filesystemOf(folder);
    const cpu = `${cpus().length} × ${cpus()[0]?.model ?? arch()}`;
    return { bench: "durable", node: process.version, cpu, disk, rows };
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

function storeLoads(store: Store): Load[] {
  return [
    blocks(store, { messages: 1, payload: 64, inFlight: 256 }),
    blocks(store, { messages: 300, payload: 64, inFlight: 1 }),
    blocks(store, { messages: 300, payload: 64, inFlight: 16 }),
    blocks(store, { messages: 300, payload: 1024, inFlight: 16 }),
    documents(store, 1),
    documents(store, 64),
    documents(store, 1024),
  ];
}

function plainLoad(file: number): Load {
  const page = Buffer.alloc(4096, 1);
  const once = async (): Promise<void> => {
    writeSync(file, page);
    fdatasyncSync(file);
  };
  return { what: "fdatasync of 4 KiB, no store", inFlight: 1, operations: 1, bytes: 4096, once };
}

interface Shape {
  readonly messages: number;
  readonly payload: number;
  readonly inFlight: number;
}

function blocks(store: Store, { messages, payload, inFlight }: Shape): Load {
  const packet = publishPacket("field/7/soil", payload);
  const packets = Buffer.concat(Array.from({ length: messages }, () => packet));
  const log = `product/${messages}-${payload}-${inFlight}`;
  let end = 0;
  const once = (): Promise<void> => {
    const first = end;
    end += messages;
    const counts = { first, next: end, count: messages, payloadBytes: messages * payload };
    const block: LogBlock = { log, epoch: "e", ...counts, at: Date.now(), packets };
    return store.commit([{ op: "append", block }]);
  };
  return {
    what: `messages of ${payload} B, ${messages} a block, ${inFlight} at once`,
    inFlight,
    operations: messages,
    bytes: packets.length,
    once,
  };
}

function documents(store: Store, inFlight: number): Load {
  const doc = { agreement: "urn:uuid:0", messages: 1000, bytes: 64_000, at: 1_790_000_000_000 };
  const bytes = JSON.stringify(doc).length;
  let number = 0;
  const once = (): Promise<void> => {
    const id = String(number++).padStart(10, "0");
    const write: Write = { op: "add", kind: `usage-${inFlight}`, id, doc };
    return store.commit([write]);
  };
  return {
    what: `commits of a document, ${inFlight} at once`,
    inFlight,
    operations: 1,
    bytes,
    once,
  };
}

async function measure(load: Load, seconds: number): Promise<DurableRow> {
  await run(load, Math.min(seconds / 4, 0.5)); // warm-up
  const cpu = process.cpuUsage();
  const started = performance.now();
  const waits = await run(load, seconds);
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const done = waits.length * load.operations;
  waits.sort((a, b) => a - b);
  return {
    what: load.what,
    perSecond: Math.round(done / elapsed),
    mebibytesPerSecond: round((waits.length * load.bytes) / elapsed / 2 ** 20),
    cpuMicroseconds: round((user + system) / done),
    p50: round(waits[Math.floor(waits.length * 0.5)] ?? 0),
    p99: round(waits[Math.floor(waits.length * 0.99)] ?? 0),
  };
}

/** How long each operation took. */
async function run(load: Load, seconds: number): Promise<number[]> {
  const waits: number[] = [];
  const until = performance.now() + seconds * 1000;
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      const started = performance.now();
      await load.once();
      waits.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, caller));
  return waits;
}

/** An MQTT 5 PUBLISH of QoS 0 without properties (§3.3). */
function publishPacket(topic: string, payload: number): Buffer {
  const body = 2 + topic.length + 1 + payload;
  const size = body < 128 ? [body] : [0x80 | (body & 0x7f), body >> 7];
  const head = Buffer.from([0x30, ...size, 0, topic.length, ...Buffer.from(topic), 0]);
  return Buffer.concat([head, Buffer.alloc(payload, "x")]);
}

async function filesystemOf(folder: string): Promise<string> {
  const types = new Map([
    [0x0102_1994, "tmpfs"],
    [0xef53, "ext4"],
    [0x5846_5342, "xfs"],
    [0x9123_683e, "btrfs"],
    [0x794c_7630, "overlayfs"],
  ]);
  const { type } = await statfs(folder);
  return types.get(type) ?? `0x${type.toString(16)}`;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

function print(report: DurableReport): void {
  console.log(`durable: ${report.cpu}, Node ${report.node}, ${report.disk}`);
  console.table(
    report.rows.map((row) => ({
      durable: row.what,
      "a second": row.perSecond.toLocaleString("en"),
      "MiB/s": row.mebibytesPerSecond,
      "CPU µs": row.cpuMicroseconds,
      "p50 ms": row.p50,
      "p99 ms": row.p99,
    })),
  );
}

/** Prints a table, or one JSON object. */
export async function durableBench(options: { readonly json: boolean }): Promise<void> {
  const report = await durable();
  if (options.json) console.log(JSON.stringify(report));
  else print(report);
}
