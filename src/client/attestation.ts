import type { Price } from "../kernel/price.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { ToldTerms } from "./terms.ts";

/** What a buyer attests of itself: it signs for it, and no machine can check it. */
export interface AttestationResource {
  readonly recipientClass?: RecipientClass;
  /** By which it keeps trade secrets, in the owner's names. */
  readonly measures?: readonly string[];
}

/** The same as it is asked for. */
export interface Stated {
  readonly as?: RecipientClass;
  readonly measures?: readonly string[];
}

/** Members that are left out, unless the buyer attests these measures. */
export interface TradeSecretsResource {
  readonly fields: readonly string[];
  readonly measures: readonly string[];
}

/** What an owner says of prices and secrets beyond everybody's terms. */
export interface PricedResource {
  /** Other prices, for who states to be of that class. */
  readonly tariffs?: readonly { readonly class: RecipientClass; readonly price: Price }[];
  /** The direct cost of making it available, as stated. */
  readonly cost?: Price;
  readonly tradeSecrets?: TradeSecretsResource;
}

/** What differs in an offer for who attests something. */
export interface VariantResource extends AttestationResource, ToldTerms {
  readonly offer: string;
  readonly price: Price;
}
