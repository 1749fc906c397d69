import type { Price } from "../kernel/price.ts";
import type { PricedResource, TradeSecretsResource } from "./attestation.ts";

/** Whose data a Thing's are: Regulation (EU) 2023/2854 (Data Act), Art. 4 and 5. */
export interface ThingAccessResource extends PricedResource {
  /** Who owns or rents it: a participant's DID. */
  readonly user: string;
  /** What a third party pays that the user sends; absent: nothing. */
  readonly price?: Price;
  /** Why nothing is handed over, as a person decided. */
  readonly withheld?: { readonly article: string; readonly reason: string };
}

/** A user's request for the data of their Thing, to whoever holds them. */
export interface AccessRequest {
  /** The data holder, by DID or name. */
  readonly provider: string;
  /** The holder's name of the Thing. */
  readonly thing: string;
  /** The DID of a third party that may agree in the user's place. */
  readonly for?: string;
  /** By which the asker keeps the trade secrets among them. */
  readonly measures?: readonly string[];
}

export interface AccessGranted {
  readonly offer: string;
  /** Its id; absent for a third party, who agrees itself. */
  readonly agreement?: string;
  /** Left out of the data, unless these measures are attested. */
  readonly tradeSecrets?: TradeSecretsResource;
}

/** A refusal, given or received, as its signature says. */
export interface RefusalResource {
  readonly record: {
    readonly id: string;
    readonly asker: string;
    readonly by: string;
    readonly subject: string;
    readonly article: string;
    readonly reason: string;
    readonly at: string;
  };
  /** A JWS in general form over the record's canonical form. */
  readonly signed: unknown;
}
