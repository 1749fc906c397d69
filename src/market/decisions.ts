import type { Agreement } from "./agreement.ts";
import type { Attestation } from "./attestation.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Negotiation } from "./negotiation.ts";
import { type Offer, policyDigest, readRules } from "./policy.ts";
import type { Transfer } from "./transfer.ts";

interface Terminate {
  readonly do: "terminate";
  readonly reason: string;
}

/** Nothing by itself: a person or a program makes the move later. */
interface Wait {
  readonly do: "wait";
}

export type ProviderMove =
  | { readonly do: "agree" }
  | { readonly do: "offer"; readonly offer: Offer }
  | { readonly do: "finalize" }
  | Terminate
  | Wait;

export type ConsumerMove =
  | { readonly do: "accept"; readonly attested?: Attestation }
  | { readonly do: "request"; readonly offer: Offer }
  | { readonly do: "verify" }
  | Terminate
  | Wait;

export type TransferMove = { readonly do: "start" } | Terminate | Wait;

/** A consumer's, about an agreement that stands. */
export type FetchMove = { readonly do: "fetch" } | Wait;

type Sooner<T> = T | Promise<T>;

/**
 * What a node does by itself when the other side made its move, state by state (DSP 2025-1 §7.1,
 * §9.1). Who replaces it decides otherwise; a move the protocol does not allow is an error.
 */
export interface Decisions {
  /** Provider: a request, the first or a counter-offer. */
  requested(negotiation: Negotiation): Sooner<ProviderMove>;
  /** Provider: its own offer was accepted. */
  accepted(negotiation: Negotiation): Sooner<ProviderMove>;
  /** Provider: the agreement came back verified. */
  verified(negotiation: Negotiation): Sooner<ProviderMove>;
  /** Consumer: an offer, in answer to its request or unasked. */
  offered(negotiation: Negotiation): Sooner<ConsumerMove>;
  /** Consumer: an agreement on what it asked for or accepted. */
  agreed(negotiation: Negotiation): Sooner<ConsumerMove>;
  /** Provider: the agreement stands and the format is served. */
  transferRequested(transfer: Transfer): Sooner<TransferMove>;
  /** Consumer: an agreement was made, or the node starts with it. */
  bought(agreement: Agreement): FetchMove;
}

/**
 * As the catalogue says: its offers are agreed to as they stand, by a person where the product
 * says so; what was asked for is accepted, and every other offer waits for a person.
 */
export function ownDecisions(catalogue: Catalogue): Decisions {
  return {
    requested(negotiation) {
      const product = catalogue.get(negotiation.product);
      if (!product) return { do: "terminate", reason: "it is offered no more" };
      if (product.approval === "manual" || negotiation.proposed) return { do: "wait" };
      const own = catalogue
        .offersOf(product.id)
        .map((offer) => policyDigest(product.id, readRules(offer), product));
      if (own.includes(negotiation.digest)) return { do: "agree" };
      return { do: "terminate", reason: "it is offered as the catalogue shows it, not otherwise" };
    },
    accepted: () => ({ do: "agree" }),
    verified: () => ({ do: "finalize" }),
    offered: ({ digest, asked }) => ({ do: digest === asked ? "accept" : "wait" }),
    agreed: () => ({ do: "verify" }),
    transferRequested: () => ({ do: "start" }),
    bought: () => ({ do: "fetch" }),
  };
}
