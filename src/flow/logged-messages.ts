import { openPassage } from "./granted.ts";
import type { Handover } from "./handover.ts";
import type { Passage } from "./passage.ts";
import type { StreamLog } from "./stream-log.ts";

const readBytes = 262_144;
const queuedBytesMax = 1_048_576;

/**
 * A log followed from a position on, for a taker of single messages: read at its own pace, so that
 * one that is slow costs no memory and loses nothing. Rests while the agreement rests.
 */
export class LoggedMessages {
  readonly #log: StreamLog;
  readonly #handover: Handover;
  readonly #onFailed: (failure: unknown) => void;
  readonly #onGap: (from: number, to: number) => void;
  #stops: (() => void)[] = [];
  #position: number;
  readonly #start: number;
  #passage: Passage | undefined;
  #pumping = false;
  #closed = false;

  constructor(
    log: StreamLog,
    handover: Handover,
    options: {
      readonly position: number;
      /** Of the agreement, in the log. */
      readonly start: number;
      readonly onFailed: (failure: unknown) => void;
      /** Positions [from, to) are kept no longer. */
      readonly onGap?: (from: number, to: number) => void;
    },
  ) {
    this.#log = log;
    this.#handover = handover;
    this.#position = options.position;
    this.#start = options.start;
    this.#onFailed = options.onFailed;
    this.#onGap = options.onGap ?? (() => {});
  }

  start(): void {
    const pump = (): void => this.pump();
    this.#stops = [this.#log.onCommitted(pump), this.#handover.gate.onResumed(pump)];
    pump();
  }

  /** Goes on where there is room again. */
  pump(): void {
    if (!this.#pumping) void this.#pump();
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#stops) stop();
  }

  get #mayRead(): boolean {
    const { gate, queuedBytes } = this.#handover;
    if (this.#closed || gate.ended !== undefined || gate.suspended) return false;
    return this.#position < this.#log.end && queuedBytes < queuedBytesMax;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      const { gate } = this.#handover;
      this.#passage ??= await openPassage(gate, this.#log, this.#position, this.#start);
      const passage = this.#passage;
      while (this.#mayRead) {
        const blocks = await this.#log.read(this.#position, readBytes);
        if (blocks.length === 0) return;
        for (const block of blocks) {
          if (!this.#mayRead) break;
          if (block.first > this.#position) this.#onGap(this.#position, block.first);
          this.#position = this.#handover.push(block, this.#position, passage).next;
        }
      }
    } catch (failure) {
      this.#onFailed(failure);
    } finally {
      this.#pumping = false;
    }
  }
}
