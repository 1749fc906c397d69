import type { Stated } from "./attestation.ts";
import type { TermsResource, ToldTerms } from "./terms.ts";

/** A step that a person makes in a negotiation. */
export type NegotiationAct =
  | "offer"
  | "request"
  | "accept"
  | "agree"
  | "verify"
  | "finalize"
  | "terminate";

/** How an agreement comes about, by its pid on this node, with the terms on the table. */
export interface NegotiationResource extends ToldTerms {
  readonly pid: string;
  readonly role: "provider" | "consumer";
  readonly state:
    | "REQUESTED"
    | "OFFERED"
    | "ACCEPTED"
    | "AGREED"
    | "VERIFIED"
    | "FINALIZED"
    | "TERMINATED";
  /** The other participant's DID. */
  readonly counterpart: string;
  readonly product: string;
  /** What is on the table, in ODRL. */
  readonly offer: { readonly "@id": string };
  readonly startedAt: string;
  /** Its id, once the provider has agreed. */
  readonly agreement?: string;
  readonly problem?: string;
}

/** An offer to ask for; without its policy the provider's catalogue is read for it. */
export interface NegotiationWish extends Stated {
  readonly provider: string;
  readonly offer: string;
  readonly dataset?: string;
  readonly policy?: object;
  /** The provider's versioned DSP base URL, where its own documents are not to be asked. */
  readonly address?: string;
}

/** An offer to make unasked. */
export interface ProposalToMake {
  /** The consumer's participant id. */
  readonly consumer: string;
  /** Where they differ from the product's. */
  readonly terms?: Partial<TermsResource>;
}
