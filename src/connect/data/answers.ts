import { createHash } from "node:crypto";
import type { FastifyReply } from "fastify";
import { Readable } from "node:stream";
import type { Flow } from "../../flow/flow.ts";
import type { Gate } from "../../flow/gate.ts";
import { openPassage } from "../../flow/granted.ts";
import { grantedHistoryLines } from "../../flow/history/granted-source.ts";
import type { HistoryKeeping } from "../../flow/history/keeping.ts";
import { type HistoryRequest, historyQueryFrom } from "../../flow/history/request.ts";
import { begun, historyFormatOf, historyText, historyTypes } from "../../flow/history/text.ts";
import { type HandedMessage, Handover } from "../../flow/handover.ts";
import { LatestMessages } from "../../flow/latest-messages.ts";
import { readBlocks } from "../../flow/read-blocks.ts";
import type { StreamLog } from "../../flow/stream-log.ts";
import { frameOf } from "../../flow/frame.ts";

export interface AnswerLimits {
  /** What one answer holds. */
  readonly answerBytesMax: number;
  readonly answerMessagesMax: number;
  /** What windows of one answer are made from. */
  readonly historyReadingsMax: number;
}

/** Composes messages into what consumers of a sector's native format read. */
export interface NativeFeed {
  readonly contentType: string;
  take(message: { readonly topic: string; readonly payload: Uint8Array }): void;
  compose(): Uint8Array;
}

interface TimeAsked {
  readonly log: StreamLog;
  /** Of the agreement, in the log. */
  readonly start: number;
  readonly query: HistoryRequest;
  readonly accept: string | undefined;
}

interface HistoryAsked {
  readonly log: StreamLog;
  readonly position: number;
  /** Of the agreement, in the log. */
  readonly start: number;
  readonly limit: number;
}

/** Single answers over HTTP: what stands now, and what stood. */
export class Answers {
  readonly #flow: Flow;
  readonly #history: HistoryKeeping;
  readonly #limits: AnswerLimits;
  readonly #latest: LatestMessages;

  constructor(flow: Flow, history: HistoryKeeping, limits: AnswerLimits) {
    this.#flow = flow;
    this.#history = history;
    this.#limits = limits;
    this.#latest = new LatestMessages(flow);
  }

  /** From now on the last messages of the agreement's topics are kept, until it ends. */
  keepLatest({ grant }: Gate): void {
    this.#latest.of(grant);
  }

  forgetLatest({ grant }: Gate): void {
    this.#latest.forget(grant);
  }

  /** The last message of each topic, as a JSON array; 304 where the asker has just these. */
  async latest(gate: Gate, known: string | undefined, reply: FastifyReply): Promise<unknown> {
    const frames: string[] = [];
    const isNew = await this.#eachLatest(gate, known, reply, (message) => {
      frames.push(frameOf(message));
    });
    if (!isNew) return reply.code(304).send();
    return reply.type("application/json; charset=utf-8").send(`[${frames.join(",\n")}]`);
  }

  /** The same messages as one feed in a native format. */
  async feed(
    gate: Gate,
    feed: NativeFeed,
    known: string | undefined,
    reply: FastifyReply,
  ): Promise<unknown> {
    const isNew = await this.#eachLatest(gate, known, reply, (message) => feed.take(message));
    if (!isNew) return reply.code(304).send();
    return reply.type(feed.contentType).send(Buffer.from(feed.compose()));
  }

  /** False where the asker knows just these: then nothing is handed over. */
  async #eachLatest(
    gate: Gate,
    known: string | undefined,
    reply: FastifyReply,
    take: (message: HandedMessage) => void,
  ): Promise<boolean> {
    const latest = this.#latest.of(gate.grant);
    const hash = createHash("sha256");
    for await (const bytes of latest.identity()) hash.update(bytes);
    const etag = `"${hash.digest("base64url").slice(0, 22)}"`;
    reply.header("etag", etag).header("cache-control", "private, no-cache");
    if (known === etag) return false;
    const { answerBytesMax } = this.#limits;
    await this.#handedOver(gate, take, (handover) => latest.pushTo(handover, answerBytesMax));
    return true;
  }

  /** Messages of the log from a position on, a line each; `Link` says where more is (RFC 8288). */
  async history(gate: Gate, asked: HistoryAsked, reply: FastifyReply): Promise<unknown> {
    const { log } = asked;
    const limit = Math.min(asked.limit, this.#limits.answerMessagesMax);
    const passage = await openPassage(gate, log, asked.position, asked.start);
    const frames: string[] = [];
    const take = (message: HandedMessage): void => void frames.push(frameOf(message));
    const next = await this.#handedOver(gate, take, async (handover) => {
      let position = asked.position;
      let count = 0;
      let bytes = 0;
      if (limit === 0) return position;
      for await (const block of readBlocks(log, position)) {
        const pushed = handover.push(block, position, passage, limit - count);
        position = pushed.next;
        count += pushed.count;
        // what is withheld was read as well, so that no question reads without end
        bytes += block.packets.length;
        if (count >= limit || bytes >= this.#limits.answerBytesMax) break;
      }
      return position;
    });
    if (next < log.end) {
      const base = `/data/${encodeURIComponent(gate.grant.agreement)}/history`;
      reply.header("link", `<${base}?after=${next - 1}&limit=${limit}>; rel="next"`);
    }
    reply.header("cache-control", "private, no-store");
    const lines = frames.map((frame) => `${frame}\n`).join("");
    return reply.type("application/x-ndjson; charset=utf-8").send(lines);
  }

  /** Readings by topic and time, or what their windows come to, from what is let through. */
  async byTime(gate: Gate, asked: TimeAsked, reply: FastifyReply): Promise<unknown> {
    const { log, start, query, accept } = asked;
    const { answerMessagesMax: linesMax, historyReadingsMax, answerBytesMax } = this.#limits;
    const format = historyFormatOf(accept);
    const linesDefault = format === "csv" ? linesMax : Math.min(1000, linesMax);
    const now = this.#flow.outside.clock.now();
    const question = historyQueryFrom(query, now, { linesDefault, linesMax });
    const lines = grantedHistoryLines(
      {
        ...{ flow: this.#flow, keeping: this.#history, gate, log, start },
        ...{ readingsMax: historyReadingsMax, bytesMax: answerBytesMax },
      },
      question,
    );
    const pieces = await begun(historyText(lines, format, question));
    void reply.type(historyTypes[format]).header("cache-control", "private, no-store");
    return reply.send(Readable.from(pieces));
  }

  close(): void {
    this.#latest.close();
  }

  /** What of all that was pushed really passed the gate. */
  async #handedOver<T>(
    gate: Gate,
    take: (message: HandedMessage) => void,
    push: (handover: Handover) => Promise<T>,
  ): Promise<T> {
    const handover = new Handover(this.#flow, gate, {
      take: (message) => {
        take(message);
        return true;
      },
      queueBytesMax: Infinity, // nothing is dropped; what is pushed is bounded
    });
    const pushed = await push(handover);
    await new Promise<void>((resolve) => handover.afterwards(resolve));
    return pushed;
  }
}
