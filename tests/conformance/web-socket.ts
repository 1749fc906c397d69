import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocket } from "ws";
import { bytes, packet, text } from "./bytes.ts";
import type { Broker } from "./broker.ts";
import { type Case, both } from "./case.ts";
import { withoutUser } from "./line.ts";

const answerMs = 5000;

interface Opened {
  readonly socket: WebSocket;
  readonly chunks: Buffer[];
  readonly texts: string[];
}

async function opened(broker: Broker, protocols: readonly string[] = ["mqtt"]): Promise<Opened> {
  const socket = new WebSocket(withoutUser(new URL(broker.webSocketUrl())), [...protocols]);
  const chunks: Buffer[] = [];
  const texts: string[] = [];
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) chunks.push(data);
    else texts.push(data.toString());
  });
  await once(socket, "open", { signal: AbortSignal.timeout(answerMs) });
  return { socket, chunks, texts };
}

/** Resolves when so many bytes have come. */
async function received({ socket, chunks }: Opened, count: number): Promise<Buffer> {
  const signal = AbortSignal.timeout(answerMs);
  while (Buffer.concat(chunks).length < count) await once(socket, "message", { signal });
  return Buffer.concat(chunks);
}

async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the connection stays open")), answerMs);
    socket.on("error", () => {}); // it is closed then
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export const webSocketCases: readonly Case[] = [
  ...both(
    { v5: ["MQTT-6.0.0-1"], v3: ["MQTT-6.0.0-1"] },
    "a text frame ends the connection; what comes is binary",
    async (broker) => {
      // Packets all of whose bytes are text: in a binary frame they would be taken.
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const one = await opened(broker);
      one.socket.send(broker.encoded(broker.connectPacket()));
      await received(one, 4);
      assert.deepEqual(one.texts, []);
      one.socket.send(packet(0x30, text(broker.topic()), broker.noProperties).toString("latin1"));
      await closed(one.socket);
      const first = await opened(broker);
      first.socket.send(broker.encoded(broker.connectPacket()).toString("latin1"));
      await closed(first.socket);
      assert.deepEqual(first.chunks, []);
      assert.deepEqual(await broker.messagesAt(reader), []);
    },
  ),

  ...both(
    { v5: ["MQTT-6.0.0-2"], v3: ["MQTT-6.0.0-2"] },
    "frames may hold parts of packets, and several packets",
    async (broker) => {
      const one = await opened(broker);
      const connect = broker.encoded(broker.connectPacket());
      for (const byte of connect) one.socket.send(bytes(byte));
      const { length } = await received(one, 4);
      one.chunks.length = 0;
      const ping = bytes(0xc0, 0);
      one.socket.send(Buffer.concat([ping, ping, ping.subarray(0, 1)]));
      one.socket.send(ping.subarray(1));
      const answer = bytes(0xd0, 0);
      const all = await received(one, 6);
      assert.deepEqual(all.subarray(-6), Buffer.concat([answer, answer, answer]));
      assert.ok(length >= 4);
      one.socket.terminate();
    },
  ),

  ...both(
    { v5: ["MQTT-6.0.0-4"], v3: ["MQTT-6.0.0-4"] },
    "of what is offered mqtt is chosen",
    async (broker) => {
      for (const protocols of [["mqtt"], ["mqttv9", "mqtt"]]) {
        const { socket } = await opened(broker, protocols);
        assert.equal(socket.protocol, "mqtt");
        socket.terminate();
      }
    },
  ),
];
