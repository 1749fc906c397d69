import type { ServerResponse } from "node:http";
import type { WebSocket } from "ws";

/** One event for whoever follows a stream: a message, or by its name something about them. */
export interface LineEvent {
  /** Absent: a message. */
  readonly event?: "begin" | "dropped" | "gap";
  /** To go on after it. */
  readonly id?: string | undefined;
  /** One line of JSON, an object. */
  readonly data: string;
}

/** One connection that a stream is written to, event by event. */
export interface Line {
  /** False where it is full; `onReady` is called when it takes more. */
  send(event: LineEvent): boolean;
  /** Keeps a quiet connection open, or finds out that nobody is there. `id`: how far it came. */
  beat(id?: string): void;
  /** The last words; what was sent before is still on its way. */
  end(why: string): void;
  destroy(): void;
}

/** Server-Sent Events (HTML Living Standard §9.2). */
export class EventStreamLine implements Line {
  readonly #raw: ServerResponse;

  constructor(
    raw: ServerResponse,
    onReady: () => void,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.#raw = raw;
    raw.writeHead(200, {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    raw.write(":\n\n"); // the answer's head goes out now
    raw.on("drain", onReady);
  }

  send({ event, id, data }: LineEvent): boolean {
    const name = event === undefined ? "" : `event: ${event}\n`;
    return this.#raw.write(`${name}${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
  }

  /** An id alone is no event, and is kept all the same (§9.2.6). */
  beat(id?: string): void {
    if (this.#raw.writableLength > 0) return;
    this.#raw.write(id === undefined ? ":\n\n" : `id: ${id}\n\n`);
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

/** A WebSocket (RFC 6455), one text frame an event; what is no message has a member `event`. */
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

  send({ event, data }: LineEvent): boolean {
    const text = event === undefined ? data : `{"event":"${event}",${data.slice(1)}`;
    this.#socket.send(text, () => this.#onSent());
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
