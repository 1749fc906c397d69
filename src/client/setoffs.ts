import { type HttpCaller, part } from "./http-caller.ts";

/** What two participants owe each other in one currency; decimal strings. */
export interface OpenSetoffResource {
  /** The other side's DID. */
  readonly with: string;
  readonly currency: string;
  /** What this node is owed under accepted statements, and what it owes. */
  readonly owedToUs: string;
  readonly owedByUs: string;
  /** What a set-off would clear on both sides. */
  readonly clears: string;
}

/** A set-off, drawn up or signed by both; decimal strings. */
export interface SetoffResource {
  readonly id: string;
  readonly with: string;
  /** Waiting for the other side, waiting for this one, or signed by both. */
  readonly state: "drawn" | "offered" | "agreed";
  readonly number: number;
  readonly at: string;
  readonly currency: string;
  readonly cleared: string;
  /** Before and after, by who is owed. */
  readonly claims: readonly {
    readonly provider: string;
    readonly owed: string;
    readonly left: string;
  }[];
  readonly items: readonly {
    readonly statement: string;
    readonly provider: string;
    readonly due: string;
    readonly cleared: string;
  }[];
  /** What was signed, and by whom: it proves itself. */
  readonly signed: { readonly body: unknown; readonly signatures: readonly unknown[] };
}

/** The routes of what is set off with others. */
export class SetoffCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  open = () => this.#caller.json<OpenSetoffResource[]>("/setoffs/open");
  list = () => this.#caller.json<SetoffResource[]>("/setoffs");
  get = (id: string) => this.#caller.json<SetoffResource>(`/setoffs/${part(id)}`);
  /** Undefined: the other side draws it up, and was asked to. */
  propose = (other: string, currency: string) =>
    this.#caller.json<{ setoff?: SetoffResource }>("/setoffs", {
      method: "POST",
      json: { with: other, currency },
    });
  accept = (id: string) =>
    this.#caller.json<SetoffResource>(`/setoffs/${part(id)}/accept`, { method: "POST" });
  giveUp = (id: string, reason: string) =>
    this.#caller.json<void>(`/setoffs/${part(id)}/give-up`, { method: "POST", json: { reason } });
  /** Whether the node signs by itself what its books say as well. */
  always = (other: string, always: boolean) =>
    this.#caller.json<void>("/setoff-consents", { method: "PUT", json: { with: other, always } });
}
