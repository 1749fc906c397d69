/**
 * Terms ↔ ODRL, in a closed profile (docs/reference/policies.md): what this file cannot read it
 * refuses by name. `rulesOf` writes, `termsOf` reads, and what one wrote the other reads back.
 */
import { formatAmount, parseAmount } from "../kernel/amount.ts";
import { canonicalHash } from "../kernel/canonical.ts";
import { ComityError } from "../kernel/errors.ts";
import { type Price, priceProblem } from "../kernel/price.ts";
import { filterProblem } from "../kernel/topic.ts";
import { isoTime } from "./new-product.ts";
import type { Product, Terms } from "./product.ts";

const policyProfile = "comity:policy-1";
const topicOperand = "comity:topic";
const fieldOperand = "comity:field";

export interface Constraint {
  readonly leftOperand: string;
  readonly operator: string;
  /** DSP 2025-1 admits text, an object or an array, never a bare number. */
  readonly rightOperand: unknown;
}

export interface Rule {
  readonly action: string;
  readonly constraint?: readonly Constraint[];
}

/** The part of a policy that binds: the same in the offer, the request and the agreement. */
export interface Rules {
  readonly profile: string;
  readonly permission: readonly Rule[];
  readonly obligation?: readonly Rule[];
}

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

/** Without any term it is ODRL's plain permission to use, which any connector can ask for. */
export function rulesOf(terms: Terms): Rules {
  const constraint: Constraint[] = [];
  const add = (leftOperand: string, operator: string, rightOperand: unknown): void => {
    constraint.push({ leftOperand, operator, rightOperand });
  };
  if (terms.topics) add(topicOperand, "isAnyOf", [...terms.topics]);
  if (terms.fields) add(fieldOperand, "isAnyOf", [...terms.fields]);
  if (terms.notAfter !== undefined) add("dateTime", "lteq", terms.notAfter);
  if (terms.messagesMax !== undefined) add("count", "lteq", String(terms.messagesMax));
  const micro = parseAmount(terms.price.amount) ?? 0n;
  const use: Rule = { action: "use", ...(constraint.length === 0 ? {} : { constraint }) };
  const rules: Rules = { profile: policyProfile, permission: [use] };
  if (micro === 0n) return rules;
  const payAmount: Constraint = {
    leftOperand: "payAmount",
    operator: "eq",
    rightOperand: {
      amount: formatAmount(micro),
      currency: terms.price.currency,
      perMessages: terms.price.perMessages,
    },
  };
  return { ...rules, obligation: [{ action: "compensate", constraint: [payAmount] }] };
}

