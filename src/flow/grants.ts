import type { Clock } from "../kernel/clock.ts";
import type { Grant } from "../market/grant.ts";
import type { Store } from "../ports/store.ts";
import type { UsagePort } from "../ports/usage.ts";
import type { Amount, Caps, Lease } from "./allowance.ts";
import { Checkers } from "./checker.ts";
import { Passage } from "./passage.ts";
import { Gate, type EndReason } from "./gate.ts";

/** What the node's owner should hear about an agreement's delivery. */
export interface Notice {
  readonly agreement: string;
  /** A happening's kind, such as `delivery.rests`. */
  readonly kind: string;
  /** One sentence. */
  readonly text: string;
}

interface LeaseDoc {
  /** Messages of the cap taken so far; what was taken and not used counts as spent. */
  readonly taken: number;
  /** Payload bytes, likewise; absent: none. */
  readonly bytes?: number;
}

const chunkMessagesMax = 4096;
const chunkBytesMax = 4_194_304;

/** The gates of all agreements this node delivers under, and the leases on their caps. */
export class Grants implements Lease {
  readonly #gates = new Map<string, Gate>();
  readonly #taken = new Map<string, Amount>();
  readonly #outside: { store: Store; clock: Clock; usage: UsagePort };
  readonly #checkers: Checkers;
  readonly #listeners = new Set<(agreement: string, reason: EndReason) => void>();
  readonly #onNotice = new Set<(notice: Notice) => void>();

  constructor(outside: { store: Store; clock: Clock; usage: UsagePort; secret: Uint8Array }) {
    this.#outside = outside;
    this.#checkers = new Checkers(outside.secret);
  }

  async open(grant: Grant): Promise<Gate> {
    const known = this.#gates.get(grant.agreement);
    if (known !== undefined) return known;
    const lease = await this.#outside.store.get<LeaseDoc>("lease", grant.agreement);
    // Whoever asked at the same time has the same gate.
    const opened = this.#gates.get(grant.agreement);
    if (opened !== undefined) return opened;
    this.#taken.set(grant.agreement, { messages: lease?.taken ?? 0, bytes: lease?.bytes ?? 0 });
    const { agreement } = grant;
    const tell = (kind: string, text: string): void => {
      for (const listener of this.#onNotice) listener({ agreement, kind, text });
    };
    const checker = this.#checkers.of(grant);
    const gate = new Gate(grant, { ...this.#outside, lease: this, checker, tell });
    gate.onEnded((reason) => {
      for (const listener of this.#listeners) listener(grant.agreement, reason);
    });
    this.#gates.set(grant.agreement, gate);
    return gate;
  }

  get(agreement: string): Gate | undefined {
    return this.#gates.get(agreement);
  }

  /** What a grant would let through, before there is an agreement: nothing is leased or counted. */
  preview(grant: Grant): Passage {
    return new Passage(this.#checkers.of(grant), grant.rate);
  }

  /** Delivery under the agreement ends now, packets in queues included. */
  end(agreement: string, reason: EndReason): void {
    this.#gates.get(agreement)?.end(reason);
  }

  /** Told also of what has ended before, as an agreement that expired while the node was down. */
  onEnded(listener: (agreement: string, reason: EndReason) => void): void {
    this.#listeners.add(listener);
    for (const [agreement, { ended }] of this.#gates) {
      if (ended !== undefined) listener(agreement, ended);
    }
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.#onNotice.add(listener);
  }

  /** Smaller steps toward the end, so that a crash near the cap spends little unused. */
  async take(agreement: string, caps: Caps, lacking: Amount): Promise<Amount> {
    const taken = this.#taken.get(agreement) ?? { messages: 0, bytes: 0 };
    const messages = chunkOf(caps.messagesMax, taken.messages, lacking.messages, chunkMessagesMax);
    const bytes = chunkOf(caps.bytesMax, taken.bytes, lacking.bytes, chunkBytesMax);
    if (messages > 0 || bytes > 0) {
      await this.#put(agreement, {
        messages: taken.messages + messages,
        bytes: taken.bytes + bytes,
      });
    }
    return { messages, bytes };
  }

  /** Gives back what was leased and not used; only for an orderly end. */
  async close(): Promise<void> {
    for (const [agreement, gate] of this.#gates) {
      const unused = gate.giveBack();
      if (unused.messages === 0 && unused.bytes === 0) continue;
      const taken = this.#taken.get(agreement) ?? { messages: 0, bytes: 0 };
      await this.#put(agreement, {
        messages: taken.messages - unused.messages,
        bytes: taken.bytes - unused.bytes,
      });
    }
  }

  async #put(agreement: string, taken: Amount): Promise<void> {
    const { messages, bytes } = taken;
    const doc: LeaseDoc = { taken: messages, ...(bytes === 0 ? {} : { bytes }) };
    await this.#outside.store.commit([{ op: "put", kind: "lease", id: agreement, doc }]);
    this.#taken.set(agreement, taken);
  }
}

function chunkOf(max: number | undefined, taken: number, lacking: number, most: number): number {
  if (max === undefined || lacking === 0) return 0;
  const left = max - taken;
  return Math.min(left, Math.max(lacking, Math.min(most, Math.ceil(left / 8))));
}
