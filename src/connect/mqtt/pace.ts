import type { Principal } from "../../things/access.ts";
import { nameOfPrincipal } from "../../things/access.ts";
import type { MqttLimits } from "./limits.ts";

/** What somebody may publish in a second; a second's worth may come at once after a rest. */
interface PublishRate {
  readonly messages: number;
  /** Of whole packets. */
  readonly bytes: number;
}

/** Whose limit made a publisher wait, and of what. */
type PaceReason =
  | "connection-messages"
  | "connection-bytes"
  | "principal-messages"
  | "principal-bytes";

type PaceCounts = Record<PaceReason, number>;

const burstMs = 1000;

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
}

class Rate {
  readonly messages: Meter;
  readonly bytes: Meter;

  constructor({ messages, bytes }: PublishRate) {
    this.messages = new Meter(messages);
    this.bytes = new Meter(bytes);
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

/** The paces of all connections: each has its own, and all of one Thing or app share another. */
export class Paces {
  /** How often somebody was made to wait. */
  readonly counts: PaceCounts = {
    ...{ "connection-messages": 0, "connection-bytes": 0 },
    ...{ "principal-messages": 0, "principal-bytes": 0 },
  };
  readonly #perConnection: PublishRate;
  readonly #perPrincipal: PublishRate;
  readonly #shared = new Map<string, Shared>();

  constructor(perConnection: PublishRate, perPrincipal: PublishRate) {
    this.#perConnection = perConnection;
    this.#perPrincipal = perPrincipal;
  }

  /** Undefined: people and programs of the organisation, who are not held up. */
  of(principal: Principal): Pace | undefined {
    if (principal.kind !== "thing" && principal.kind !== "app") return undefined;
    const name = nameOfPrincipal(principal);
    const shared = this.#shared.get(name) ?? { rate: new Rate(this.#perPrincipal), connections: 0 };
    this.#shared.set(name, shared);
    shared.connections++;
    return new Pace(new Rate(this.#perConnection), shared.rate, this.counts, () => {
      if (--shared.connections === 0) this.#shared.delete(name);
    });
  }
}

export function pacesOf(limits: MqttLimits): Paces {
  return new Paces(
    {
      messages: limits.connectionMessagesPerSecondMax,
      bytes: limits.connectionBytesPerSecondMax,
    },
    { messages: limits.principalMessagesPerSecondMax, bytes: limits.principalBytesPerSecondMax },
  );
}
