import type { Clock } from "../kernel/clock.ts";
import { isCharged, type Used } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Store } from "../ports/store.ts";
import { owedMicro } from "./rated.ts";
import { lastCosigned, type ReceiptBody } from "./receipt.ts";

/**
 * What agreements come to as they are counted, for whoever asks often: the last receipt that both
 * signed is in memory where the price goes by the month.
 */
export class Owed {
  readonly #clock: Clock;
  readonly #signed = new Map<string, ReceiptBody>();

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static async open(store: Store, clock: Clock, agreements: Iterable<Agreement>): Promise<Owed> {
    const owed = new Owed(clock);
    for (const agreement of agreements) {
      if (!isCharged(agreement.price)) continue;
      const signed = await lastCosigned(store, agreement.id);
      if (signed?.state === "cosigned") owed.signed(agreement, signed.body);
    }
    return owed;
  }

  /** The last receipt that both signed. */
  signed({ id, price }: Agreement, body: ReceiptBody): void {
    if (isCharged(price)) this.#signed.set(id, body);
  }

  /** Micro-units for what was counted over the agreement's life; charges of a month are not in it. */
  micro(agreement: Agreement, used: Used): bigint {
    return owedMicro(agreement, this.#signed.get(agreement.id), used, this.#clock.now());
  }
}
