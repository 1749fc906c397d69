import type { Charger } from "./charger.ts";
import type { IdTags } from "./id-tags.ts";
import type { Transactions } from "./transactions.ts";

/** What a charger may call, by name; the parameters were checked against the call's schema. */
export type Calls = Readonly<Record<string, (params: never) => Promise<object>>>;

/** What calls are answered from. */
export interface Desk {
  readonly idTags: IdTags;
  readonly transactions: Transactions;
  currentTime(): string;
  bootAnswer(): { readonly currentTime: string; readonly interval: number };
  /** For people, now and then. */
  note(charger: Charger, text: string): void;
}
