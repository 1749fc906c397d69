/**
 * Many connections, of which each says little: opens them, lets each publish once a second, and
 * counts what the consumers get. Told by its parent what to do, step by step (`load-process.ts`).
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodePublish } from "../src/wire/mqtt/encode.ts";
import { knock, type Protocol, subscribe } from "./knock.ts";

export interface ConnectStep {
  readonly step: "connect";
  readonly port: number;
  readonly protocol: Protocol;
  readonly connections: number;
}

export interface ConsumeStep {
  readonly step: "consume";
  readonly port: number;
  readonly protocol: Protocol;
  readonly consumers: number;
}

export interface PublishStep {
  readonly step: "publish";
  readonly seconds: number;
  /** Absent: 64 bytes of text. */
  readonly payload?: string;
}

export interface Published {
  readonly sent: number;
  /** By all consumers. */
  readonly received: number;
}

type Step = ConnectStep | ConsumeStep | PublishStep;

const atOnce = 100;
const quietMs = 300;
/** A loopback address has some 28,000 ports; beyond so many another one is asked for by name. */
const perAddress = 20_000;
const devices: Socket[] = [];
let protocol: Protocol = "mqtt";
let receivedBytes = 0;

async function connectAll(step: ConnectStep): Promise<{ seconds: number }> {
  const began = performance.now();
  ({ protocol } = step);
  for (let left = step.connections; left > 0; left -= atOnce) {
    const some = Array.from({ length: Math.min(atOnce, left) }, (_, i) => {
      const number = devices.length + i;
      // Named only where it must be: the kernel looks long for a port that is free for all peers.
      const others = Math.floor(number / perAddress);
      const from = others === 0 ? {} : { localAddress: `127.0.0.${1 + others}` };
      return knock({ port: step.port, protocol, ...from }, `device-${number}`);
    });
    for (const socket of await Promise.all(some)) {
      socket.resume();
      devices.push(socket);
    }
  }
  return { seconds: (performance.now() - began) / 1000 };
}

async function consume(step: ConsumeStep): Promise<object> {
  ({ protocol } = step);
  for (let i = 0; i < step.consumers; i++) {
    const socket = await knock(step, `consumer-${i}`, `agreement-${i}`);
    await subscribe(socket, protocol);
    socket.on("data", (chunk: Buffer) => {
      receivedBytes += chunk.length;
    });
  }
  return {};
}

const number = (i: number): string => String(i).padStart(6, "0");

function packetOf(i: number, payload: string): Buffer {
  if (protocol === "nats") {
    return Buffer.from(`PUB bench.${number(i)} ${payload.length}\r\n${payload}\r\n`);
  }
  return encodePublish(4, { topic: `bench/${number(i)}`, payload: Buffer.from(payload) });
}

function deliveredBytes(payload: string): number {
  if (protocol === "mqtt") return packetOf(0, payload).length;
  return `MSG bench.${number(0)} 1 ${payload.length}\r\n${payload}\r\n`.length;
}

/** Each device once a second, evenly spread; what is late is caught up with. */
async function publish(step: PublishStep): Promise<Published> {
  const payload = step.payload ?? "x".repeat(64);
  const packets = devices.map((_, i) => packetOf(i, payload));
  const before = receivedBytes;
  const total = Math.round(step.seconds * devices.length);
  const began = performance.now();
  for (let sent = 0; sent < total; await sleep(1)) {
    const due = Math.min(total, ((performance.now() - began) / 1000) * devices.length);
    for (; sent < due; sent++)
      devices[sent % devices.length]!.write(packets[sent % devices.length]!);
  }
  for (let last = -1; last !== receivedBytes; await sleep(quietMs)) last = receivedBytes;
  const received = Math.round((receivedBytes - before) / deliveredBytes(payload));
  return { sent: total, received };
}

function take(step: Step): Promise<object> {
  if (step.step === "connect") return connectAll(step);
  return step.step === "consume" ? consume(step) : publish(step);
}

process.on("message", (step: Step) => {
  take(step).then(
    (answer) => process.send!(answer),
    (failure: unknown) => process.send!({ error: String(failure) }),
  );
});
