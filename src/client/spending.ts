import type { HttpCaller } from "./http-caller.ts";

/** What may be spent under one agreement, or in a month under all in a currency. */
export interface NewSpendingLimit {
  /** Absent: all agreements together. */
  readonly agreement?: string;
  /** Needed where no agreement is named. */
  readonly currency?: string;
  /** Decimal string. */
  readonly amount: string;
  /** Absent: `month`. */
  readonly per?: "month" | "life";
}

export interface SpendingLimitResource {
  readonly agreement?: string;
  readonly currency: string;
  readonly amount: string;
  readonly per: "month" | "life";
  readonly spent: string;
  /** Of the limit, rounded down. */
  readonly percent: number;
  /** Agreements whose stream rests because of it. */
  readonly resting: readonly string[];
}

/** What one agreement's month comes to; decimal strings. */
export interface ForecastResource {
  readonly agreement: string;
  readonly role: "provider" | "consumer";
  readonly title: string;
  readonly month: string;
  readonly currency: string;
  readonly spent: string;
  /** Absent while less than an hour has been seen. */
  readonly expected?: string;
  readonly least?: string;
  readonly most?: string;
}

/** The routes of limits on spending, and of what a month will come to. */
export class SpendingCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  list = () => this.#caller.json<SpendingLimitResource[]>("/spending-limits");
  set = (limit: NewSpendingLimit) =>
    this.#caller.json<SpendingLimitResource>("/spending-limits", { method: "PUT", json: limit });
  clear = (of: { readonly agreement?: string; readonly currency?: string }) =>
    this.#caller.json<void>("/spending-limits", { method: "DELETE", query: of });
  forecasts = () => this.#caller.json<ForecastResource[]>("/forecasts");
}
