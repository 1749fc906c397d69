import type {
  ChangeResource,
  CommissionDetail,
  CommissionResource,
  PublishedResource,
  RecognitionResource,
} from "./commissions.ts";
import { type HttpCaller, part } from "./http-caller.ts";

/** The routes of vocabularies; their names are a hash, or `[issuer/]sector[@version]`. */
export class CommissionCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  list = () => this.#caller.json<CommissionResource[]>("/commissions");
  get = (name: string) => this.#caller.json<CommissionDetail>(`/commissions/${part(name)}`);
  changes = (name: string, since: string) =>
    this.#caller.json<ChangeResource[]>(`/commissions/${part(name)}/changes`, { query: { since } });
  /** `{pack}`, or the vocabulary itself; either with a `version`. */
  publish = (vocabulary: object) =>
    this.#caller.json<PublishedResource>("/commissions", { method: "POST", json: vocabulary });

  recognised = () => this.#caller.json<RecognitionResource[]>("/recognitions");
  /** `issuer`: a DID, a peer's name, or the address of its node. */
  recognise = (issuer: string, sector: string) =>
    this.#caller.json<RecognitionResource>("/recognitions", {
      method: "POST",
      json: { issuer, sector },
    });
  /** Asks all issuers what they publish now. */
  check = () => this.#caller.json<RecognitionResource[]>("/recognitions/check", { method: "POST" });
  /** Accepts the version that waits. */
  update = (name: string) =>
    this.#caller.json<RecognitionResource>(`/recognitions/${part(name)}/update`, {
      method: "POST",
    });
  forget = (name: string) =>
    this.#caller.json<void>(`/recognitions/${part(name)}`, { method: "DELETE" });
}
