/** Publishes at a steady rate, and reads its own messages again at the other end of the broker. */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodePublish } from "../src/wire/mqtt/encode.ts";
import { knock, type Protocol, subscribe } from "./knock.ts";

export interface LatencyOptions {
  readonly port: number;
  readonly protocol: Protocol;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface LatencyResult {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly lost: number;
}

const publishers = 50;
const payloadBytes = 64;
const warmUpSeconds = 1;
const mark = Buffer.from("\u0001when");

/** Its time of leaving stands in the payload, behind a mark that nothing else has. */
function message({ protocol }: LatencyOptions, publisher: number): Buffer {
  const payload = Buffer.alloc(payloadBytes, "x");
  mark.copy(payload);
  payload.writeDoubleBE(performance.now(), mark.length);
  if (protocol === "mqtt") return encodePublish(4, { topic: `bench/${publisher}`, payload });
  const head = Buffer.from(`PUB bench.${publisher} ${payloadBytes}\r\n`);
  return Buffer.concat([head, payload, Buffer.from("\r\n")]);
}

async function run(options: LatencyOptions): Promise<LatencyResult> {
  const consumer = await knock(options, "consumer", "agreement-0");
  await subscribe(consumer, options.protocol);
  const waits: number[] = [];
  let received = 0;
  let rest = Buffer.alloc(0);
  consumer.on("data", (chunk: Buffer) => {
    const now = performance.now();
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let read = 0;
    for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, read)) {
      if (at + payloadBytes > bytes.length) break;
      waits.push(now - bytes.readDoubleBE(at + mark.length));
      received++;
      read = at + payloadBytes;
    }
    rest = Buffer.from(bytes.subarray(read));
  });
  const sockets: Socket[] = [];
  for (let i = 0; i < publishers; i++) sockets.push(await knock(options, `publisher-${i}`));
  const send = async (seconds: number): Promise<number> => {
    const total = Math.round(seconds * options.perSecond);
    const began = performance.now();
    for (let sent = 0; sent < total; await sleep(1)) {
      const due = Math.min(total, ((performance.now() - began) / 1000) * options.perSecond);
      for (; sent < due; sent++)
        sockets[sent % publishers]!.write(message(options, sent % publishers));
    }
    for (let last = -1; last !== received; await sleep(300)) last = received;
    return total;
  };
  await send(warmUpSeconds);
  waits.length = 0;
  received = 0;
  const lost = (await send(options.seconds)) - received;
  waits.sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), lost };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as LatencyOptions)));
process.exit(0);
