import type { FastifyReply } from "fastify";
import type { ServerResponse } from "node:http";
import { ComityError } from "../kernel/errors.ts";
import { nameOfPrincipal, type Principal } from "../things/access.ts";
import type { ApiLimits } from "./limits.ts";

type SseLimits = Pick<ApiLimits, "sseClientsMax" | "sseQueueBytesMax">;

const heartbeatMs = 15_000;

/** Server-Sent Events (HTML Living Standard §9.2) to one client; what it cannot take is dropped. */
class SseClient {
  readonly #raw: ServerResponse;
  readonly #queueBytesMax: number;
  #dropped = 0;

  constructor(raw: ServerResponse, queueBytesMax: number) {
    this.#raw = raw;
    this.#queueBytesMax = queueBytesMax;
  }

  /** `data` is one line of JSON. */
  send(event: string, data: string): void {
    if (this.#raw.writableLength > this.#queueBytesMax) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) {
      this.#raw.write(`event: dropped\ndata: {"messages":${this.#dropped}}\n\n`);
      this.#dropped = 0;
    }
    this.#raw.write(
      event === "message" ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`,
    );
  }

  /** With an id to go on from: who cannot take it is ended, and misses nothing when it returns. */
  sendOrEnd(event: string, data: string, id: string): void {
    if (this.#raw.writableLength > this.#queueBytesMax) this.#raw.end();
    else this.#raw.write(`event: ${event}\ndata: ${data}\nid: ${id}\n\n`);
  }

  /** A comment keeps proxies from closing a quiet connection. */
  beat(): void {
    if (this.#raw.writableLength === 0) this.#raw.write(":\n\n");
  }

  end(): void {
    this.#raw.end();
  }
}

/** All SSE clients of the node: their number is limited, and they end with it. */
export class SseClients {
  readonly #limits: SseLimits;
  readonly #isOver: (caller: Principal) => boolean;
  /** With who opened it. */
  readonly #clients = new Map<SseClient, Principal | undefined>();
  #heartbeat: NodeJS.Timeout | undefined;

  /** `isOver`: whether what somebody came in with is good no more. */
  constructor(limits: SseLimits, isOver: (caller: Principal) => boolean = () => false) {
    this.#limits = limits;
    this.#isOver = isOver;
  }

  /** Answers with an event stream; `onClose` runs once when the client has gone. */
  open(reply: FastifyReply, onClose: () => void, caller?: Principal): SseClient {
    const max = this.#limits.sseClientsMax;
    if (this.#clients.size >= max) {
      throw new ComityError("LIMIT_REACHED", { limit: max, what: "event streams" });
    }
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    reply.raw.write(":\n\n"); // the answer's head goes out now
    const client = new SseClient(reply.raw, this.#limits.sseQueueBytesMax);
    this.#clients.set(client, caller);
    this.#heartbeat ??= setInterval(() => this.#beat(), heartbeatMs).unref();
    reply.raw.once("close", () => {
      this.#clients.delete(client);
      onClose();
    });
    return client;
  }

  /** Ends what this caller opened: the token that opened it is good no more. */
  closeOf(caller: string): void {
    for (const [client, opener] of this.#clients) {
      if (opener !== undefined && nameOfPrincipal(opener) === caller) client.end();
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const client of this.#clients.keys()) client.end();
  }

  #beat(): void {
    for (const [client, caller] of this.#clients) {
      if (caller !== undefined && this.#isOver(caller)) client.end();
      else client.beat();
    }
  }
}
