import type { GeoPolygon } from "../kernel/polygon.ts";
import type { Price } from "../kernel/price.ts";

/** Names of JSON members may be dotted: `position.lat`. */
export interface TermsResource {
  readonly price: Price;
  /** Topic filters, where less than the product is sold. */
  readonly topics?: readonly string[];
  readonly fields?: readonly string[];
  readonly drop?: readonly string[];
  /** Steps, by member. */
  readonly round?: Readonly<Record<string, number>>;
  readonly pseudonymise?: readonly string[];
  /** Whole days at most, by member that holds a date. */
  readonly shift?: Readonly<Record<string, number>>;
  /** Each value of this member has a number of days of its own. */
  readonly shiftBy?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** From the agreement's signing on. */
  readonly lifeSeconds?: number;
  /** By when the data was logged. */
  readonly dataFrom?: string;
  readonly dataUntil?: string;
  readonly messagesMax?: number;
  readonly bytesMax?: number;
  readonly rate?: {
    readonly messages: number;
    readonly seconds: number;
    readonly per: "topic" | "stream";
  };
  /** By the position that stands in each message. */
  readonly area?: GeoPolygon;
  readonly purposes?: readonly string[];
  readonly recipients?: readonly string[];
  /** ISO 3166 codes. */
  readonly jurisdictions?: readonly string[];
  readonly noResharing?: boolean;
  readonly deleteAfterSeconds?: number;
  readonly attribution?: string;
}

/** Terms as people read them. */
export interface ToldTerms {
  readonly plain: string;
  readonly promises: readonly PromiseResource[];
}

/** One line of a policy, and who sees to it: the provider's node, the buyer's word, or a price. */
export interface PromiseResource {
  readonly text: string;
  readonly kind: "enforced" | "attested" | "owed";
}

/** A product against the Data Act's lists of unfair terms (Regulation (EU) 2023/2854 Art. 13). */
export interface LintResource {
  readonly findings: readonly {
    readonly article: string;
    /** Unfair always, presumed so until the opposite is shown, or about compensation (Art. 9). */
    readonly list: "always" | "presumed" | "compensation";
    readonly what: string;
    readonly where: string;
    readonly text: string;
    readonly advice: string;
  }[];
  readonly questions: readonly { readonly article: string; readonly question: string }[];
  readonly ruledOut: readonly { readonly article: string; readonly because: string }[];
}
