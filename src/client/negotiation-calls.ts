import type { Stated } from "./attestation.ts";
import { type HttpCaller, part } from "./http-caller.ts";
import type {
  NegotiationAct,
  NegotiationResource,
  NegotiationWish,
  ProposalToMake,
} from "./negotiations.ts";
import type { TransferResource } from "./resources.ts";
import type { TermsResource } from "./terms.ts";

/** How agreements come about, step by step. */
export class NegotiationCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  list = () => this.#caller.json<NegotiationResource[]>("/negotiations");
  get = (pid: string) => this.#caller.json<NegotiationResource>(`/negotiations/${part(pid)}`);
  request = (wish: NegotiationWish) =>
    this.#caller.json<NegotiationResource>("/negotiations", { method: "POST", json: wish });
  propose = (product: string, proposal: ProposalToMake) =>
    this.#caller.json<NegotiationResource>(`/products/${part(product)}/proposals`, {
      method: "POST",
      json: proposal,
    });
  act = (
    pid: string,
    act: NegotiationAct,
    said: {
      readonly reason?: string;
      readonly offer?: object;
      readonly terms?: Partial<TermsResource>;
    } & Stated = {},
  ) =>
    this.#caller.json<NegotiationResource>(`/negotiations/${part(pid)}/${act}`, {
      method: "POST",
      json: said,
    });
}

/** How what was agreed is handed over. */
export class TransferCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  list = () => this.#caller.json<TransferResource[]>("/transfers");
  get = (pid: string) => this.#caller.json<TransferResource>(`/transfers/${part(pid)}`);
  request = (agreement: string, format: string) =>
    this.#caller.json<TransferResource>(`/agreements/${part(agreement)}/transfers`, {
      method: "POST",
      json: { format },
    });
  act = (
    pid: string,
    act: "start" | "suspend" | "resume" | "complete" | "terminate",
    reason?: string,
  ) =>
    this.#caller.json<TransferResource>(`/transfers/${part(pid)}/${act}`, {
      method: "POST",
      ...(reason === undefined ? {} : { json: { reason } }),
    });
}
