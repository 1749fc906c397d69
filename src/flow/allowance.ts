import type { Grant } from "../market/grant.ts";
import { type Layout, locate, newPlace } from "../wire/mqtt/publish.ts";

/** Of an agreement's caps. */
export interface Amount {
  readonly messages: number;
  /** Of payloads. */
  readonly bytes: number;
}

export type Caps = Pick<Grant, "messagesMax" | "bytesMax">;

/** Takes units of a cap out of the store ahead of use, so that a crash spends them at worst. */
export interface Lease {
  /** Resolves with how much more may be handed on; less than what is lacking: the cap is spent. */
  take(agreement: string, caps: Caps, lacking: Amount): Promise<Amount>;
}

/** Packets that ask to be handed on. */
export interface Offered {
  readonly packets: Buffer;
  readonly layout: Layout;
  readonly count: number;
  readonly payloadBytes: number;
}

const leaseRetryMs = 1000;

/** What may still be handed on under an agreement's caps without asking the store again. */
export class Allowance {
  readonly #grant: Grant;
  readonly #lease: Lease;
  readonly #onReady: () => void;
  readonly #onSpent: (reason: "cap" | "volume") => void;
  #messages: number;
  #bytes: number;
  #asking = false;

  constructor(
    grant: Grant,
    lease: Lease,
    on: { ready: () => void; spent: (reason: "cap" | "volume") => void },
  ) {
    this.#grant = grant;
    this.#lease = lease;
    this.#onReady = on.ready;
    this.#onSpent = on.spent;
    this.#messages = grant.messagesMax === undefined ? Infinity : 0;
    this.#bytes = grant.bytesMax === undefined ? Infinity : 0;
  }

  /** True while more is being leased: what was not taken may be offered again. */
  get asking(): boolean {
    return this.#asking;
  }

  /** How many of the packets, from the first on, are within the caps; they are spent. */
  take(offered: Offered): number {
    const { count, payloadBytes } = offered;
    if (count <= this.#messages && payloadBytes <= this.#bytes) {
      this.#messages -= count;
      this.#bytes -= payloadBytes;
      return count;
    }
    return this.#takeSome(offered);
  }

  /** Takes back what is leased and not used; nothing capped is handed on from then on. */
  giveBack(): Amount {
    const messages = this.#messages === Infinity ? 0 : this.#messages;
    const bytes = this.#bytes === Infinity ? 0 : this.#bytes;
    this.#messages -= messages;
    this.#bytes -= bytes;
    return { messages, bytes };
  }

  #takeSome({ packets, layout, count }: Offered): number {
    const place = newPlace();
    let taken = 0;
    for (let at = 0; taken < count; at = place.end, taken++) {
      locate(packets, layout, at, place);
      const bytes = place.end - place.payloadAt;
      if (this.#messages < 1 || bytes > this.#bytes) {
        this.#ask({
          messages: this.#messages < 1 ? 1 : 0,
          bytes: Math.max(0, bytes - this.#bytes),
        });
        return taken;
      }
      this.#messages--;
      this.#bytes -= bytes;
    }
    return taken;
  }

  #ask(lacking: Amount): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#lease.take(this.#grant.agreement, this.#grant, lacking).then(
      ({ messages, bytes }) => {
        this.#asking = false;
        this.#messages += messages;
        this.#bytes += bytes;
        if (messages < lacking.messages) this.#onSpent("cap");
        else if (bytes < lacking.bytes) this.#onSpent("volume");
        else this.#onReady();
      },
      () => {
        // Without a durable lease nothing may be handed on; asked again when the store may be back.
        setTimeout(() => {
          this.#asking = false;
          this.#onReady();
        }, leaseRetryMs).unref();
      },
    );
  }
}
