import { encodePublish } from "../src/wire/mqtt/encode.ts";
import type { LogBlock } from "../src/ports/store.ts";
import { seeded } from "./products.ts";

/** Every Thing tells what it measures so often. */
export const everyMs = 10_000;
export const startedAt = Date.UTC(2026, 0, 1);
const readingsPerBlock = 1_000;

export interface Measured {
  readonly topic: string;
  readonly time: number;
  readonly payload: string;
}

/**
 * Sensors as they are: temperature, humidity and battery that wander by small steps, each reading
 * with its own time in milliseconds of jitter; all Things once, then all of them again.
 */
export function* readingsOf(things: number, readings: number, seed: number): Iterable<Measured> {
  const random = seeded(seed);
  const temperature = Float64Array.from({ length: things }, () => 150 + random() * 100);
  const humidity = Float64Array.from({ length: things }, () => 300 + random() * 400);
  for (let i = 0; i < readings; i++) {
    const thing = i % things;
    const turn = Math.floor(i / things);
    temperature[thing]! += Math.round((random() - 0.5) * 3);
    humidity[thing]! += Math.round((random() - 0.5) * 5);
    const time = startedAt + turn * everyMs + Math.floor(random() * 50);
    const battery = 100 - Math.floor(turn / 500);
    const payload =
      `{"observedAt":"${new Date(time).toISOString()}",` +
      `"temperature":${Math.round(temperature[thing]!) / 10},` +
      `"humidity":${Math.round(humidity[thing]!) / 10},"battery":${battery}}`;
    yield { topic: topicOf(thing), time, payload };
  }
}

export function topicOf(thing: number): string {
  return `site/${thing % 100}/sensor-${thing}`;
}

/** The same as a log has them. */
export function* blocksOf(log: string, readings: Iterable<Measured>): Iterable<LogBlock> {
  let packets: Buffer[] = [];
  let first = 0;
  let payloadBytes = 0;
  let at = 0;
  const block = (): LogBlock => {
    const count = packets.length;
    const made = { log, epoch: "bench", first, next: first + count, count, payloadBytes, at };
    return { ...made, packets: Buffer.concat(packets) };
  };
  for (const { topic, time, payload } of readings) {
    const bytes = Buffer.from(payload);
    packets.push(encodePublish(5, { topic, payload: bytes }));
    payloadBytes += bytes.length;
    at = time + 80;
    if (packets.length < readingsPerBlock) continue;
    yield block();
    first += packets.length;
    packets = [];
    payloadBytes = 0;
  }
  if (packets.length > 0) yield block();
}
