/**
 * The load: raw sockets, packets encoded beforehand, so that the generator costs little beside
 * the broker. Publishers keep at most a window of messages that no subscriber has seen yet, so
 * that no broker has to drop. Run in a process of its own; prints one JSON line.
 */
import { encodePublish } from "../src/wire/mqtt/encode.ts";
import { PacketStream } from "../src/wire/mqtt/packet-stream.ts";
import { knock, type Protocol, subjectOf, subscribe } from "./knock.ts";

export interface LoadOptions {
  readonly port: number;
  readonly protocol: Protocol;
  /** publisher i → subscribers i, i+pairs … on topic `bench/<i>`. */
  readonly pairs: number;
  readonly subscribersPerTopic: number;
  readonly qos: 0 | 1;
  readonly payloadBytes: number;
  /** In place of as many bytes of text. */
  readonly payload?: string;
  readonly messages: number;
  /** Messages under way for each publisher at most. */
  readonly window: number;
}

export interface LoadResult {
  readonly published: number;
  readonly received: number;
  readonly seconds: number;
}

const burst = 500;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { pairs, subscribersPerTopic, messages } = options;
  const perPublisher = Math.floor(messages / pairs);
  const topics: TopicLoad[] = [];
  let agreement = 0;
  for (let i = 0; i < pairs; i++) {
    const load: TopicLoad = { topic: `bench/${i}`, received: [] };
    for (let s = 0; s < subscribersPerTopic; s++) await receive(options, load, s, agreement++);
    topics.push(load);
  }
  const start = performance.now();
  await Promise.all(topics.map((load) => publish(options, load, perPublisher)));
  const seconds = (performance.now() - start) / 1000;
  const received = topics.reduce((sum, load) => sum + load.received.reduce((a, b) => a + b, 0), 0);
  return { published: perPublisher * pairs, received, seconds };
}

interface TopicLoad {
  readonly topic: string;
  /** Messages seen by each subscriber. */
  readonly received: number[];
  wake?: (() => void) | undefined;
}

function slowest(load: TopicLoad): number {
  return Math.min(...load.received);
}

async function receive(
  options: LoadOptions,
  load: TopicLoad,
  index: number,
  agreement: number,
): Promise<void> {
  const { port, protocol, qos } = options;
  const socket = await knock({ port, protocol }, `sub-${agreement}`, `agreement-${agreement}`);
  await subscribe(socket, protocol, { filter: load.topic, qos });
  load.received[index] = 0;
  const seen = (count: number): void => {
    load.received[index]! += count;
    load.wake?.();
  };
  if (protocol === "nats") {
    const size = natsMessageBytes(load.topic, options.payloadBytes);
    let held = 0;
    socket.on("data", (chunk) => {
      held += chunk.length;
      const whole = Math.floor(held / size);
      held -= whole * size;
      if (whole > 0) seen(whole);
    });
    return;
  }
  const stream = new PacketStream(
    {
      onRun(run) {
        if (qos === 1) socket.write(pubacks(run.ids));
        seen(run.count);
      },
      onPacket() {},
    },
    1_048_576,
  );
  socket.on("data", (chunk: Buffer) => stream.push(chunk));
}

async function publish(options: LoadOptions, load: TopicLoad, total: number): Promise<void> {
  const { port, protocol } = options;
  const socket = await knock({ port, protocol }, `pub-${load.topic}`);
  socket.resume(); // PUBACKs are not looked at
  let sent = 0;
  while (sent < total) {
    const count = Math.min(burst, total - sent);
    const room = (): boolean => sent - slowest(load) + count <= options.window;
    while (!room()) {
      await new Promise<void>((resolve) => {
        load.wake = resolve;
      });
    }
    sent += count;
    if (!socket.write(packets(options, load.topic, count))) {
      await new Promise<void>((resolve) => socket.once("drain", resolve));
    }
  }
  while (slowest(load) < total) {
    await new Promise<void>((resolve) => {
      load.wake = resolve;
    });
  }
}

const encoded = new Map<string, Buffer>();

function packets(options: LoadOptions, topic: string, count: number): Buffer {
  const key = `${topic} ${count}`;
  let bytes = encoded.get(key);
  if (bytes === undefined) encoded.set(key, (bytes = encode(options, topic, count)));
  return bytes;
}

function encode(options: LoadOptions, topic: string, count: number): Buffer {
  const payload = Buffer.from(options.payload ?? "x".repeat(options.payloadBytes));
  if (options.protocol === "nats") {
    const one = `PUB ${subjectOf(topic)} ${payload.length}\r\n${payload.toString()}\r\n`;
    return Buffer.from(one.repeat(count));
  }
  const { qos } = options;
  const all: Buffer[] = [];
  for (let id = 1; id <= count; id++) {
    all.push(encodePublish(4, { topic, payload, qos, ...(qos === 1 ? { id } : {}) }));
  }
  return Buffer.concat(all);
}

function pubacks(ids: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(ids.length * 4);
  for (const [i, id] of ids.entries()) out.writeUInt32BE(0x4002_0000 | id, i * 4);
  return out;
}

function natsMessageBytes(topic: string, payloadBytes: number): number {
  return `MSG ${subjectOf(topic)} 1 ${payloadBytes}\r\n`.length + payloadBytes + 2;
}

if (process.argv[1] === import.meta.filename) {
  const options = JSON.parse(process.argv[2]!) as LoadOptions;
  console.log(JSON.stringify(await runLoad(options)));
  process.exit(0);
}
