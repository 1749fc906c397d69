import type { Clock } from "../kernel/clock.ts";
import type { Grant } from "../market/grant.ts";
import type { Refusal, UsagePort } from "../ports/usage.ts";
import { WrittenOff } from "./written-off.ts";

/** Why an agreement's delivery ended for good. */
export type EndReason = "revoked" | "expired" | "cap";

/**
 * Why delivery rests: too much is owed without a signature, the transfer is suspended, or too
 * much of a live stream was handed over and never acknowledged.
 */
export type RestReason = "exposure" | "transfer" | "unacknowledged";

/** One connection's feed of the agreement's stream; an agreement has one at a time. */
export interface Holder {
  /** A newer connection has the stream. */
  lost(): void;
}

/** Tells the node's owner; the same thing again is not told twice. */
export type Tell = (kind: string, text: string) => void;

/** Takes units of a cap out of the store ahead of use, so that a crash spends them at worst. */
export interface Lease {
  /** Resolves with how many more messages may be handed on; 0: the cap is spent. */
  take(agreement: string, messagesMax: number): Promise<number>;
}

const leaseRetryMs = 1000;
/** Timers are set again in steps: they have a longest time, and the wall clock may be set. */
const expiryStepMs = 3_600_000;

/**
 * The one place where an agreement is enforced: every packet that leaves under it passes
 * `admit` at the moment it is handed to the socket, so that what waited in a queue is cut as
 * well. What is not admitted is counted by its reason and never billed.
 */
export class Gate {
  readonly grant: Grant;
  readonly #clock: Clock;
  readonly #usage: UsagePort;
  readonly #lease: Lease;
  readonly #onEnded = new Set<(reason: EndReason) => void>();
  readonly #onReady = new Set<() => void>();
  readonly #onResumed = new Set<() => void>();
  #ended: EndReason | undefined;
  readonly #rests = new Set<RestReason>();
  readonly #tell: Tell;
  readonly #told = new Map<string, string>();
  readonly #writtenOff = new WrittenOff();
  #holder: Holder | undefined;
  #expiry: NodeJS.Timeout | undefined;
  /** Messages that may still be handed on without asking the store. */
  #leased: number;
  #asking = false;

  constructor(
    grant: Grant,
    outside: { clock: Clock; usage: UsagePort; lease: Lease; tell?: Tell },
  ) {
    this.grant = grant;
    this.#clock = outside.clock;
    this.#usage = outside.usage;
    this.#lease = outside.lease;
    this.#tell = outside.tell ?? (() => {});
    this.#leased = grant.messagesMax === undefined ? Infinity : 0;
    this.#watchExpiry();
  }

  get ended(): EndReason | undefined {
    return this.#ended;
  }

  /** True while more of the cap is being leased: what was not admitted may be offered again. */
  get waiting(): boolean {
    return this.#asking && this.#ended === undefined;
  }

