import type { Clock } from "../kernel/clock.ts";
import type { Principal } from "./access.ts";
import { nameOfPrincipal } from "./access.ts";

/** What may be published in a second; a second's worth may come at once after a rest. */
export interface PaceLimits {
  /** By one connection of a Thing or an app. */
  readonly connectionMessagesPerSecondMax: number;
  /** Of whole packets. */
  readonly connectionBytesPerSecondMax: number;
  /** By one Thing or app, over all its connections and HTTP. */
  readonly principalMessagesPerSecondMax: number;
  readonly principalBytesPerSecondMax: number;
}

/** Whose limit made a publisher wait, and of what. */
type PaceReason =
  | "connection-messages"
  | "connection-bytes"
  | "principal-messages"
  | "principal-bytes";

type PaceCounts = Record<PaceReason, number>;

const burstMs = 1000;
/** Things and apps that are remembered before those are looked for that need not be. */
const rememberedMin = 10_000;

/**
 * How much of one thing may pass: the time at which all that came is paid for (the virtual
 * scheduling of ITU-T I.371 Annex A). One number, no timer, nothing to fill.
 */
class Meter {
  readonly #msEach: number;
  #paidAt = -Infinity;

  constructor(perSecond: number) {
    this.#msEach = 1000 / perSecond;
  }

  /** Takes the amount whatever it is; how long to wait before more, 0 where nothing is owed. */
  take(amount: number, now: number): number {
    this.#paidAt = Math.max(this.#paidAt, now - burstMs) + amount * this.#msEach;
    return Math.max(0, this.#paidAt - now);
  }

  isPaid(now: number): boolean {
    return this.#paidAt <= now - burstMs;
  }
}

class Rate {
  readonly messages: Meter;
  readonly bytes: Meter;

  constructor(messagesPerSecond: number, bytesPerSecond: number) {
    this.messages = new Meter(messagesPerSecond);
    this.bytes = new Meter(bytesPerSecond);
  }
}

interface Shared {
  readonly rate: Rate;
  connections: number;
}

/**
 * One connection's pace: asked once a run. Who is too fast is not read from for a while; nothing
 * of it is dropped, and it stays connected.
 */
export class Pace {
  readonly #own: Rate;
  readonly #shared: Rate;
  readonly #counts: PaceCounts;
  #leave: (() => void) | undefined;

  constructor(own: Rate, shared: Rate, counts: PaceCounts, leave: () => void) {
    this.#own = own;
    this.#shared = shared;
    this.#counts = counts;
    this.#leave = leave;
  }

  /** Milliseconds not to read for; `now` is monotonic. */
  take(messages: number, bytes: number, now: number): number {
    const own = this.#own;
    const shared = this.#shared;
    const byMessages = own.messages.take(messages, now);
    const byBytes = own.bytes.take(bytes, now);
    const byAllMessages = shared.messages.take(messages, now);
    const byAllBytes = shared.bytes.take(bytes, now);
    const waitMs = Math.max(byMessages, byBytes, byAllMessages, byAllBytes);
    if (waitMs === 0) return 0;
    const counts = this.#counts;
    if (waitMs === byMessages) counts["connection-messages"]++;
    else if (waitMs === byBytes) counts["connection-bytes"]++;
    else if (waitMs === byAllMessages) counts["principal-messages"]++;
    else counts["principal-bytes"]++;
    return waitMs;
  }

  close(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}

/**
 * The paces of all who publish: each connection has its own, and all that one Thing or app sends,
 * by whichever door, shares another.
 */
export class Paces {
  /** How often somebody was made to wait. */
  readonly counts: PaceCounts = {
    ...{ "connection-messages": 0, "connection-bytes": 0 },
    ...{ "principal-messages": 0, "principal-bytes": 0 },
  };
  readonly #limits: PaceLimits;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #shared = new Map<string, Shared>();
  #lookAt = rememberedMin;

  constructor(limits: PaceLimits, clock: Pick<Clock, "monotonic">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Of one connection. Undefined: people and programs of the organisation, who are not held up. */
  of(principal: Principal): Pace | undefined {
    const shared = this.#sharedBy(principal);
    if (shared === undefined) return undefined;
    shared.connections++;
    const { connectionMessagesPerSecondMax, connectionBytesPerSecondMax } = this.#limits;
    const own = new Rate(connectionMessagesPerSecondMax, connectionBytesPerSecondMax);
    return new Pace(own, shared.rate, this.counts, () => shared.connections--);
  }

  /** One message without a connection of its own, as over HTTP: milliseconds to wait before more. */
  takeOne(principal: Principal, bytes: number): number {
    const shared = this.#sharedBy(principal);
    if (shared === undefined) return 0;
    const now = this.#clock.monotonic();
    const byMessages = shared.rate.messages.take(1, now);
    const byBytes = shared.rate.bytes.take(bytes, now);
    if (byMessages > 0 && byMessages >= byBytes) this.counts["principal-messages"]++;
    else if (byBytes > 0) this.counts["principal-bytes"]++;
    return Math.max(byMessages, byBytes);
  }

  #sharedBy(principal: Principal): Shared | undefined {
    if (principal.kind !== "thing" && principal.kind !== "app") return undefined;
    const name = nameOfPrincipal(principal);
    const known = this.#shared.get(name);
    if (known !== undefined) return known;
    if (this.#shared.size >= this.#lookAt) this.#forgetRested();
    const { principalMessagesPerSecondMax, principalBytesPerSecondMax } = this.#limits;
    const rate = new Rate(principalMessagesPerSecondMax, principalBytesPerSecondMax);
    const shared: Shared = { rate, connections: 0 };
    this.#shared.set(name, shared);
    return shared;
  }

  /** Who owes nothing would begin anew as it is. The next look is when twice as many are left. */
  #forgetRested(): void {
    const now = this.#clock.monotonic();
    for (const [name, { rate, connections }] of this.#shared) {
      const owesNothing = rate.messages.isPaid(now) && rate.bytes.isPaid(now);
      if (connections === 0 && owesNothing) this.#shared.delete(name);
    }
    this.#lookAt = Math.max(rememberedMin, 2 * this.#shared.size);
  }
}
