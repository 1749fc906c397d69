/**
 * Claim: what each operand of a policy costs per message. The data plane's own path is measured,
 * from an offered run to the admitted packets, without sockets: runs of 16 messages of one topic,
 * 130 bytes of JSON each. `log` is the same by blocks of a log. Medians over the rounds, CPU time
 * of the process.
 *
 *   npm run bench -- policies [--json] [--rounds N] [--scale X]
 */
import { encode } from "cborg";
import { median } from "./figures.ts";
import { Checkers } from "../src/flow/checker.ts";
import { Gate } from "../src/flow/gate.ts";
import { passingOf } from "../src/flow/granted.ts";
import { layout5, Run } from "../src/flow/run.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { systemEntropy } from "../src/kernel/id.ts";
import type { GeoPolygon } from "../src/kernel/polygon.ts";
import type { Condition, Grant } from "../src/market/grant.ts";
import type { LogBlock } from "../src/ports/store.ts";
import { uncounted } from "./uncounted.ts";

type Terms = Partial<Grant>;

interface Row {
  readonly operand: string;
  readonly liveMicrosPerMessage: number;
  readonly logMicrosPerMessage: number;
  /** Of the messages that were offered. */
  readonly passed: number;
}

const messagesPerRun = 16;
const runsPerRound = 1_000;
const warmUpRounds = 3;
const topics = Array.from({ length: 50 }, (_, i) => `bus/${i}/position`);
const hour = 3_600_000;
const far = 9_007_199_254_740_991;

function circle(points: number): GeoPolygon {
  const ring = Array.from({ length: points }, (_, i) => {
    const angle = (2 * Math.PI * i) / points;
    return [4.5 + Math.cos(angle) / 2, 51.9 + Math.sin(angle) / 3];
  });
  return { type: "Polygon", coordinates: [[...ring, ring[0]!]] };
}

const nested: Condition = {
  any: [
    { all: [{ topic: ["bus/1/#", "bus/2/#"] }, { from: 0 }] },
    { one: [{ within: circle(8) }, { topic: ["tram/#"] }] },
  ],
};

/** Payloads are JSON, or the same as CBOR. */
type Form = "json" | "cbor";

const operands: readonly (readonly [name: string, terms: Terms, form?: Form])[] = [
  ["nothing but its topics", {}],
  ["topics: 50 filters", { when: { topic: topics } }],
  ["dataFrom, dataUntil", { when: { from: 0, until: far } }],
  ["notBefore, notAfter", { notBefore: 0, notAfter: Date.now() + hour }],
  ["rate 1,000/s per topic", { rate: { messages: 1000, seconds: 1, per: "topic" } }],
  ["messagesMax", { messagesMax: far }],
  ["bytesMax", { bytesMax: far }],
  ["area: 8 points", { when: { within: circle(8) } }],
  ["area: 1,000 points", { when: { within: circle(1000) } }],
  ["any, all and one together", { when: nested }],
  ["prohibition: an area", { unless: [{ within: circle(8) }] }],
  ["fields: 3 of 7", { shape: { allow: ["lat", "lon", "speed"] } }],
  ["fields: 3 of 7, CBOR", { shape: { allow: ["lat", "lon", "speed"] } }, "cbor"],
  ["drop: 1 of 7", { shape: { drop: ["driver"] } }],
  ["round: lat, lon", { shape: { round: { lat: 0.01, lon: 0.01 } } }],
  ["round: lat, lon, CBOR", { shape: { round: { lat: 0.01, lon: 0.01 } } }, "cbor"],
  ["pseudonymise: driver", { shape: { pseudonymise: ["driver"] } }],
  [
    "a typical mix: area, round, drop, rate, cap, expiry",
    {
      when: { within: circle(8) },
      shape: { round: { lat: 0.001, lon: 0.001 }, drop: ["driver"] },
      rate: { messages: 1000, seconds: 1, per: "topic" },
      messagesMax: far,
      notAfter: Date.now() + hour,
    },
  ],
];

