import type { FastifyReply } from "fastify";
import type { ServerResponse } from "node:http";
import { LiveQueue } from "../flow/live-queue.ts";
import { ComityError } from "../kernel/errors.ts";
import { nameOfPrincipal, type Principal } from "../things/access.ts";
import type { ApiLimits } from "./limits.ts";

type SseLimits = Pick<ApiLimits, "sseClientsMax" | "sseQueueBytesMax">;

const heartbeatMs = 15_000;
const tokenOver = "the token is good no more";

/** What is open to one client. */
export interface OpenStream {
  /** Finds out that nobody is there, and keeps proxies from closing a quiet connection. */
  beat(): void;
  end(why: string): void;
}

/** Server-Sent Events (HTML Living Standard §9.2) to one client; who is slow misses the oldest. */
class SseClient implements OpenStream {
  readonly #raw: ServerResponse;
  readonly #queueBytesMax: number;
  readonly #waiting: LiveQueue<string>;
  #isFull = false;

  constructor(raw: ServerResponse, queueBytesMax: number) {
    this.#raw = raw;
    this.#queueBytesMax = queueBytesMax;
    this.#waiting = new LiveQueue(queueBytesMax);
    raw.on("drain", () => this.#ready());
  }

  /** `data` is one line of JSON. */
  send(event: string, data: string): void {
    const text = event === "message" ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`;
    if (this.#isFull) this.#waiting.push(text, Buffer.byteLength(text));
    else this.#isFull = !this.#raw.write(text);
  }

  /** With an id to go on from: who cannot take it is ended, and misses nothing when it returns. */
  sendOrEnd(event: string, data: string, id: string): void {
    if (this.#raw.writableLength > this.#queueBytesMax) this.#raw.end();
    else this.#raw.write(`event: ${event}\ndata: ${data}\nid: ${id}\n\n`);
  }

  beat(): void {
    if (this.#raw.writableLength === 0) this.#raw.write(":\n\n");
  }

  end(): void {
    this.#raw.end();
  }

  #ready(): void {
    this.#isFull = false;
    while (!this.#isFull) {
      const next = this.#waiting.next();
      if (next === undefined) return;
      const text =
        "item" in next
          ? next.item
          : `event: dropped\ndata: ${JSON.stringify({ messages: next.dropped })}\n\n`;
      this.#isFull = !this.#raw.write(text);
    }
  }
}

/** Event streams and WebSockets of the node: their number is limited, and they end with it. */
export class StreamClients {
  readonly #limits: SseLimits;
  readonly #isOver: (caller: Principal) => boolean;
  /** With who opened it. */
  readonly #clients = new Map<OpenStream, Principal | undefined>();
  #heartbeat: NodeJS.Timeout | undefined;

  /** `isOver`: whether what somebody came in with is good no more. */
  constructor(limits: SseLimits, isOver: (caller: Principal) => boolean = () => false) {
    this.#limits = limits;
    this.#isOver = isOver;
  }

  /** Answers with an event stream; `onClose` runs once when the client has gone. */
  open(reply: FastifyReply, onClose: () => void, caller?: Principal): SseClient {
    this.needRoom();
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    reply.raw.write(":\n\n"); // the answer's head goes out now
    const client = new SseClient(reply.raw, this.#limits.sseQueueBytesMax);
    const leave = this.add(client, caller);
    reply.raw.once("close", () => {
      leave();
      onClose();
    });
    return client;
  }

  /** LIMIT_REACHED where there are as many as may be. */
  needRoom(): void {
    const { sseClientsMax: limit } = this.#limits;
    if (this.#clients.size < limit) return;
    throw new ComityError("LIMIT_REACHED", { limit, what: "event streams and WebSockets" });
  }

  /** Beats for it, and ends it with its caller's token; the answer is to be called at its close. */
  add(client: OpenStream, caller: Principal | undefined): () => void {
    this.#clients.set(client, caller);
    this.#heartbeat ??= setInterval(() => this.#beat(), heartbeatMs).unref();
    return () => this.#clients.delete(client);
  }

  /** Ends what this caller opened: the token that opened it is good no more. */
  closeOf(caller: string): void {
    for (const [client, opener] of this.#clients) {
      if (opener !== undefined && nameOfPrincipal(opener) === caller) client.end(tokenOver);
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const client of this.#clients.keys()) client.end("the node is shutting down");
  }

  #beat(): void {
    for (const [client, caller] of this.#clients) {
      if (caller !== undefined && this.#isOver(caller)) client.end(tokenOver);
      else client.beat();
    }
  }
}
