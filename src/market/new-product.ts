import { canonicalHash } from "../kernel/canonical.ts";
import { ComityError } from "../kernel/errors.ts";
import { placeProblem } from "../kernel/place.ts";
import { isFree } from "../kernel/price.ts";
import { isoTime } from "../kernel/time.ts";
import { covers, filterProblem, overlaps } from "../kernel/topic.ts";
import { unitOf } from "../wire/units/codes.ts";
import { dataSheetProblem } from "./data-sheet.ts";
import { readRules, rulesOf, termsOf } from "./policy.ts";
import { freePrice } from "./policy/duties.ts";
import { secretsProblem, tariffsProblem } from "./policy/offer-values.ts";
import { termNames, termsProblem } from "./policy/term-values.ts";
import type { Conditions, Product, Terms } from "./product.ts";

/** What a person gives; the rest has defaults, and the id then comes from the title. */
export type NewProduct = Pick<Product, "title" | "topics"> &
  Partial<Omit<Product, "title" | "topics" | "terms" | "conditions" | "createdAt">> & {
    /** The price is needed, unless there is a policy. */
    readonly terms?: Partial<Terms>;
    /** ODRL: what terms have no words for, or all of it; what both say must be the same. */
    readonly policy?: unknown;
  };

const topicsMax = 100;
const keywordsMax = 50;
const unitsMax = 16;
const titleLengthMax = 200;
const descriptionLengthMax = 10_000;

/** Streams bought from others stand at `from/<peer>/<product>/<topic>`: at least four levels. */
const bought = "from/+/+/+/#";

/**
 * The product as it is kept; PRODUCT_INVALID names the first field that is wrong,
 * POLICY_UNENFORCEABLE what of its policy is outside the profile.
 */
export function productFrom(input: NewProduct, now: number): Product {
  const id = input.id ?? idFrom(input.title);
  const product: Product = {
    id,
    title: input.title,
    description: input.description ?? "",
    topics: [...input.topics],
    delivery: input.delivery ?? "live",
    sector: input.sector ?? "other",
    keywords: [...(input.keywords ?? [])],
    ...(input.units === undefined ? {} : { units: ucumCodes(input.units) }),
    ...(input.place === undefined ? {} : { place: input.place }),
    ...(input.conformsTo === undefined ? {} : { conformsTo: input.conformsTo }),
    ...(input.retention === undefined ? {} : { retention: { ...input.retention } }),
    ...sheetOf(input),
    ...offeredBy(input),
    ...pricedBy(input),
    ...(input.approval === undefined ? {} : { approval: input.approval }),
    ...(input.sample === false ? { sample: false } : {}),
    ...(input.reservedFor === undefined ? {} : { reservedFor: input.reservedFor }),
    createdAt: new Date(now).toISOString(),
  };
  const problem = productProblem(product, now);
  if (problem !== undefined) throw invalid(problem);
  return product;
}

function invalid(problem: string): ComityError {
  return new ComityError("PRODUCT_INVALID", { problem });
}

function idFrom(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
}

function offeredBy({ terms = {}, policy }: NewProduct): Pick<Product, "terms" | "conditions"> {
  const single = termsFrom(terms);
  if (policy === undefined) {
    if (!single.price) throw invalid("terms have no price");
    return { terms: { ...single, price: single.price } };
  }
  const wrong = termsProblem({ price: freePrice, ...single });
  if (wrong !== undefined) throw invalid(wrong);
  const { when, unless, price, recipientClass, measures, ...read } = termsOf(readRules(policy));
  if (recipientClass !== undefined) throw invalid("policy names a class: say it as tariffs");
  if (measures !== undefined) throw invalid("policy names measures: say them as tradeSecrets");
  // free where nobody is to be paid; what a person says of it beside names its currency
  const said: Partial<Terms> = isFree(price) ? read : { ...read, price };
  const differs = termNames.find((name) => contradicts(name, single, said));
  if (differs !== undefined) throw invalid(`policy and terms both say ${differs}, and differ`);
  const conditions: Conditions = { ...(when && { when }), ...(unless && { unless }) };
  return {
    terms: { price, ...single, ...said },
    ...(Object.keys(conditions).length > 0 && { conditions }),
  };
}

/** That there are trade secrets among the data is told before an agreement (Art. 3(2), 4(6)). */
function sheetOf({ sheet, tradeSecrets, retention }: NewProduct): Pick<Product, "sheet"> {
  const days = retention?.days;
  if (sheet?.retentionDays !== undefined && days !== undefined && sheet.retentionDays !== days) {
    throw invalid(`sheet.retentionDays is ${sheet.retentionDays}, and retention.days ${days}`);
  }
  if (tradeSecrets !== undefined && sheet?.tradeSecrets === false) {
    throw invalid("sheet.tradeSecrets is false, and tradeSecrets name some");
  }
  const told = {
    ...(days !== undefined && { retentionDays: days }),
    ...(tradeSecrets !== undefined && { tradeSecrets: true }),
  };
  if (sheet === undefined && Object.keys(told).length === 0) return {};
  return { sheet: { ...sheet, ...told } };
}

/** Only what there is of it: what else came along is not kept. */
function pricedBy(input: NewProduct): Pick<Product, "tariffs" | "cost" | "tradeSecrets"> {
  const { tariffs, cost, tradeSecrets } = input;
  return {
    ...(tariffs?.length
      ? { tariffs: tariffs.map((one) => ({ class: one.class, price: structuredClone(one.price) })) }
      : {}),
    ...(cost && { cost: structuredClone(cost) }),
    ...(tradeSecrets && {
      tradeSecrets: {
        fields: tradeSecrets.fields.toSorted(),
        measures: tradeSecrets.measures.toSorted(),
      },
    }),
  };
}

