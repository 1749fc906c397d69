import type { GeoPolygon } from "../kernel/polygon.ts";
import type { UnitPrice } from "../kernel/price.ts";

/**
 * Decided for each message by its topic, its log time and its own position alone, so that a
 * replay decides alike.
 */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  /** Exactly one of them holds (ODRL `xone`). */
  | { readonly one: readonly Condition[] }
  /** The topic matches one of these filters. */
  | { readonly topic: readonly string[] }
  /** Log time, milliseconds since the Unix epoch: `from` ≤ time < `until`. */
  | { readonly from?: number; readonly until?: number }
  | { readonly within: GeoPolygon };

/** What is left of a payload; dotted paths name members of members, arrays are passed through. */
export interface Shape {
  /** Members let through; undefined: all. */
  readonly allow?: readonly string[];
  readonly drop?: readonly string[];
  /** Numbers rounded to a multiple of the step. */
  readonly round?: Readonly<Record<string, number>>;
  /** Replaced by a hash under a key of this agreement alone. */
  readonly pseudonymise?: readonly string[];
  /** Dates moved by whole days, at most so many, by a number made under a key of this agreement. */
  readonly shift?: Readonly<Record<string, number>>;
  /** Each value of this member has a number of its own; undefined: there is one. */
  readonly shiftBy?: string;
}

/** The first `messages` of each window of log time go through; windows begin at whole multiples. */
export interface Rate {
  readonly messages: number;
  readonly seconds: number;
  readonly per: "topic" | "stream";
}

export interface MonthlyCeiling {
  readonly price: UnitPrice;
  readonly ceilingMicro: bigint;
}

/** An agreement compiled to what the data plane checks on every message; the provider holds it. */
export interface Grant {
  readonly agreement: string;
  /** DID of who receives. */
  readonly consumer: string;
  readonly product: string;
  /** A topic outside these is withheld. */
  readonly filters: readonly string[];
  /** Only messages for which it holds. */
  readonly when?: Condition;
  /** Prohibitions: a message for which one of them holds is withheld. */
  readonly unless?: readonly Condition[];
  readonly shape?: Shape;
  /** Milliseconds since the Unix epoch, by delivery time: `notBefore` ≤ time < `notAfter`. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** Over the agreement's whole life. */
  readonly messagesMax?: number;
  /** Of payloads as they are handed over, over the agreement's whole life. */
  readonly bytesMax?: number;
  readonly rate?: Rate;
  /** It costs money: served only where what is acknowledged is billed. */
  readonly billed: boolean;
  /** Billed on the PUBACKs of a partner without a node; in a calendar month at most so much. */
  readonly monthly?: MonthlyCeiling;
  /** The log the stream is served from, where the product is logged. */
  readonly log?: string;
}

/** The log of a logged product. */
export function logOfProduct(product: string): string {
  return `product/${product}`;
}
