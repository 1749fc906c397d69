import type { UserResource } from "./resources.ts";

/** A budget and what this month's agreements may use of it; decimal strings. */
export interface BudgetResource {
  readonly amount: string;
  readonly currency: string;
  readonly per: "month";
  readonly committed: string;
  readonly left: string;
}

/** Whoever asks. */
export interface CallerResource {
  readonly name: string;
  readonly role: UserResource["role"];
  readonly budget?: BudgetResource;
}
