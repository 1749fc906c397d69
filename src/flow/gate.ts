import type { Clock } from "../kernel/clock.ts";
import type { Grant } from "../market/grant.ts";
import type { Refusal, UsagePort } from "../ports/usage.ts";
import { Allowance, type Amount, type Lease, type Offered } from "./allowance.ts";
import type { Checked, Checker } from "./checker.ts";
import { Passage } from "./passage.ts";
import type { Run } from "./run.ts";
import { WrittenOff } from "./written-off.ts";

/** Why an agreement's delivery ended for good. */
export type EndReason = "revoked" | "expired" | "cap";

/**
 * Why delivery rests: its time has not come, too much is owed without a signature, the transfer
 * is suspended, or too much of a live stream was handed over and never acknowledged.
 */
export type RestReason = "early" | "exposure" | "transfer" | "unacknowledged";

/** One connection's feed of the agreement's stream; an agreement has one at a time. */
export interface Holder {
  /** The stream is not this connection's any longer. */
  lost(why: string): void;
}

/** Tells the node's owner; the same thing again is not told twice. */
export type Tell = (kind: string, text: string) => void;

/** Timers are set again in steps: they have a longest time, and the wall clock may be set. */
const timerStepMs = 3_600_000;

/**
 * The one place where an agreement is enforced, whatever the door. Live messages come to `offer`,
 * stretches of a log go through a `passage`: both leave what the agreement covers, in its shape.
 * Every packet then passes `admit` at the moment it is handed to the socket, so that what waited
 * in a queue is cut as well. What does not get through is counted by its reason, never billed.
 */
export class Gate {
  readonly grant: Grant;
  readonly #clock: Clock;
  readonly #usage: UsagePort;
  readonly #checker: Checker;
  readonly #allowance: Allowance;
  readonly #live: Passage;
  #lastOffered: Run | undefined;
  #lastChecked: Checked | undefined;
  readonly #onEnded = new Set<(reason: EndReason) => void>();
  readonly #onReady = new Set<() => void>();
  readonly #onResumed = new Set<() => void>();
  #ended: EndReason | undefined;
  /** What is refused from then on is counted so. */
  #endedAs: Refusal = "revoked";
  readonly #rests = new Set<RestReason>();
  readonly #tell: Tell;
  readonly #told = new Map<string, string>();
  readonly #writtenOff = new WrittenOff();
  #holder: Holder | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    grant: Grant,
    outside: { clock: Clock; usage: UsagePort; lease: Lease; checker: Checker; tell?: Tell },
  ) {
    this.grant = grant;
    this.#clock = outside.clock;
    this.#usage = outside.usage;
    this.#checker = outside.checker;
    this.#live = this.passage();
    this.#tell = outside.tell ?? (() => {});
    this.#allowance = new Allowance(grant, outside.lease, {
      ready: () => this.#wake(),
      spent: (reason) => this.#end("cap", reason),
    });
    if (outside.clock.now() < (grant.notBefore ?? 0)) this.#rests.add("early");
    this.#watchTime();
  }

  get ended(): EndReason | undefined {
    return this.#ended;
  }

  /** True while more of the cap is being leased: what was not admitted may be offered again. */
  get waiting(): boolean {
    return this.#allowance.asking && this.#ended === undefined;
  }

  /** A new way through the agreement's log, in the order of the log. */
  passage(): Passage {
    return new Passage(this.#checker, this.grant.rate);
  }

  /**
   * What of a run of the live stream may be handed on, in the agreement's shape; the rest is
   * counted. Whichever doors the agreement has, a run is decided once.
   */
  offer(run: Run): Run | undefined {
    this.#checkTime();
    if (this.#ended !== undefined) {
      this.refuse(this.#endedAs, run.count);
      return undefined;
    }
    if (this.#rests.size > 0) {
      const [rest] = this.#rests;
      this.refuse(rest === "early" || rest === "exposure" ? rest : "suspended", run.count);
      return undefined;
    }
    if (run !== this.#lastOffered || this.#lastChecked === undefined) {
      this.#lastChecked = this.#live.pass(run, (run.at ??= this.#clock.now()));
      this.#lastOffered = run;
    }
    for (const { reason, count } of this.#lastChecked.withheld) this.refuse(reason, count);
    return this.#lastChecked.run;
  }

  /**
   * How many of the packets, from the first on, may be handed on now. The rest is refused and
   * counted, unless the gate is `waiting`.
   */
  admit(offered: Offered): number {
    this.#checkTime();
    if (this.#ended !== undefined || this.#rests.has("early")) {
      this.refuse(this.#ended === undefined ? "early" : this.#endedAs, offered.count);
      return 0;
    }
    return this.#allowance.take(offered);
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
    if (before !== holder) before?.lost("a newer connection has the stream");
  }

  leave(holder: Holder): void {
    if (this.#holder === holder) this.#holder = undefined;
  }

  /** Whoever has the stream has it no longer. */
  detach(why: string): void {
    this.#holder?.lost(why);
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
  giveBack(): Amount {
    clearTimeout(this.#timer);
    return this.#allowance.giveBack();
  }

  end(reason: EndReason): void {
    this.#end(reason, reason);
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

  #end(reason: EndReason, as: Refusal): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#endedAs = as;
    clearTimeout(this.#timer);
    for (const listener of [...this.#onEnded]) listener(reason);
    this.#wake();
  }

  /** Once begun it has begun, once ended it has ended, wherever the clock is set afterwards. */
  #checkTime(): void {
    const { notBefore, notAfter } = this.grant;
    if (notAfter !== undefined && this.#clock.now() >= notAfter) this.end("expired");
    if (notBefore === undefined || !this.#rests.has("early")) return;
    if (this.#clock.now() >= notBefore) this.resume("early");
  }

  /** A quiet agreement begins and ends as well. Never at once: who opens the gate is to listen. */
  #watchTime(): void {
    const { notBefore, notAfter } = this.grant;
    const next = this.#rests.has("early") ? notBefore : notAfter;
    if (next === undefined) return;
    const waitMs = Math.min(Math.max(0, next - this.#clock.now()), timerStepMs);
    this.#timer = setTimeout(() => {
      this.#checkTime();
      if (this.#ended === undefined) this.#watchTime();
    }, waitMs);
    this.#timer.unref();
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

  #wake(): void {
    const waiting = [...this.#onReady];
    this.#onReady.clear();
    for (const listener of waiting) listener();
  }
}
