import type { Static } from "typebox";
import type { ComityHttp } from "../../client/http.ts";
import type { AgreementResource, FindQuery, OfferResource } from "../../client/resources.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { VariantResource } from "../../client/attestation.ts";
import { describePrice } from "../../kernel/price-text.ts";
import { oneOfClass } from "../../kernel/recipient-class.ts";
import { productOfOffer } from "../../market/policy.ts";
import { pageMax } from "../../ports/search.ts";
import type { Product } from "./shapes.ts";

/** What the search takes of words. */
const queryMax = 200;

/** An offer as the tools tell it: the price in words, the terms line by line. */
export function productOf(found: OfferResource): Static<typeof Product> {
  const { price, promises, topics, keywords, place, variants = [], ...rest } = found;
  const terms: string[] = [`Price: ${describePrice(price)}.`];
  if (topics) terms.push(`Topics: ${topics.join(", ")}; nothing else is delivered.`);
  for (const { kind, text } of promises) if (kind !== "owed") terms.push(`${text} (${kind})`);
  for (const variant of variants) terms.push(variantText(variant));
  return {
    ...{ offer: rest.offer, product: rest.product, title: rest.title },
    ...{ provider: rest.provider, providerName: rest.providerName, price: describePrice(price) },
    ...(rest.description !== undefined && { description: rest.description }),
    ...(rest.delivery !== undefined && { delivery: rest.delivery }),
    ...(rest.sector !== undefined && { sector: rest.sector }),
    ...(topics && { topics: [...topics] }),
    ...(keywords && { keywords: [...keywords] }),
    ...(place && { place }),
    terms,
  };
}

/** Another offer of the same product, and what has to be stated for it. */
function variantText({ recipientClass, measures, price }: VariantResource): string {
  const stated = [
    ...(recipientClass ? [`as: "${recipientClass}" (${oneOfClass(recipientClass)})`] : []),
    ...(measures ? [`measures: ${JSON.stringify(measures)}, with the trade secrets`] : []),
  ];
  return `Another offer, for who states ${stated.join(" and ")}: ${describePrice(price)}.`;
}

/** The offer named by its id or its product's; NOT_FOUND, or BODY_INVALID where two would fit. */
export async function offerNamed(
  node: ComityHttp,
  name: string,
  provider?: string,
): Promise<OfferResource> {
  const fits = (one: OfferResource): boolean =>
    (one.offer === name ||
      one.product === name ||
      one.variants?.some((variant) => variant.offer === name) === true) &&
    (provider === undefined || one.provider === provider || one.providerName === provider);
  const whose = provider === undefined ? {} : { provider };
  const words = productOfOffer(name).slice(0, queryMax);
  const [first, ...more] = (await everyOffer(node, { ...whose, q: words })).filter(fits);
  if (!first) throw new ComityError("NOT_FOUND", { what: "offer or product", id: name });
  if (more.length === 0) return first;
  const problem = `several organisations offer ${first.product}; name its provider`;
  throw new ComityError("BODY_INVALID", { problem });
}

/** Page by page, as far as the search goes. */
async function everyOffer(node: ComityHttp, query: FindQuery): Promise<OfferResource[]> {
  const found: OfferResource[] = [];
  for (;;) {
    const page = await node.findPage({ ...query, offset: found.length, limit: pageMax });
    found.push(...page.offers);
    if (page.offers.length < pageMax || found.length >= page.total) return found;
  }
}

/** Where the stream of an agreement stands on this node: its topics' prefix and its log's name. */
export async function streamOf(node: ComityHttp, bought: AgreementResource): Promise<string> {
  const { id, role, provider, product } = bought;
  if (role !== "consumer") {
    const state = "one under which this node sells";
    const act = "reading a stream through it";
    throw new ComityError("STATE_INVALID", { what: "Agreement", id, state, act });
  }
  const peer = (await node.peers()).find(({ did }) => did === provider);
  return `from/${peer?.name ?? provider}/${product}`;
}
