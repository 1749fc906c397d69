import type { Clock } from "../kernel/clock.ts";
import { Feed, type FeedOptions, type FeedPosition } from "./feed.ts";
import type { Tally } from "./parcel-queue.ts";
import type { Router } from "./router.ts";
import { layout5, type Run } from "./run.ts";
import type { Receiver } from "./subscription.ts";

const checkpointEveryMs = 200;

export interface LiveFeedOptions extends FeedOptions {
  /** Names this connection's run of positions. */
  readonly epoch: string;
  readonly router: Router;
}

/** A live stream: what is published goes on as it comes; what a broken link loses is not billed. */
export class LiveFeed extends Feed implements Receiver {
  readonly #router: Router;
  #unsubscribe = (): void => {};
  readonly #counted: Tally;
  #timer: NodeJS.Timeout | undefined;
  readonly #clock: Clock;
  readonly #epoch: string;
  readonly #base: number;
  #marked: number;

  constructor(options: LiveFeedOptions) {
    super(options);
    this.#router = options.router;
    this.#clock = options.clock;
    this.#epoch = options.epoch;
    this.#base = options.base.messages;
    this.#marked = options.base.messages;
    this.#counted = {
      add: (messages, payloadBytes) => {
        this.tally.add(messages, payloadBytes);
        if (this.closed) this.gate.writeOffLate(messages);
      },
    };
  }

  protected override onStarted(): void {
    this.#unsubscribe = this.#router.subscribeAll(this.gate.grant.filters, this);
    this.#timer = setInterval(() => this.#mark(), checkpointEveryMs);
    this.#timer.unref();
  }

  receive(run: Run): void {
    if (this.closed) return;
    if (this.isUnanswered && this.gate.ended === undefined) {
      this.gate.refuse("suspended", run.count);
      return;
    }
    const passing = this.gate.offer(run);
    if (passing === undefined) return;
    this.outbox.push({
      packets: passing.encoded(5),
      count: passing.count,
      payloadBytes: passing.payloadBytes,
      layout: layout5,
      gate: this.gate,
      tally: this.#counted,
      droppable: true,
    });
  }

  protected override onAcknowledged(): void {
    // Nothing waits for it: a live stream has no window.
  }

  protected override onClosed(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.gate.writeOff(this.acknowledged.messages, this.tally.messages);
  }

  protected override positionNow(): FeedPosition {
    const position = this.tally.messages - this.#base;
    return { epoch: this.#epoch, position, at: this.#clock.now() };
  }

  #mark(): void {
    if (this.tally.messages === this.#marked) return;
    this.#marked = this.tally.messages;
    this.pushCheckpoint(() => this.positionNow());
  }
}
