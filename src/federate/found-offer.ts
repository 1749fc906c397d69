import { hash } from "node:crypto";
import type { Mark } from "../kernel/mark.ts";
import type { Place } from "../kernel/place.ts";
import { isFree, type Price, pricePerMessage } from "../kernel/price.ts";
import type { Quality } from "../kernel/quality.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { Marks } from "../flow/marks.ts";
import type { QualityMeter } from "../flow/quality.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { DataSheet } from "../market/data-sheet.ts";
import { deliveredWhole, readRules, termsOf } from "../market/policy.ts";
import { describePolicy, plainPolicy, type PolicyPromise } from "../market/policy/plain.ts";
import type { PolicyTerms } from "../market/policy/rules.ts";
import { attestationIn } from "../market/evidence.ts";
import type { Product, Terms, TradeSecrets } from "../market/product.ts";
import { offerFor, type Attestation } from "../market/attestation.ts";
import type { SearchEntry, SearchQuery } from "../ports/search.ts";
import type { AboutProduct, Dataset } from "../wire/dsp/messages.ts";

/** An offer that was found, with whose it is; its terms stand beside the price as they are. */
export interface FoundOffer extends Omit<Terms, "topics">, Attestation {
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
  readonly cost?: Price;
  readonly tradeSecrets?: TradeSecrets;
  readonly price: Price;
  /** The terms in plain English, and line by line. */
  readonly plain: string;
  readonly promises: readonly PolicyPromise[];
  /** ISO 8601, UTC: when its provider's catalogue was last read; absent: it is our own. */
  readonly seenAt?: string;
  /** As its provider measured it. */
  readonly quality?: Quality;
  /** As its provider measured it, too. */
  readonly mark?: Mark;
  /** The same product's offers to whoever attests what they need. */
  readonly variants?: readonly OfferVariant[];
}

/** What differs for who attests something. */
export type OfferVariant = Attestation & Pick<FoundOffer, "offer" | "price" | "plain" | "promises">;

/** Of one dataset; what it lists beyond is not looked at. */
const variantsMax = 32;

export type MeasuredQuality = Pick<QualityMeter, "of" | "onTold">;
export type ProductMarks = Pick<Marks, "of" | "onTold">;

interface Whose {
  readonly provider: string;
  readonly providerName: string;
}

/** What a policy of a peer's dataset offers; one outside the profile cannot be agreed to. */
export function offerOfPolicy(
  dataset: Dataset,
  policy: Dataset["hasPolicy"][number],
  whose: Whose,
): FoundOffer | undefined {
  const terms = readable(policy);
  const id = dataset["@id"];
  return terms && foundOffer(id, policy["@id"], terms, dataset.comity ?? { title: id }, whose);
}

/** Of one dataset: found is what needs no attestation; what does stands beside it. */
export function withVariants(all: readonly FoundOffer[]): readonly FoundOffer[] {
  const needsNone = (one: FoundOffer): boolean => Object.keys(attestationIn(one)).length === 0;
  const [first, ...others] = all.filter(needsNone);
  if (!first) return all;
  const variants = all.filter((one) => !needsNone(one)).slice(0, variantsMax);
  if (variants.length === 0) return [first, ...others];
  return [{ ...first, variants: variants.map(variantOf) }, ...others];
}

function variantOf(found: FoundOffer): OfferVariant {
  const { offer, price, plain, promises } = found;
  return { offer, price, plain, promises, ...attestationIn(found) };
}

/** The offer as who attests this is made it; ATTESTATION_NEEDED where there is none. */
export function offerAttested(found: FoundOffer, attested: Attestation): FoundOffer {
  const of = (one: OfferVariant) => ({ id: one.offer, needs: attestationIn(one) });
  const { variants = [], ...rest } = found;
  const chosen = offerFor<OfferVariant>(found, variants, of, attested);
  return chosen === found ? found : { ...rest, ...chosen };
}

interface OfferSources {
  readonly catalogue: Catalogue;
  readonly quality: MeasuredQuality;
  readonly marks: ProductMarks;
}

export function ownOffer(
  product: Product,
  { catalogue, quality, marks }: OfferSources,
  whose: Whose,
): readonly FoundOffer[] {
  const { keywords, topics, terms, units } = product;
  const measured = quality.of(product.id);
  const mark = marks.of(product.id);
  const { tradeSecrets, ...plain } = product;
  const about = {
    ...plain,
    keywords: [...keywords],
    topics: [...topics],
    units: [...(units ?? [])],
    price: terms.price,
    ...(measured === undefined ? {} : { quality: measured }),
    ...(mark === undefined ? {} : { mark }),
    ...(tradeSecrets && {
      tradeSecrets: { fields: [...tradeSecrets.fields], measures: [...tradeSecrets.measures] },
    }),
  };
  const offers = catalogue.offersOf(product.id).map((policy) => {
    return foundOffer(product.id, policy["@id"], termsOf(readRules(policy)), about, whose);
  });
  return withVariants(offers);
}

/** The one of that id among an offer and its variants. */
export function offerOfId(found: FoundOffer, id: string): FoundOffer {
  const { variants = [], ...rest } = found;
  const named = variants.find(({ offer }) => offer === id);
  return named === undefined ? found : { ...rest, ...named };
}

/** What who states to be of that class pays: everybody's price where the class has none. */
export function priceFor({ price, variants = [] }: FoundOffer, as: RecipientClass): Price {
  const isTheirs = (one: Attestation) => one.recipientClass === as && one.measures === undefined;
  return variants.find(isTheirs)?.price ?? price;
}

/** As the index asks it of everybody's price. */
export function costsAtMost(
  price: Price,
  {
    free,
    priceMax,
  }: Pick<{ [K in keyof SearchQuery]: SearchQuery[K] | undefined }, "free" | "priceMax">,
): boolean {
  if (free !== undefined && free !== isFree(price)) return false;
  if (priceMax === undefined || isFree(price)) return true;
  return price.currency === priceMax.currency && pricePerMessage(price) <= priceMax.amount;
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
    ...(found.mark?.state === "conforming" && { mark: found.mark.hash }),
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
  const { description, sector, keywords, units, place, quality, mark, sheet } = about;
  const { cost, tradeSecrets } = about;
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
    price: isFree(terms.price) ? freeIn(about, terms.price) : terms.price,
    ...(description === undefined ? {} : { description }),
    ...(sector === undefined ? {} : { sector }),
    ...(keywords === undefined ? {} : { keywords }),
    ...(units === undefined || units.length === 0 ? {} : { units }),
    ...(place === undefined ? {} : { place }),
    ...(quality === undefined ? {} : { quality }),
    ...(mark === undefined ? {} : { mark }),
    ...(sheet === undefined ? {} : { sheet }),
    ...(cost === undefined ? {} : { cost }),
    ...(tradeSecrets === undefined ? {} : { tradeSecrets }),
  };
}

function freeIn(about: AboutProduct, none: Price): Price {
  return { ...none, currency: about.price?.currency ?? none.currency };
}
