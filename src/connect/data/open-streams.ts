import { FollowedStream, type MessageLine } from "../../flow/followed-stream.ts";
import type { Flow } from "../../flow/flow.ts";
import { frameOf } from "../../flow/frame.ts";
import type { Gate } from "../../flow/gate.ts";
import type { Line } from "../../flow/lines.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Since } from "./since.ts";

export interface StreamLimits {
  /** Event streams and WebSockets of one agreement, of one participant, and of all. */
  readonly streamsPerAgreementMax: number;
  readonly streamsPerConsumerMax: number;
  readonly streamsMax: number;
  /** What may wait for one of them. */
  readonly queueBytesMax: number;
}

/** Somebody let in: under which agreement, and by which transfer. */
export interface Guest {
  readonly gate: Gate;
  readonly transfer: string;
}

interface OpenStream {
  readonly stream: FollowedStream;
  readonly agreement: string;
  /** A participant's id. */
  readonly consumer: string;
  readonly transfer: string;
}

const beatMs = 15_000;

/** The event streams and WebSockets that are open: so many at most, and each hears from time to time. */
export class OpenStreams {
  readonly #flow: Flow;
  readonly #limits: StreamLimits;
  readonly #streams = new Set<OpenStream>();
  readonly #beat: NodeJS.Timeout;

  constructor(flow: Flow, limits: StreamLimits) {
    this.#flow = flow;
    this.#limits = limits;
    this.#beat = setInterval(() => {
      for (const { stream } of this.#streams) stream.line.beat();
    }, beatMs).unref();
  }

  /** LIMIT_REACHED where no more may be opened under the agreement. */
  requireRoom({ grant: { agreement, consumer } }: Gate): void {
    const { streamsMax, streamsPerAgreementMax, streamsPerConsumerMax } = this.#limits;
    const all = [...this.#streams];
    const limits = [
      [streamsPerAgreementMax, all.filter((one) => one.agreement === agreement).length],
      [streamsPerConsumerMax, all.filter((one) => one.consumer === consumer).length],
      [streamsMax, all.length],
    ] as const;
    const full = limits.find(([limit, open]) => open >= limit);
    if (full === undefined) return;
    throw new ComityError("LIMIT_REACHED", { limit: full[0], what: "streams at a time" });
  }

  /** Returns what is to be called when the other side has gone. */
  open({ gate, transfer }: Guest, from: Since, line: (onReady: () => void) => Line): () => void {
    const stream = new FollowedStream({
      ...{ flow: this.#flow, gate, from, queueBytesMax: this.#limits.queueBytesMax },
      line: (onReady) => framed(line(onReady)),
    });
    const { agreement, consumer } = gate.grant;
    const opened = { stream, agreement, consumer, transfer };
    this.#streams.add(opened);
    return () => {
      this.#streams.delete(opened);
      stream.gone();
    };
  }

  /** What was opened by the transfer ends. */
  cut(transfer: string, why: string): void {
    for (const opened of this.#streams) {
      if (opened.transfer === transfer) opened.stream.end(why);
    }
  }

  close(): void {
    clearInterval(this.#beat);
    for (const { stream } of this.#streams) stream.end("the node is shutting down");
  }
}

/** Messages as events of JSON. */
function framed(line: Line): MessageLine {
  return {
    send: (message, id) => line.send({ id, data: frameOf(message, id) }),
    tell: (event) => void line.send(event),
    beat: () => line.beat(),
    end: (why) => line.end(why),
    destroy: () => line.destroy(),
  };
}