/** Only the terms there are: what else came along is not kept. */
function termsFrom(terms: Partial<Terms>): Partial<Terms> {
  const kept = termNames.flatMap((name) =>
    terms[name] === undefined ? [] : [[name, structuredClone(terms[name])]],
  );
  return Object.fromEntries(kept);
}

/** Do both say it, and not the same? What has no order is compared without one. */
function contradicts(name: keyof Terms, one: Partial<Terms>, other: Partial<Terms>): boolean {
  if (one[name] === undefined || other[name] === undefined) return false;
  const written = (terms: Partial<Terms>) =>
    canonicalHash(rulesOf({ price: freePrice, [name]: terms[name] }));
  return written(one) !== written(other);
}

function productProblem(product: Product, now: number): string | undefined {
  if (!/^(?!\.)[A-Za-z0-9._-]{1,64}$/.test(product.id)) {
    return `id "${product.id}" is not 1–64 of A–Z, a–z, 0–9, _, - and, inside, .`;
  }
  if (product.title.trim() === "" || product.title.length > titleLengthMax) {
    return `title has ${product.title.length} characters, 1–${titleLengthMax} are taken`;
  }
  if (product.description.length > descriptionLengthMax) {
    return `description is longer than ${descriptionLengthMax} characters`;
  }
  if (product.delivery !== "live" && product.delivery !== "logged") {
    return `delivery "${String(product.delivery)}" is neither live nor logged`;
  }
  if (!/^[a-z0-9-]{1,32}$/.test(product.sector)) {
    return `sector "${product.sector}" is not 1–32 of a–z, 0–9 and -`;
  }
  if (product.keywords.length > keywordsMax || product.keywords.some((word) => word.length > 64)) {
    return `keywords are more than ${keywordsMax}, or one is longer than 64 characters`;
  }
  const sheet = product.sheet && dataSheetProblem(product.sheet);
  if (sheet !== undefined) return sheet;
  const retention = retentionProblem(product);
  if (retention !== undefined) return retention;
  const { approval = "auto" } = product;
  if (approval !== "auto" && approval !== "manual") {
    return `approval "${String(approval)}" is neither auto nor manual`;
  }
  const units = unitsProblem(product.units ?? []);
  if (units !== undefined) return units;
  const place = product.place === undefined ? undefined : placeProblem(product.place);
  if (place !== undefined) return `place: ${place}`;
  return (
    topicsProblem(product.topics) ??
    subsetProblem(product.terms.topics, product.topics) ??
    termsProblem(product.terms) ??
    tariffsProblem(product) ??
    secretsProblem(product) ??
    timelyProblem(product.terms, now)
  );
}

/** Codes of UN/CEFACT and names such as `unit:DEG_C` become UCUM's; what is none stays. */
function ucumCodes(units: readonly string[]): string[] {
  return [...new Set(units.map((unit) => unitOf(unit)?.unit.code ?? unit))];
}

function unitsProblem(units: readonly string[]): string | undefined {
  if (units.length > unitsMax) return `units are more than ${unitsMax}`;
  const unknown = units.find((unit) => unitOf(unit) === undefined);
  return unknown === undefined
    ? undefined
    : `unit "${unknown}" is neither UCUM nor a code of UN/CEFACT or SenML, nor any known name`;
}

function topicsProblem(topics: readonly string[]): string | undefined {
  if (topics.length === 0) return "topics are missing: name at least one topic filter";
  if (topics.length > topicsMax) return `topics are more than ${topicsMax}`;
  if (new Set(topics).size < topics.length) return "topics name one filter twice";
  for (const topic of topics) {
    const problem = filterProblem(topic);
    if (problem !== undefined) return `topic "${topic}" ${problem}`;
    if (topic.startsWith("$")) return `topic "${topic}" is the node's own`;
    if (overlaps(bought, topic)) {
      return `topic "${topic}" reaches into from/…, the streams bought from others; name its first level`;
    }
  }
  return undefined;
}

/** Of what is sold, where that is less than the product. */
function subsetProblem(
  topics: readonly string[] | undefined,
  all: readonly string[],
): string | undefined {
  if (topics === undefined) return undefined;
  if (topics.length === 0) return "terms.topics are empty: leave them out for the whole product";
  const outside = topics.find((topic) => !all.some((filter) => covers(filter, topic)));
  if (outside !== undefined) return `terms.topics: "${outside}" is not among the product's topics`;
  return topicsProblem(topics);
}

const daysMax = 36_500;
const keptBytesMin = 1_048_576;

function retentionProblem({ retention, delivery }: Product): string | undefined {
  if (retention === undefined) return undefined;
  const { days, bytesMax } = retention;
  if (delivery === "live") return "retention is of a log, and delivery is live";
  if (days === undefined && bytesMax === undefined) return "retention says neither days nor bytes";
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= daysMax)) {
    return `retention.days ${days} is not a whole number from 1 to ${daysMax}`;
  }
  if (bytesMax !== undefined && !(Number.isSafeInteger(bytesMax) && bytesMax >= keptBytesMin)) {
    return `retention.bytesMax ${bytesMax} is not a whole number of at least ${keptBytesMin}`;
  }
  return undefined;
}

function timelyProblem({ notAfter }: Terms, now: number): string | undefined {
  if (notAfter === undefined || (isoTime(notAfter) ?? now) > now) return undefined;
  return `notAfter ${notAfter} has passed`;
}
