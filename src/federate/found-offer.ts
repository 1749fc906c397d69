import { hash } from "node:crypto";
import type { Place } from "../kernel/place.ts";
import type { Price } from "../kernel/price.ts";
import type { Quality } from "../kernel/quality.ts";
import type { QualityMeter } from "../flow/quality.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { DataSheet } from "../market/data-sheet.ts";
import { deliveredWhole, readRules, termsOf } from "../market/policy.ts";
import { describePolicy, plainPolicy, type PolicyPromise } from "../market/policy/plain.ts";
import type { PolicyTerms } from "../market/policy/rules.ts";
import type { Product, Terms } from "../market/product.ts";
import type { SearchEntry } from "../ports/search.ts";
import type { AboutProduct, Dataset } from "../wire/dsp/messages.ts";

/** An offer that was found, with whose it is; its terms stand beside the price as they are. */
export interface FoundOffer extends Omit<Terms, "topics"> {
  readonly offer: string;
  readonly product: string;
  readonly title: string;
  readonly description?: string;
  readonly provider: string;
  readonly providerName: string;
  readonly topics: readonly string[];
  readonly delivery: "live" | "logged";
  readonly sector?: string;
  readonly keywords?: readonly string[];
  /** UCUM codes. */
  readonly units?: readonly string[];
  readonly place?: Place;
  readonly sheet?: DataSheet;
  readonly price: Price;
  /** The terms in plain English, and line by line. */
  readonly plain: string;
  readonly promises: readonly PolicyPromise[];
  /** ISO 8601, UTC: when its provider's catalogue was last read; absent: it is our own. */
  readonly seenAt?: string;
  /** As its provider measured it. */
  readonly quality?: Quality;
}

export type MeasuredQuality = Pick<QualityMeter, "of" | "onTold">;

interface Whose {
  readonly provider: string;
  readonly providerName: string;
}

/** What a peer's dataset offers; an offer outside the profile cannot be agreed to and is left out. */
export function offersOfDataset(dataset: Dataset, whose: Whose): FoundOffer[] {
  return dataset.hasPolicy.flatMap((policy) => {
    const terms = readable(policy);
    if (!terms) return [];
    const id = dataset["@id"];
    return [foundOffer(id, policy["@id"], terms, dataset.comity ?? { title: id }, whose)];
  });
}

export function ownOffer(
  product: Product,
  { catalogue, quality }: { catalogue: Catalogue; quality: MeasuredQuality },
  whose: Whose,
): FoundOffer[] {
  const policy = catalogue.offerOf(product.id);
  if (!policy) return [];
  const { keywords, topics, terms, units } = product;
  const measured = quality.of(product.id);
  const about = {
    ...product,
    keywords: [...keywords],
    topics: [...topics],
    units: [...(units ?? [])],
    price: terms.price,
    ...(measured === undefined ? {} : { quality: measured }),
  };
  return [foundOffer(product.id, policy["@id"], termsOf(readRules(policy)), about, whose)];
}

/** The offer as the index takes it. */
export function entryOf(found: FoundOffer): SearchEntry {
  const { product, providerName, description = "", sector = "other", keywords = [], place } = found;
  const also = [product, ...keywords, sector, providerName, place?.name ?? "", description];
  return {
    offer: found.offer,
    title: found.title,
    text: [...also, ...found.topics].join(" "),
    sector,
    delivery: found.delivery,
    units: found.units ?? [],
    ...(place !== undefined && { place }),
    ...(found.quality !== undefined && { lastAt: Date.parse(found.quality.lastAt) }),
    price: found.price,
    weight: weightOf(found),
    digest: hash("sha256", JSON.stringify(found), "base64url"),
    doc: found,
  };
}

/** What is described well comes before what is not. */
function weightOf({ description = "", keywords = [], place, units = [] }: FoundOffer): number {
  const described = [description.length > 40, keywords.length > 0, place, units.length > 0];
  return described.filter(Boolean).length / described.length;
}

function readable(policy: unknown): PolicyTerms | undefined {
  try {
    return termsOf(readRules(policy));
  } catch {
    return undefined;
  }
}

function foundOffer(
  product: string,
  offer: string,
  terms: PolicyTerms,
  about: AboutProduct,
  whose: Whose,
): FoundOffer {
  const { description, sector, keywords, units, place, quality, sheet } = about;
  return {
    ...terms,
    offer,
    product,
    title: about.title,
    ...whose,
    topics: terms.topics ?? about.topics ?? deliveredWhole.topics,
    delivery: about.delivery ?? deliveredWhole.delivery,
    plain: plainPolicy(terms),
    promises: describePolicy(terms),
    // a free offer names no currency in its policy; what its seller says instead costs nothing
    price: terms.price.amount === "0" ? freeIn(about, terms.price) : terms.price,
    ...(description === undefined ? {} : { description }),
    ...(sector === undefined ? {} : { sector }),
    ...(keywords === undefined ? {} : { keywords }),
    ...(units === undefined || units.length === 0 ? {} : { units }),
    ...(place === undefined ? {} : { place }),
    ...(quality === undefined ? {} : { quality }),
    ...(sheet === undefined ? {} : { sheet }),
  };
}

function freeIn(about: AboutProduct, none: Price): Price {
  return { ...none, currency: about.price?.currency ?? none.currency };
}