export async function policiesBench(options: {
  rounds: number;
  scale: number;
  json: boolean;
}): Promise<void> {
  const rows: Row[] = [];
  const count = Math.max(100, Math.round(runsPerRound * options.scale));
  const runsOf = (form: Form): Run[] => Array.from({ length: count }, (_, i) => runOf(i, form));
  const byForm = { json: runsOf("json"), cbor: runsOf("cbor") };
  for (const [operand, terms, form = "json"] of operands) {
    const runs = byForm[form];
    const live: number[] = [];
    const log: number[] = [];
    let passed = 0;
    for (let round = -warmUpRounds; round < options.rounds; round++) {
      const measured = await offerAll(gateOf(terms), runs);
      const read = readAll(gateOf(terms), runs);
      passed = measured.passed / (count * messagesPerRun);
      if (round < 0) continue;
      live.push(measured.micros);
      log.push(read);
    }
    const row = {
      operand,
      liveMicrosPerMessage: median(live),
      logMicrosPerMessage: median(log),
      passed,
    };
    rows.push(row);
  }
  if (options.json) console.log(JSON.stringify(rows, null, 2));
  else print(rows);
}

const secret = systemEntropy.bytes(32);

/** Its lease is memory: what a durable one costs is once per some thousand messages. */
function gateOf(terms: Terms): Gate {
  const grant: Grant = {
    agreement: "urn:bench",
    consumer: "did:web:consumer.example",
    product: "bench",
    filters: ["bus/#"],
    billed: true,
    ...terms,
  };
  const lease = { take: async () => ({ messages: 4_294_967_296, bytes: 4_294_967_296 }) };
  const checker = new Checkers(secret).of(grant);
  return new Gate(grant, { clock: systemClock, usage: uncounted, lease, checker });
}

function runOf(index: number, form: Form): Run {
  const topic = topics[index % topics.length]!;
  const packets: Buffer[] = [];
  let payloadBytes = 0;
  for (let i = 0; i < messagesPerRun; i++) {
    const lat = (51.5 + ((index * 31 + i * 17) % 997) / 1200).toFixed(6);
    const lon = (4 + ((index * 13 + i * 7) % 991) / 1000).toFixed(6);
    const text =
      `{"id":"bus-${index % 50}","at":"2026-11-22T10:00:00Z","lat":${lat},"lon":${lon},` +
      `"speed":12.50,"driver":"driver ${index % 40}","doors":[0,1]}`;
    const payload = Buffer.from(form === "json" ? text : encode(JSON.parse(text)));
    payloadBytes += payload.length;
    packets.push(Run.of(topic, payload).packets);
  }
  const fields = { topic, qos: 0, layout: layout5, count: messagesPerRun, payloadBytes } as const;
  return new Run({ ...fields, packets: Buffer.concat(packets) });
}

async function offerAll(
  gate: Gate,
  runs: readonly Run[],
): Promise<{ micros: number; passed: number }> {
  // Its caps are leased before the clock starts.
  gate.admit(runs[0]!);
  while (gate.waiting) await new Promise((resolve) => setImmediate(resolve));
  let passed = 0;
  const before = process.cpuUsage();
  for (const run of runs) {
    const left = gate.offer(run);
    if (left === undefined) continue;
    const { count, payloadBytes } = left;
    passed += gate.admit({ packets: left.encoded(5), layout: layout5, count, payloadBytes });
  }
  return { micros: microsSince(before, runs.length), passed };
}

const blockRuns = 20;

function readAll(gate: Gate, runs: readonly Run[]): number {
  const blocks: LogBlock[] = [];
  for (let i = 0; i < runs.length; i += blockRuns) {
    const part = runs.slice(i, i + blockRuns);
    const count = part.reduce((sum, run) => sum + run.count, 0);
    blocks.push({
      log: "bench",
      epoch: "bench",
      first: i * messagesPerRun,
      next: i * messagesPerRun + count,
      count,
      payloadBytes: part.reduce((sum, run) => sum + run.payloadBytes, 0),
      at: Date.now(),
      packets: Buffer.concat(part.map((run) => run.packets)),
    });
  }
  const passage = gate.passage();
  const before = process.cpuUsage();
  for (const block of blocks) passingOf(block, block.first, passage, () => {});
  return microsSince(before, runs.length);
}

function microsSince(before: NodeJS.CpuUsage, runs: number): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (runs * messagesPerRun);
}

function print(rows: readonly Row[]): void {
  console.log(
    `${"µs CPU per message".padEnd(54)}${"live".padStart(8)}${"log".padStart(8)}  passes`,
  );
  for (const { operand, liveMicrosPerMessage, logMicrosPerMessage, passed } of rows) {
    console.log(
      operand.padEnd(54) +
        liveMicrosPerMessage.toFixed(3).padStart(8) +
        logMicrosPerMessage.toFixed(3).padStart(8) +
        `${Math.round(passed * 100)} %`.padStart(8),
    );
  }
}
