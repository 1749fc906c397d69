import type { Price } from "../kernel/price.ts";
import type { HttpCaller } from "./http-caller.ts";
import { part } from "./http-caller.ts";

/** A price of an agreement: 1 is its own, 2 and on are changes. */
export interface AgreementPriceResource {
  readonly number: number;
  readonly price: Price;
  /** ISO 8601, UTC: from when it holds; of the first, when it was signed. */
  readonly from: string;
  /** `waiting`: signed by the provider alone; `refused`: the price before it stands. */
  readonly state: "signed" | "waiting" | "refused";
  readonly reason?: string;
}

/** The routes of an agreement's prices. */
export class PriceCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  of = (agreement: string) => this.#caller.json<AgreementPriceResource[]>(pathOf(agreement));
  /** As provider: asks the consumer to agree to another price, from a moment that is to come. */
  offer = (agreement: string, price: Price, from: string) =>
    this.#caller.json<AgreementPriceResource[]>(pathOf(agreement), {
      method: "POST",
      json: { price, from },
    });
  /** As consumer: answers the offer that waits. */
  decide = (agreement: string, accept: boolean) =>
    this.#caller.json<AgreementPriceResource[]>(`${pathOf(agreement)}/answer`, {
      method: "POST",
      json: { accept },
    });
}

function pathOf(agreement: string): string {
  return `/agreements/${part(agreement)}/prices`;
}