  /**
   * How many of `count` messages may be handed on now. The rest is refused and counted, unless
   * the gate is `waiting`.
   */
  admit(count: number): number {
    this.#checkExpiry();
    if (this.#ended !== undefined) {
      this.#usage.refused(this.grant.agreement, this.#ended, count);
      return 0;
    }
    if (this.#leased === Infinity) return count;
    const admitted = Math.min(count, this.#leased);
    this.#leased -= admitted;
    if (admitted < count) this.#ask();
    return admitted;
  }

  refuse(reason: Refusal, count: number): void {
    this.#usage.refused(this.grant.agreement, reason, count);
  }

  /** Delivery rests for as long as any reason for it stands; of a log nothing is lost by it. */
  get suspended(): boolean {
    return this.#rests.size > 0;
  }

  suspend(reason: RestReason): void {
    this.#rests.add(reason);
  }

  resume(reason: RestReason): void {
    if (!this.#rests.delete(reason) || this.#rests.size > 0) return;
    for (const listener of [...this.#onResumed]) listener();
  }

  /** The stream goes to this connection from now on; who had it is told. */
  hold(holder: Holder): void {
    const before = this.#holder;
    this.#holder = holder;
    if (before !== holder) before?.lost();
  }

  leave(holder: Holder): void {
    if (this.#holder === holder) this.#holder = undefined;
  }

  /** A live connection has gone: what it was handed beyond its last acknowledgement is unpaid. */
  writeOff(acknowledged: number, handedOver: number): void {
    this.#writtenOff.add(acknowledged, handedOver);
    this.#weigh();
  }

  /** What left after that, out of the connection's queue. */
  writeOffLate(messages: number): void {
    this.#writtenOff.addLate(messages);
    this.#weigh();
  }

  /** A new connection goes on from this count; what it covers was stored and is billed after all. */
  goOnFrom(messages: number): void {
    this.#writtenOff.covered(messages);
    this.#weigh();
  }

  tell(kind: string, text: string): void {
    if (this.#told.get(kind) === text) return;
    this.#told.set(kind, text);
    this.#tell(kind, text);
  }

  /** Returns the function that stops listening. */
  onResumed(listener: () => void): () => void {
    this.#onResumed.add(listener);
    return () => this.#onResumed.delete(listener);
  }

  /** Takes back the unused part of the lease; nothing capped is admitted from then on. */
  giveBack(): number {
    clearTimeout(this.#expiry);
    if (this.#leased === Infinity) return 0;
    const unused = this.#leased;
    this.#leased = 0;
    return unused;
  }

  end(reason: EndReason): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    clearTimeout(this.#expiry);
    for (const listener of [...this.#onEnded]) listener(reason);
    this.#wake();
  }

  /** Called once when delivery ends for good. Returns the function that stops listening. */
  onEnded(listener: (reason: EndReason) => void): () => void {
    this.#onEnded.add(listener);
    return () => this.#onEnded.delete(listener);
  }

  /** Called once when a waiting gate can admit again. */
  onReady(listener: () => void): void {
    this.#onReady.add(listener);
  }

  #checkExpiry(): void {
    const { notAfter } = this.grant;
    if (notAfter !== undefined && this.#clock.now() >= notAfter) this.end("expired");
  }

  /** A quiet agreement ends as well. Never at once: who opens the gate is still to listen. */
  #watchExpiry(): void {
    const { notAfter } = this.grant;
    if (notAfter === undefined) return;
    const waitMs = Math.min(Math.max(0, notAfter - this.#clock.now()), expiryStepMs);
    this.#expiry = setTimeout(() => {
      this.#checkExpiry();
      if (this.#ended === undefined) this.#watchExpiry();
    }, waitMs);
    this.#expiry.unref();
  }

  #weigh(): void {
    const { agreement, billed } = this.grant;
    if (!billed) return;
    const { messages } = this.#usage.acknowledged(agreement);
    if (!this.#writtenOff.isTooMuch(messages)) {
      this.resume("unacknowledged");
      return;
    }
    this.suspend("unacknowledged");
    this.tell(
      "delivery.rests",
      "Delivery rests: too many messages were handed over on broken links and never acknowledged",
    );
  }

  #ask(): void {
    if (this.#asking || this.grant.messagesMax === undefined) return;
    this.#asking = true;
    this.#lease.take(this.grant.agreement, this.grant.messagesMax).then(
      (messages) => {
        this.#asking = false;
        this.#leased += messages;
        if (messages === 0) this.end("cap");
        else this.#wake();
      },
      () => {
        // Without a durable lease nothing may be handed on; asked again when the store may be back.
        setTimeout(() => {
          this.#asking = false;
          this.#wake();
        }, leaseRetryMs).unref();
      },
    );
  }

  #wake(): void {
    const waiting = [...this.#onReady];
    this.#onReady.clear();
    for (const listener of waiting) listener();
  }
}
