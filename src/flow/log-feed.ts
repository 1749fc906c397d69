import type { LogBlock } from "../ports/store.ts";
import type { Checkpoint, Refusal } from "../ports/usage.ts";
import { Feed, type FeedOptions, type FeedPosition } from "./feed.ts";
import { type Passing, passingOf, tellGap } from "./granted.ts";
import type { Passage } from "./passage.ts";
import { layout5 } from "./run.ts";
import type { StreamLog } from "./stream-log.ts";

const readBytes = 262_144;
const windowBytesMax = 4_194_304;

export interface LogFeedOptions extends FeedOptions {
  readonly log: StreamLog;
  /** What its positions are told as being of. */
  readonly epoch: string;
  /** Where reading goes on. */
  readonly position: number;
  /** It has passed everything before the position. */
  readonly passage: Passage;
}

/**
 * A logged stream: served from the log by position at the consumer's own pace, so that a slow
 * link, a broken one and a new one are the same. A checkpoint follows every block.
 */
export class LogFeed extends Feed {
  readonly #log: StreamLog;
  readonly #epoch: string;
  readonly #passage: Passage;
  #stopReading = (): void => {};
  /** Sent and not acknowledged, oldest first. */
  readonly #outstanding: { readonly position: number; readonly bytes: number }[] = [];
  #outstandingBytes = 0;
  #position: number;
  #pumping = false;
  #lastMark: { readonly position: number; readonly messages: number; readonly at: number };

  constructor(options: LogFeedOptions) {
    super(options);
    this.#log = options.log;
    this.#epoch = options.epoch;
    this.#passage = options.passage;
    this.#position = options.position;
    this.#lastMark = { position: options.position, messages: options.base.messages, at: 0 };
  }

  protected override onStarted(): void {
    const pump = (): void => void this.#pump();
    const stops = [this.#log.onCommitted(pump), this.gate.onResumed(pump)];
    this.#stopReading = () => {
      for (const stop of stops) stop();
    };
    pump();
  }

  protected override onAcknowledged(checkpoint: Checkpoint): void {
    while (this.#outstanding.length > 0 && this.#outstanding[0]!.position <= checkpoint.position) {
      this.#outstandingBytes -= this.#outstanding.shift()!.bytes;
    }
    void this.#pump();
  }

  protected override onClosed(): void {
    this.#stopReading();
  }

  /** Exact where nothing is withheld, else a lower bound; nothing is ever resumed from here. */
  protected override positionNow(): FeedPosition {
    const { position, messages, at } = this.#lastMark;
    return { epoch: this.#epoch, position: position + this.tally.messages - messages, at };
  }

  get #mayRead(): boolean {
    return (
      !this.closed &&
      this.gate.ended === undefined &&
      !this.gate.suspended &&
      this.#position < this.#log.end &&
      this.#outstandingBytes < windowBytesMax
    );
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#mayRead) {
        const blocks = await this.#log.read(this.#position, readBytes);
        if (blocks.length === 0) return;
        for (const block of blocks) {
          if (this.closed) return;
          this.#send(block);
        }
      }
    } catch (failure) {
      this.fail(failure);
    } finally {
      this.#pumping = false;
    }
  }

  #send(block: LogBlock): void {
    const { gate } = this;
    let bytes = 0;
    tellGap(gate, block, this.#position);
    const refuse = (reason: Refusal, count: number): void => gate.refuse(reason, count);
    for (const passing of passingOf(block, this.#position, this.#passage, refuse)) {
      bytes += passing.packets.length;
      this.#push(passing);
    }
    this.#position = block.next;
    this.#outstanding.push({ position: block.next, bytes });
    this.#outstandingBytes += bytes;
    this.pushCheckpoint(() => {
      this.#lastMark = { position: block.next, messages: this.tally.messages, at: block.at };
      const { end, lineage } = this.#log;
      const told = { behind: end - block.next, lineage: lineage.textAt(block.next) };
      return { epoch: this.#epoch, position: block.next, at: block.at, ...told };
    });
  }

  #push({ packets, count, payloadBytes }: Passing): void {
    const { gate, tally } = this;
    const parcel = { packets, count, payloadBytes, layout: layout5, gate, tally };
    this.outbox.push({ ...parcel, droppable: false });
  }
}
