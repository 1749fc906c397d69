import type { ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import type { Line } from "../../flow/followed-stream.ts";
import type { HandedMessage } from "../../flow/handover.ts";
import { frameOf } from "./frame.ts";

/** Server-Sent Events (HTML Living Standard §9.2); an event's id is the message's position. */
export class EventStreamLine implements Line {
  readonly #raw: ServerResponse;

  constructor(raw: ServerResponse, onReady: () => void) {
    this.#raw = raw;
    raw.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    raw.write(":\n\n"); // the answer's head goes out now
    raw.on("drain", onReady);
  }

  send(message: HandedMessage): boolean {
    const id = message.position === undefined ? "" : `id: ${message.position}\n`;
    return this.#raw.write(`${id}data: ${frameOf(message)}\n\n`);
  }

  beat(): void {
    if (this.#raw.writableLength === 0) this.#raw.write(":\n\n");
  }

  end(why: string): void {
    this.#raw.end(`event: end\ndata: ${JSON.stringify({ why })}\n\n`);
  }

  destroy(): void {
    this.#raw.destroy();
  }
}

/** Bytes that may wait in a WebSocket before no more is given to it. */
const bufferedBytesMax = 262_144;
/** RFC 6455 §7.4.1 */
const policyViolation = 1008;
/** RFC 6455 §5.5: a control frame's payload, less the code. */
const reasonBytesMax = 123;

/** A WebSocket (RFC 6455), one text frame a message. */
export class WebSocketLine implements Line {
  readonly #socket: WebSocket;
  readonly #onReady: () => void;
  #isFull = false;
  #isAlive = true;

  constructor(socket: WebSocket, onReady: () => void) {
    this.#socket = socket;
    this.#onReady = onReady;
    socket.on("pong", () => (this.#isAlive = true));
  }

  send(message: HandedMessage): boolean {
    this.#socket.send(frameOf(message), () => this.#onSent());
    this.#isFull = this.#socket.bufferedAmount > bufferedBytesMax;
    return !this.#isFull;
  }

  beat(): void {
    if (!this.#isAlive) this.destroy();
    this.#isAlive = false;
    this.#socket.ping();
  }

  end(why: string): void {
    const reason = Buffer.from(why).subarray(0, reasonBytesMax).toString("utf8");
    this.#socket.close(policyViolation, reason);
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #onSent(): void {
    if (!this.#isFull || this.#socket.bufferedAmount > bufferedBytesMax / 2) return;
    this.#isFull = false;
    this.#onReady();
  }
}
