import type { Clock } from "../kernel/clock.ts";
import type { Grant } from "../market/grant.ts";
import type { Store } from "../ports/store.ts";
import type { UsagePort } from "../ports/usage.ts";
import { Gate, type EndReason, type Lease } from "./gate.ts";

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
}

const chunkMax = 4096;

/** The gates of all agreements this node delivers under, and the leases on their caps. */
export class Grants implements Lease {
  readonly #gates = new Map<string, Gate>();
  readonly #taken = new Map<string, number>();
  readonly #outside: { store: Store; clock: Clock; usage: UsagePort };
  readonly #listeners = new Set<(agreement: string, reason: EndReason) => void>();
  readonly #onNotice = new Set<(notice: Notice) => void>();

  constructor(outside: { store: Store; clock: Clock; usage: UsagePort }) {
    this.#outside = outside;
  }

  async open(grant: Grant): Promise<Gate> {
    const known = this.#gates.get(grant.agreement);
    if (known !== undefined) return known;
    const lease = await this.#outside.store.get<LeaseDoc>("lease", grant.agreement);
    // Whoever asked at the same time has the same gate.
    const opened = this.#gates.get(grant.agreement);
    if (opened !== undefined) return opened;
    this.#taken.set(grant.agreement, lease?.taken ?? 0);
    const { agreement } = grant;
    const tell = (kind: string, text: string): void => {
      for (const listener of this.#onNotice) listener({ agreement, kind, text });
    };
    const gate = new Gate(grant, { ...this.#outside, lease: this, tell });
    gate.onEnded((reason) => {
      for (const listener of this.#listeners) listener(grant.agreement, reason);
    });
    this.#gates.set(grant.agreement, gate);
    return gate;
  }

  get(agreement: string): Gate | undefined {
    return this.#gates.get(agreement);
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
  async take(agreement: string, messagesMax: number): Promise<number> {
    const taken = this.#taken.get(agreement) ?? 0;
    const left = messagesMax - taken;
    if (left <= 0) return 0;
    const chunk = Math.max(1, Math.min(chunkMax, Math.ceil(left / 8)));
    await this.#put(agreement, taken + chunk);
    return chunk;
  }

  /** Gives back what was leased and not used; only for an orderly end. */
  async close(): Promise<void> {
    for (const [agreement, gate] of this.#gates) {
      const unused = gate.giveBack();
      if (unused > 0) await this.#put(agreement, (this.#taken.get(agreement) ?? 0) - unused);
    }
  }

  async #put(agreement: string, taken: number): Promise<void> {
    const doc: LeaseDoc = { taken };
    await this.#outside.store.commit([{ op: "put", kind: "lease", id: agreement, doc }]);
    this.#taken.set(agreement, taken);
  }
}
