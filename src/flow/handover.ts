import { walkPublishes } from "../wire/mqtt/publish.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import type { LogBlock } from "../ports/store.ts";
import { packetsOf } from "./block-part.ts";
import type { Flow } from "./flow.ts";
import type { Gate } from "./gate.ts";
import type { Passage } from "./passage.ts";
import type { Refusal } from "../ports/usage.ts";
import { type Passing, passingOf, tellGap } from "./granted.ts";
import { Outbox } from "./outbox.ts";
import type { Tally } from "./parcel-queue.ts";
import { layout5, type Run } from "./run.ts";

/** Where a message stands. */
export interface MessagePlace {
  /** Log time, or when a live one came: milliseconds since the Unix epoch. */
  readonly at: number;
  /** In the product's log, where it is logged. */
  readonly position?: number;
}

/** One message as it leaves under an agreement. */
export interface HandedMessage extends Pick<MessagePlace, "position"> {
  /** As of its place; undefined where the agreement moves dates: when it came is one of them. */
  readonly at?: number;
  readonly topic: string;
  /** Part of a buffer that is used again: copy to keep. */
  readonly payload: Buffer;
}

/** Where an agreement's messages go one by one; false where it is full just now. */
export type TakeMessage = (message: HandedMessage) => boolean;

/** Where a message stands goes ahead of it on this topic, which no publisher may use. */
const placeTopic = "$place";

/**
 * An agreement's messages for whoever speaks no MQTT packets: an event stream, an answer, another
 * broker. They wait in an outbox as a client's packets do, so that the same gate stands before
 * them at the same moment: caps, expiry and revocation cut what is still queued, and what left is
 * counted on this side alone.
 */
export class Handover {
  readonly gate: Gate;
  readonly #flow: Flow;
  readonly #outbox: Outbox;
  readonly #tally: Tally;
  readonly #take: TakeMessage;
  readonly #hidesTime: boolean;
  #place: MessagePlace | undefined;

  constructor(
    flow: Flow,
    gate: Gate,
    options: {
      readonly take: TakeMessage;
      readonly queueBytesMax: number;
      readonly onDropped?: (messages: number) => void;
      readonly onFlushed?: () => void;
    },
  ) {
    const { agreement } = gate.grant;
    this.gate = gate;
    this.#hidesTime = gate.grant.shape?.shift !== undefined;
    this.#flow = flow;
    this.#take = options.take;
    const { usage } = flow.outside;
    this.#tally = usage.handedOver(agreement);
    this.#outbox = new Outbox(
      { write: (packets) => this.#write(packets) },
      {
        queueBytesMax: options.queueBytesMax,
        onDropped: options.onDropped ?? (() => {}),
        ...flushed(options),
      },
    );
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** A live run: its oldest messages are given up where the taker is too slow. */
  pushLive(run: Run): void {
    const passing = this.gate.offer(run);
    if (passing === undefined) return;
    const { count, payloadBytes } = passing;
    this.#push({ packets: passing.encoded(5), count, payloadBytes }, true);
  }

  /**
   * The messages of a log's block from a position on, each with its place. How many of them the
   * agreement lets through, `limit` at most, and where it goes on; the passage goes with it.
   */
  push(
    block: LogBlock,
    from: number,
    passage: Passage,
    limit = Infinity,
  ): { readonly count: number; readonly next: number } {
    const refuse = (why: Refusal, many: number): void => this.gate.refuse(why, many);
    tellGap(this.gate, block, from);
    let count = 0;
    for (const single of singles(block, from)) {
      if (count >= limit) return { count, next: single.first };
      const { at, first: position } = single;
      for (const passing of passingOf(single, position, passage, refuse)) {
        this.pushPassed(passing, { at, position });
        count += passing.count;
      }
    }
    return { count, next: block.next };
  }

  /** A single message that the agreement has let through before; now it is the gate's to admit. */
  pushPassed(passing: Passing, place: MessagePlace): void {
    const payload = Buffer.from(JSON.stringify(place));
    this.#outbox.pushControl(encodePublish(5, { topic: placeTopic, payload }));
    this.#push(passing, false);
  }

  /** Called when all that was pushed before has left or was refused. */
  afterwards(act: () => void): void {
    this.#outbox.pushLate(() => {
      act();
      return undefined;
    });
  }

  /** Whoever takes the messages takes more again. */
  ready(): void {
    this.#outbox.ready();
  }

  close(): void {
    this.#outbox.close();
  }

  #write(packets: Buffer): boolean {
    let takesMore = true;
    walkPublishes(packets, layout5, ({ topicAt, topicEnd, payloadAt, end }) => {
      const topic = packets.toString("utf8", topicAt, topicEnd);
      const payload = packets.subarray(payloadAt, end);
      if (topic === placeTopic) this.#place = JSON.parse(payload.toString("utf8"));
      else {
        const { at = this.#flow.outside.clock.now(), ...place } = this.#place ?? {};
        this.#place = undefined;
        takesMore = this.#take({ topic, payload, ...(this.#hidesTime ? {} : { at }), ...place });
      }
    });
    return takesMore;
  }

  #push({ packets, count, payloadBytes }: Passing, droppable: boolean): void {
    const { gate } = this;
    const tally = this.#tally;
    const layout = layout5;
    this.#outbox.push({ packets, count, payloadBytes, layout, gate, tally, droppable });
  }
}

function flushed({ onFlushed }: { readonly onFlushed?: () => void }) {
  return onFlushed === undefined ? {} : { onFlushed };
}

/** The block's messages at or after a position, each as a block of its own. */
export function* singles(block: LogBlock, from: number): Iterable<LogBlock> {
  const packets = packetsOf(block);
  const places: [start: number, payloadAt: number, end: number][] = [];
  walkPublishes(packets, layout5, ({ start, payloadAt, end }) => {
    places.push([start, payloadAt, end]);
  });
  for (const [index, [start, payloadAt, end]] of places.entries()) {
    const first = block.first + index;
    if (first < from) continue;
    const about = { first, next: first + 1, count: 1, payloadBytes: end - payloadAt };
    yield { ...block, ...about, packets: packets.subarray(start, end) };
  }
}
