import type { Clock } from "../kernel/clock.ts";
import type { Checkpoint, UsagePort } from "../ports/usage.ts";
import { encodeControl, linkTopic, type LinkControl } from "../wire/link/control.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import type { EndReason, Gate } from "./gate.ts";
import type { Outbox } from "./outbox.ts";
import type { Tally } from "./parcel-queue.ts";

export interface FeedOptions {
  readonly gate: Gate;
  readonly outbox: Outbox;
  readonly usage: UsagePort;
  readonly clock: Clock;
  /** Where counting goes on. */
  readonly base: Checkpoint;
  /** The store is gone: the connection has to end, so that the other side comes back later. */
  readonly onFailed: (failure: unknown) => void;
}

const answerWithinMs = 10_000;

export interface FeedPosition {
  readonly epoch: string;
  readonly position: number;
  /** When the last message before it was logged or handed on, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly behind?: number;
  readonly lineage?: string;
}

/**
 * One agreement's stream on its way over one link connection: packets and, in order among them,
 * checkpoints that say what was sent so far. What the other side acknowledges is what is billed.
 */
export abstract class Feed {
  protected readonly gate: Gate;
  protected readonly outbox: Outbox;
  protected readonly tally: FeedTally;
  readonly #usage: UsagePort;
  #stopListening = (): void => {};
  readonly #clock: Clock;
  readonly #onFailed: (failure: unknown) => void;
  protected closed = false;
  #sent: Checkpoint;
  /** The last of its checkpoints that the other side acknowledged, at first the base. */
  protected acknowledged: Checkpoint;
  /** Oldest first. */
  readonly #unacknowledged: { readonly checkpoint: Checkpoint; readonly sentAt: number }[] = [];

  protected constructor({ gate, outbox, usage, clock, base, onFailed }: FeedOptions) {
    this.gate = gate;
    this.outbox = outbox;
    this.#usage = usage;
    this.#clock = clock;
    this.#onFailed = onFailed;
    this.#sent = base;
    this.acknowledged = base;
    this.tally = new FeedTally(base);
  }

  /** Delivery begins; where it ended for good before that, its end is all there is to say. */
  start(): void {
    if (this.closed) return;
    const { ended } = this.gate;
    if (ended !== undefined) {
      this.#finish(ended);
      return;
    }
    this.#stopListening = this.gate.onEnded((reason) => this.#finish(reason));
    this.onStarted();
  }

  /** The other side has stored everything up to a checkpoint; it must be one that was sent. */
  acknowledge(said: Checkpoint): void {
    const index = this.#unacknowledged.findIndex(({ checkpoint }) => isSame(checkpoint, said));
    if (index === -1) return;
    this.#unacknowledged.splice(0, index + 1);
    this.acknowledged = said;
    const { agreement } = this.gate.grant;
    this.#usage.acknowledge(agreement, said).then(
      () => {
        // What frees the window must be in the count that is billed.
        if (this.#usage.acknowledged(agreement).messages >= said.messages) {
          this.onAcknowledged(said);
        } else this.fail(new Error("an acknowledgement was not counted"));
      },
      // Not durable, so not billed: nothing more is sent on this connection.
      (failure: unknown) => this.fail(failure),
    );
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#stopListening();
    this.onClosed();
  }

  protected fail(failure: unknown): void {
    if (this.closed) return;
    this.close();
    this.#onFailed(failure);
  }

  /** The other side has stored nothing for so long that it would have the stream unbilled. */
  protected get isUnanswered(): boolean {
    const [oldest] = this.#unacknowledged;
    return oldest !== undefined && this.#clock.monotonic() - oldest.sentAt > answerWithinMs;
  }

  protected abstract onStarted(): void;
  protected abstract onAcknowledged(checkpoint: Checkpoint): void;
  protected abstract onClosed(): void;
  /** The position of what the tally has counted when delivery ended inside a stretch. */
  protected abstract positionNow(): FeedPosition;

  /** Says, when its turn comes, what was sent up to there. */
  protected pushCheckpoint(at: () => FeedPosition): void {
    this.outbox.pushLate(() => {
      if (this.gate.ended !== undefined) return undefined;
      return this.#checkpoint(at());
    });
  }

  #checkpoint({ epoch, position, at, behind, lineage }: FeedPosition): Buffer {
    const { messages, payloadBytes } = this.tally;
    this.#sent = { epoch, position, messages, payloadBytes };
    this.#unacknowledged.push({ checkpoint: this.#sent, sentAt: this.#clock.monotonic() });
    const more = {
      ...(behind === undefined ? {} : { behind }),
      ...(lineage === undefined || lineage === "" ? {} : { lineage }),
    };
    return this.#control({ t: "checkpoint", at, ...this.#sent, ...more });
  }

  #finish(reason: EndReason): void {
    if (this.closed) return;
    this.outbox.pushLate(() => {
      const end = this.#control({ t: "end", reason });
      const more = this.tally.messages > this.#sent.messages;
      return more ? Buffer.concat([this.#checkpoint(this.positionNow()), end]) : end;
    });
  }

  #control(control: LinkControl): Buffer {
    const topic = linkTopic(this.gate.grant.agreement);
    return encodePublish(5, { topic, payload: encodeControl(control) });
  }
}

function isSame(a: Checkpoint, b: Checkpoint): boolean {
  return (
    a.epoch === b.epoch &&
    a.position === b.position &&
    a.messages === b.messages &&
    a.payloadBytes === b.payloadBytes
  );
}

class FeedTally implements Tally {
  messages: number;
  payloadBytes: number;

  constructor(base: Checkpoint) {
    this.messages = base.messages;
    this.payloadBytes = base.payloadBytes;
  }

  add(messages: number, payloadBytes: number): void {
    this.messages += messages;
    this.payloadBytes += payloadBytes;
  }
}
