import { type HttpCaller, part } from "./http-caller.ts";

export interface OwnerResource {
  /** A DID or a name. */
  readonly id: string;
  /** All together at most a million; the rest is the seller's. */
  readonly partsPerMillion: number;
}

/** Who owns a product beside this node, from a month on. */
export interface OwnersResource {
  readonly product: string;
  readonly versions: readonly {
    readonly from: string;
    readonly owners: readonly OwnerResource[];
  }[];
}

/** What an agreement's month came to, and whose it is; decimal strings. */
export interface OwnerShareResource {
  readonly month: string;
  readonly agreement: string;
  readonly product: string;
  readonly currency: string;
  readonly revenue: string;
  readonly parts: readonly (OwnerResource & {
    readonly share: string;
    /** Of that, what stands in the ledger; the rest follows when the month is over. */
    readonly booked: string;
  })[];
}

/** What an owner is owed and was not paid; a decimal string. */
export interface OwnerDueResource {
  readonly owner: string;
  readonly currency: string;
  readonly due: string;
}

/** The routes of products with several owners. */
export class OwnerCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  list = () => this.#caller.json<OwnersResource[]>("/owners");
  /** `from`: `2026-12`. */
  set = (product: string, from: string, owners: readonly OwnerResource[]) =>
    this.#caller.json<OwnersResource>(`/owners/${part(product)}`, {
      method: "PUT",
      json: { from, owners },
    });
  month = (month: string) => this.#caller.json<OwnerShareResource[]>(`/owner-shares/${month}`);
  /** Posts what of a month that is over is not posted yet; the node does so by itself. */
  book = (month: string) =>
    this.#caller.json<OwnerShareResource[]>(`/owner-shares/${month}`, { method: "POST" });
  due = () => this.#caller.json<OwnerDueResource[]>("/owner-dues");
  paid = (owner: string, amount: string, currency: string, reference: string) =>
    this.#caller.json<OwnerDueResource[]>("/owner-payments", {
      method: "POST",
      json: { owner, amount, currency, reference },
    });
}
