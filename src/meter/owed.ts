import { type Clock, monthOf } from "../kernel/clock.ts";
import { isCharged, type Used } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Store } from "../ports/store.ts";
import { owedMicro } from "./rated.ts";
import { mostStandingMicro } from "./standing-charges.ts";
import { lastCosigned, type ReceiptBody } from "./receipt.ts";

/**
 * What agreements come to as they are counted, for whoever asks often: the last receipt that both
 * signed is in memory where the price goes by the month.
 */
export class Owed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #signed = new Map<string, ReceiptBody>();

  private constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  static async open(store: Store, clock: Clock, agreements: Iterable<Agreement>): Promise<Owed> {
    const owed = new Owed(store, clock);
    for (const agreement of agreements) {
      if (isCharged(agreement.price) || agreement.changes) await owed.take(agreement);
    }
    return owed;
  }

  /** From then on the last receipt matters: its price was changed, or goes by the month. */
  async take({ id }: Agreement): Promise<void> {
    const signed = await lastCosigned(this.#store, id);
    if (signed?.state === "cosigned") this.signed(id, signed.body);
  }

  /** The last receipt that both signed. */
  signed(agreement: string, body: ReceiptBody): void {
    const known = this.#signed.get(agreement);
    if (known === undefined || known.seq < body.seq) this.#signed.set(agreement, body);
  }

  /** Micro-units for what was counted over the agreement's life; charges of a month are not in it. */
  micro(agreement: Agreement, used: Used): bigint {
    return owedMicro(agreement, this.#signed.get(agreement.id), used, this.#clock.now());
  }

  /** The same with the most that its months' charges come to until this one is over. */
  billMicro(agreement: Agreement, used: Used): bigint {
    return this.micro(agreement, used) + this.standingMicro(agreement, monthOf(this.#clock.now()));
  }

  /** The most that its months' charges come to until that month is over. */
  standingMicro({ ended, ...agreement }: Agreement, month: string): bigint {
    return mostStandingMicro({ ...agreement, ...(ended && { endedAt: ended.at }) }, month);
  }
}
