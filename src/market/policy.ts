/**
 * Policies as the other rooms use them: terms ↔ rules, and the offer that names them by their
 * hash. The language itself stands in `policy/`.
 */
import { canonicalHash } from "../kernel/canonical.ts";
import { readUnless, readWhen, sorted, writeUnless, writeWhen } from "./policy/conditions.ts";
import { dutiesOf, readDuties } from "./policy/duties.ts";
import { constraintsOf, termsFrom } from "./policy/operands.ts";
import { isAtomic, policyProfile, type PolicyTerms, refused } from "./policy/rules.ts";
import { type Rule, type Rules, unenforceable } from "./policy/rules.ts";
import { readShape } from "./policy/shape.ts";
import { termsProblem } from "./policy/term-values.ts";
import { withoutSecrets } from "./policy/trade-secrets.ts";
import type { Product, Terms } from "./product.ts";

export type { Rules };

export interface Offer extends Rules {
  readonly "@type": "Offer";
  readonly "@id": string;
}

/**
 * What is delivered, for which ODRL has no words: it stands in our member `comity` of datasets and
 * agreements. A product and that member both fit.
 */
export interface Delivered {
  readonly delivery: Product["delivery"];
  readonly topics: readonly string[];
}

/** What is taken for granted of a product that says nothing of it: all that it sends, as it comes. */
export const deliveredWhole: Delivered = { delivery: "live", topics: ["#"] };

/**
 * The rules of terms, in the one canonical form: what has no order of its own is sorted. Without
 * any term it is ODRL's plain permission to use, which any connector can ask for.
 */
export function rulesOf(terms: PolicyTerms): Rules {
  const constraint = [...constraintsOf(terms), ...writeWhen(terms.when)];
  const forbidden = (terms.unless ?? []).map((one) => ({
    action: "use",
    constraint: writeUnless(one),
  }));
  const prohibition: Rule[] = [
    ...(terms.noResharing ? [{ action: "distribute" }] : []),
    ...sorted(forbidden),
  ];
  const obligation = dutiesOf(terms);
  return {
    profile: policyProfile,
    permission: [{ action: "use", ...(constraint.length === 0 ? {} : { constraint }) }],
    ...(prohibition.length === 0 ? {} : { prohibition }),
    ...(obligation.length === 0 ? {} : { obligation }),
  };
}

/**
 * The binding part of a policy that somebody sent, in canonical form, however its writer spells
 * and orders it; POLICY_UNENFORCEABLE names what is outside the profile.
 */
export function readRules(policy: unknown): Rules {
  return rulesOf(termsOf(readShape(policy)));
}

/** What the rules say; POLICY_UNENFORCEABLE names what is outside the profile. */
export function termsOf(rules: Rules): PolicyTerms {
  const [permission, ...more] = rules.permission;
  if (!permission || more.length > 0) {
    throw refused(`it has ${rules.permission.length} permissions, and must have one`);
  }
  if (permission.action !== "use") throw unenforceable("action", permission.action);
  const constraints = permission.constraint ?? [];
  const when = readWhen(constraints);
  const terms: PolicyTerms = {
    ...readDuties(rules.obligation ?? []),
    ...termsFrom(constraints.filter(isAtomic)),
    ...readProhibitions(rules.prohibition ?? []),
    ...(when === undefined ? {} : { when }),
  };
  const problem = termsProblem(terms);
  if (problem !== undefined) throw refused(problem);
  return terms;
}

function readProhibitions(rules: readonly Rule[]): Pick<PolicyTerms, "noResharing" | "unless"> {
  const unless = rules
    .filter(({ action }) => action === "use")
    .map(({ constraint = [] }) => readUnless(constraint));
  const others = rules.filter(({ action }) => action !== "use");
  for (const { action, constraint } of others) {
    if (action !== "distribute") throw unenforceable("prohibition", action);
    if (constraint) throw refused('the prohibition to "distribute" has constraints');
  }
  if (others.length > 1) throw refused('the prohibition to "distribute" stands twice');
  return {
    ...(others.length === 0 ? {} : { noResharing: true }),
    ...(unless.length === 0 ? {} : { unless }),
  };
}

/** All that a product's policy says to whoever attests nothing. */
export function termsOfProduct(product: Product): PolicyTerms {
  const { terms, conditions, tradeSecrets } = product;
  const all = { ...terms, ...conditions };
  return tradeSecrets === undefined ? all : withoutSecrets(all, tradeSecrets.fields);
}

/**
 * The same and, after it, what other attestations get: each class its price, and whoever agrees to
 * the measures the trade secrets as well.
 */
function termsOfOffers(product: Product): readonly PolicyTerms[] {
  const { terms, conditions, tariffs = [], tradeSecrets } = product;
  const standard = termsOfProduct(product);
  const whole = { ...terms, ...conditions };
  const kinds: PolicyTerms[] = [
    standard,
    ...(tradeSecrets === undefined ? [] : [{ ...whole, measures: tradeSecrets.measures }]),
  ];
  const classed = tariffs.flatMap(({ class: recipientClass, price }) =>
    kinds.map((kind) => ({ ...kind, price, recipientClass })),
  );
  return [...kinds, ...classed];
}

/** The same with some terms said anew; POLICY_UNENFORCEABLE where they do not go together. */
export function amendedRules(policy: unknown, change: Partial<Terms>): Rules {
  const terms = { ...termsOf(readRules(policy)), ...change };
  const problem = termsProblem(terms);
  if (problem !== undefined) throw refused(problem);
  return rulesOf(terms);
}

/** The offer to whoever attests nothing. */
export function compileOffer(product: Product): Offer {
  return offerOf(product, termsOfProduct(product));
}

/** All of them, that one first. */
export function compileOffers(product: Product): readonly Offer[] {
  return termsOfOffers(product).map((terms) => offerOf(product, terms));
}

function offerOf(product: Product, terms: PolicyTerms): Offer {
  const rules = rulesOf(terms);
  return { "@type": "Offer", "@id": offerIdFor(product.id, rules, product), ...rules };
}

/**
 * The offer as others see it. Where ODRL's own words are enough it names no profile: connectors
 * compare the agreement with what they asked for, and Eclipse EDC loses a profile on the way out.
 */
export function shownOffer(offer: Offer): Omit<Offer, "profile"> & Partial<Pick<Offer, "profile">> {
  const { profile, ...plain } = offer;
  return JSON.stringify(plain).includes('"comity:') ? { profile, ...plain } : plain;
}

/** `<product>:<first 12 characters of the hash>`: changed terms are another offer. */
export function offerIdFor(product: string, rules: Rules, delivered: Delivered): string {
  const digest = policyDigest(product, rules, delivered);
  return `${product}:${digest.slice("sha256:".length).slice(0, 12)}`;
}

export function productOfOffer(offerId: string): string {
  const colon = offerId.lastIndexOf(":");
  return colon === -1 ? offerId : offerId.slice(0, colon);
}

/**
 * The canonical hash of what binds; `target` is the product, so that no rules are moved. Topics
 * and the way of delivery are in it: a live stream is not what was asked for as a logged one.
 */
export function policyDigest(target: string, rules: Rules, delivered: Delivered): string {
  const { delivery, topics } = delivered;
  return canonicalHash({ target, delivery, topics, ...rules });
}