export function compileOffer(product: Product): Offer {
  const rules = rulesOf(product.terms);
  return { "@type": "Offer", "@id": offerIdFor(product.id, rules, product), ...rules };
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

/**
 * The binding part of a policy that somebody sent. Connectors differ in how they write the same
 * policy (one rule instead of a list of one, empty lists); beyond that nothing is tolerated.
 */
export function readRules(policy: unknown): Rules {
  const source = object(policy, "the policy");
  const profile = source["profile"];
  const named = Array.isArray(profile) && profile.length === 1 ? (profile[0] as unknown) : profile;
  if (named !== undefined && named !== policyProfile) throw unenforceable("profile", named);
  if (list(source["prohibition"]).length > 0) throw refused("a prohibition is outside the profile");
  const obligation = list(source["obligation"]).map(readRule);
  return {
    profile: policyProfile,
    permission: list(source["permission"]).map(readRule),
    ...(obligation.length === 0 ? {} : { obligation }),
  };
}

function readRule(value: unknown): Rule {
  const source = object(value, "a rule");
  for (const key of Object.keys(source)) {
    if (!["action", "constraint", "@type"].includes(key)) throw unenforceable("rule member", key);
  }
  const constraint = list(source["constraint"]).map(readConstraint);
  const action = text(source["action"], "an action");
  return { action, ...(constraint.length === 0 ? {} : { constraint }) };
}

function readConstraint(value: unknown): Constraint {
  const source = object(value, "a constraint");
  for (const key of Object.keys(source)) {
    if (!["leftOperand", "operator", "rightOperand", "@type"].includes(key)) {
      throw unenforceable("constraint member", key);
    }
  }
  return {
    leftOperand: text(source["leftOperand"], "a leftOperand"),
    operator: text(source["operator"], "an operator"),
    rightOperand: source["rightOperand"],
  };
}

/** What the rules say; POLICY_UNENFORCEABLE names what is outside the profile. */
export function termsOf(rules: Rules): Terms {
  const [permission, ...more] = rules.permission;
  if (!permission || more.length > 0) {
    throw refused(`it has ${rules.permission.length} permissions, and must have one`);
  }
  if (permission.action !== "use") throw unenforceable("action", permission.action);
  const found = new Map<string, Constraint>();
  for (const constraint of permission.constraint ?? []) {
    if (found.has(constraint.leftOperand)) {
      throw refused(`the operand "${constraint.leftOperand}" stands twice`);
    }
    found.set(constraint.leftOperand, constraint);
  }
  for (const operand of found.keys()) {
    if (![topicOperand, fieldOperand, "dateTime", "count"].includes(operand)) {
      throw unenforceable("operand", operand);
    }
  }
  const topics = names(found.get(topicOperand));
  for (const topic of topics ?? []) {
    const problem = filterProblem(topic);
    if (problem !== undefined) throw refused(`topic "${topic}" ${problem}`);
  }
  const fields = names(found.get(fieldOperand));
  const notAfter = dateTime(found.get("dateTime"));
  const messagesMax = count(found.get("count"));
  return {
    price: priceOf(rules.obligation ?? []),
    ...(topics === undefined ? {} : { topics }),
    ...(fields === undefined ? {} : { fields }),
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(messagesMax === undefined ? {} : { messagesMax }),
  };
}

function names(constraint: Constraint | undefined): string[] | undefined {
  if (!constraint) return undefined;
  operator(constraint, "isAnyOf");
  const values = list(constraint.rightOperand);
  if (values.length === 0 || !values.every((value) => typeof value === "string" && value !== "")) {
    throw refused(`"${constraint.leftOperand}" is not a list of names`);
  }
  return values as string[];
}

function dateTime(constraint: Constraint | undefined): string | undefined {
  if (!constraint) return undefined;
  operator(constraint, "lteq");
  const value = text(constraint.rightOperand, "dateTime");
  if (isoTime(value) === undefined) throw refused(`dateTime "${value}" is not ISO 8601 in UTC`);
  return value;
}

function count(constraint: Constraint | undefined): number | undefined {
  if (!constraint) return undefined;
  operator(constraint, "lteq");
  const value = constraint.rightOperand;
  const number = typeof value === "string" && /^[1-9]\d{0,15}$/.test(value) ? Number(value) : 0;
  if (number < 1 || !Number.isSafeInteger(number)) {
    throw refused(`count "${String(value)}" is not a whole number ≥ 1, as text`);
  }
  return number;
}

function priceOf(obligations: readonly Rule[]): Price {
  // "XXX" is ISO 4217 for "no currency is involved"
  if (obligations.length === 0) return { amount: "0", currency: "XXX", perMessages: 1 };
  const [duty, ...more] = obligations;
  if (!duty || more.length > 0) throw refused("it has more than one obligation");
  if (duty.action !== "compensate") throw unenforceable("action", duty.action);
  const [constraint, ...others] = duty.constraint ?? [];
  if (!constraint || others.length > 0) throw refused("compensate needs exactly payAmount");
  if (constraint.leftOperand !== "payAmount")
    throw unenforceable("operand", constraint.leftOperand);
  operator(constraint, "eq");
  const source = object(constraint.rightOperand, "payAmount");
  const price: Price = {
    amount: text(source["amount"], "payAmount.amount"),
    currency: text(source["currency"], "payAmount.currency"),
    perMessages: typeof source["perMessages"] === "number" ? source["perMessages"] : Number.NaN,
  };
  const problem = Object.keys(source).length === 3 ? priceProblem(price) : "it has other members";
  if (problem !== undefined) throw refused(`payAmount: ${problem}`);
  return price;
}

function operator(constraint: Constraint, wanted: string): void {
  if (constraint.operator === wanted) return;
  throw refused(`the operator "${constraint.operator}" of "${constraint.leftOperand}"`);
}

function list(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as unknown[]) : [value];
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw refused(`${what} is not an object`);
}

function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw refused(`${what} is not text`);
}

function unenforceable(what: string, name: unknown): ComityError {
  const shown = typeof name === "string" ? name : JSON.stringify(name);
  return refused(`the ${what} "${shown}" is outside the profile`);
}

function refused(problem: string): ComityError {
  return new ComityError("POLICY_UNENFORCEABLE", { problem });
}
