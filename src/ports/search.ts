/**
 * The search over what can be had: own offers and those of every peer that was crawled. It is an
 * index and no record: it can be lost and is then filled again. Engines pass
 * `search.conformance.ts`.
 */
import type { Place } from "../kernel/place.ts";
import type { Price } from "../kernel/price.ts";

export interface SearchIndex {
  /** Takes one provider's changes in; queries are answered in between. */
  change(provider: string, change: SearchChange): Promise<void>;
  /** Removes a provider with all it offers. */
  forget(provider: string): Promise<void>;
  /** What is kept of a provider; undefined where it was never seen. */
  known(provider: string): Promise<KnownProvider | undefined>;
  find(query: SearchQuery): Promise<SearchPage>;
  /** Every provider's offer of that id. */
  offer(id: string): Promise<readonly FoundEntry[]>;
  close(): Promise<void>;
}

/** One offer as it is found. */
export interface SearchEntry {
  /** Unique for its provider. */
  readonly offer: string;
  /** Whoever has all the words here comes before whoever has them elsewhere. */
  readonly title: string;
  /** Everything else it is found by. */
  readonly text: string;
  readonly sector: string;
  readonly delivery: "live" | "logged";
  /** UCUM codes. */
  readonly units: readonly string[];
  readonly place?: Place;
  /** Hash of the vocabulary that it is by, where it holds to it. */
  readonly mark?: string;
  readonly price: Price;
  /** When its newest message came, as its provider measured; milliseconds since the Unix epoch. */
  readonly lastAt?: number;
  /** 0 … 1: what fits as well comes in this order. */
  readonly weight: number;
  /** Tells one state of the entry from another. */
  readonly digest: string;
  /** Handed back as it is; JSON. */
  readonly doc: unknown;
}

export interface SearchChange {
  readonly put: readonly SearchEntry[];
  /** Offer ids. */
  readonly remove: readonly string[];
  /** When its catalogue was read, milliseconds since the Unix epoch. */
  readonly seenAt: number;
  /** The catalogue's entity tag; absent: it has none. */
  readonly tag?: string;
}

export interface KnownProvider {
  readonly seenAt: number;
  readonly tag?: string;
  /** By offer id. */
  readonly digests: ReadonlyMap<string, string>;
}

/** All conditions hold for what is found. */
export interface SearchQuery {
  /** Every word, without case and accents; the last one may be the beginning of a word. */
  readonly text?: string;
  readonly sector?: string;
  readonly delivery?: "live" | "logged";
  readonly unit?: string;
  /** One of these hashes. */
  readonly marks?: readonly string[];
  readonly provider?: string;
  readonly free?: boolean;
  readonly near?: { readonly lat: number; readonly lon: number; readonly km: number };
  /** Degrees; `west` may be greater than `east`, across the date line. */
  readonly box?: SearchBox;
  /** At most so much a message; what is free fits every currency. */
  readonly priceMax?: { readonly amount: number; readonly currency: string };
  /** Its newest message is not older; milliseconds since the Unix epoch. */
  readonly lastAfter?: number;
  readonly offset?: number;
  /** At most 100. */
  readonly limit: number;
}

export interface SearchBox {
  readonly south: number;
  readonly west: number;
  readonly north: number;
  readonly east: number;
}

export interface FoundEntry {
  readonly provider: string;
  readonly offer: string;
  readonly seenAt: number;
  readonly doc: unknown;
}

export interface SearchPage {
  /** Best first: all words in the title, then by weight. */
  readonly found: readonly FoundEntry[];
  /** How many fit, counted up to `totalMax`. */
  readonly total: number;
}

/** Nobody reads further than this; counting on would cost and say no more. */
export const totalMax = 1_000;
export const pageMax = 100;
/** Words of a question that are looked at. */
export const wordsMax = 16;
