import type { Clock } from "../kernel/clock.ts";
import type { Grant } from "../market/grant.ts";
import type { Refusal, UsagePort } from "../ports/usage.ts";

/** Why an agreement's delivery ended for good. */
export type EndReason = "revoked" | "expired" | "cap";

/** Takes units of a cap out of the store ahead of use, so that a crash spends them at worst. */
export interface Lease {
  /** Resolves with how many more messages may be handed on; 0: the cap is spent. */
  take(agreement: string, messagesMax: number): Promise<number>;
}

const leaseRetryMs = 1000;

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
  #suspended = false;
  /** Messages that may still be handed on without asking the store. */
  #leased: number;
  #asking = false;

  constructor(grant: Grant, outside: { clock: Clock; usage: UsagePort; lease: Lease }) {
    this.grant = grant;
    this.#clock = outside.clock;
    this.#usage = outside.usage;
    this.#lease = outside.lease;
    this.#leased = grant.messagesMax === undefined ? Infinity : 0;
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

  /** Delivery rests, as when too much is owed without a signature; nothing is lost by it. */
  get suspended(): boolean {
    return this.#suspended;
  }

  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
    for (const listener of [...this.#onResumed]) listener();
  }

  /** Returns the function that stops listening. */
  onResumed(listener: () => void): () => void {
    this.#onResumed.add(listener);
    return () => this.#onResumed.delete(listener);
  }

  /** Takes back the unused part of the lease; nothing capped is admitted from then on. */
  giveBack(): number {
    if (this.#leased === Infinity) return 0;
    const unused = this.#leased;
    this.#leased = 0;
    return unused;
  }

  end(reason: EndReason): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
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
