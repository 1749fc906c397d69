/**
 * A policy in plain English: one text to read, and what is promised line by line, each with who
 * sees to it. Made from the terms alone, so that the same policy reads the same everywhere.
 */
import { describePrice } from "../../kernel/price-text.ts";
import { isFree } from "../../kernel/price.ts";
import { describeSeconds } from "../../kernel/duration.ts";
import { allOfClass, oneOfClass } from "../../kernel/recipient-class.ts";
import { describeTime } from "../../kernel/time.ts";
import type { Condition } from "../grant.ts";
import { rulesOf, termsOf } from "../policy.ts";
import { describeCondition, listOf, topicPhrase } from "./plain-conditions.ts";
import { decimal } from "./operands.ts";
import type { PolicyTerms } from "./rules.ts";

/**
 * `enforced`: checked on every message by the provider's node. `attested`: the buyer signs for it,
 * and no machine here can see whether it is kept. `owed`: what the buyer pays.
 */
export type PromiseKind = "enforced" | "attested" | "owed";

export interface PolicyPromise {
  readonly text: string;
  readonly kind: PromiseKind;
}

/** `You may use this data until 1 January 2027, at most 1,000 messages, paying 5 EUR …` */
export function plainPolicy(given: PolicyTerms): string {
  const terms = asRead(given);
  const clauses = [
    ...period(terms),
    ...amounts(terms),
    ...circle(terms),
    ...(terms.recipientClass
      ? [`only as ${oneOfClass(terms.recipientClass)}, which you state to be`]
      : []),
    isFree(terms.price) ? "free of charge" : `paying ${describePrice(terms.price)}`,
  ];
  const what = terms.topics ? `the messages whose topic ${topicPhrase(terms.topics)}` : "this data";
  const comma = terms.topics || clauses[0]?.startsWith("at most") ? "," : "";
  return [
    `You may use ${what}${comma} ${clauses.join(", ")}.`,
    ...contents(terms),
    ...selections(terms).map((text) => `You receive only messages ${text}.`),
    ...(terms.unless ?? []).map((one) => `You do not receive messages ${describeCondition(one)}.`),
    ...duties(terms),
  ].join(" ");
}

/** Every term of the policy, once. */
export function describePolicy(given: PolicyTerms): readonly PolicyPromise[] {
  const terms = asRead(given);
  const as = (kind: PromiseKind, texts: readonly string[]): PolicyPromise[] =>
    texts.map((text) => ({ text, kind }));
  const topics = terms.topics ? [`Only messages whose topic ${topicPhrase(terms.topics)}.`] : [];
  const caps = [...period(terms), ...amounts(terms)].map((text) => `Delivered ${text}.`);
  const selected = selections(terms).map((text) => `Only messages ${text}.`);
  const withheld = (terms.unless ?? []).map((one) => `No messages ${describeCondition(one)}.`);
  return [
    ...as("enforced", [...topics, ...caps, ...contents(terms), ...selected, ...withheld]),
    ...as(
      "attested",
      circle(terms).map((text) => `Used only ${text}.`),
    ),
    ...as("attested", stated(terms)),
    ...as("attested", duties(terms)),
    ...as("owed", isFree(terms.price) ? [] : [`You pay ${describePrice(terms.price)}.`]),
  ];
}

/** As the other side reads them, so that seller and buyer are told the same. */
function asRead(terms: PolicyTerms): PolicyTerms {
  return termsOf(rulesOf(terms));
}

function period({ notBefore, notAfter, lifeSeconds }: PolicyTerms): string[] {
  return [
    ...(notBefore === undefined ? [] : [`from ${describeTime(notBefore)}`]),
    ...(notAfter === undefined ? [] : [`until ${describeTime(notAfter)}`]),
    ...(lifeSeconds === undefined ? [] : [`for ${describeSeconds(lifeSeconds)} after signing`]),
  ];
}

function amounts({ messagesMax, bytesMax, rate }: PolicyTerms): string[] {
  const caps = [
    ...(messagesMax === undefined ? [] : [messages(messagesMax)]),
    ...(bytesMax === undefined ? [] : [`${describeBytes(bytesMax)} of content`]),
  ];
  const each = rate?.per === "topic" ? " on each topic" : " in all";
  return [
    ...(caps.length === 0 ? [] : [`at most ${caps.join(" and ")}`]),
    ...(rate ? [`at most ${messages(rate.messages)} every ${everyTime(rate.seconds)}${each}`] : []),
  ];
}

/** Who may use it, where, and what for. */
function circle({ purposes, recipients, jurisdictions }: PolicyTerms): string[] {
  return [
    ...(purposes ? [`for ${listOf(purposes, "or")}`] : []),
    ...(recipients ? [`by ${listOf(recipients, "or")}`] : []),
    ...(jurisdictions ? [`in ${listOf(jurisdictions.map(placeOf), "or")}`] : []),
  ];
}

/** Whom it is for, by their own word. */
function stated({ recipientClass }: PolicyTerms): string[] {
  if (recipientClass === undefined) return [];
  return [`Only for ${allOfClass(recipientClass)}, which the recipient states to be.`];
}

/** What of each message is shown. */
function contents(terms: PolicyTerms): string[] {
  const { fields, drop, round, pseudonymise } = terms;
  const are = (names: readonly string[]): string =>
    names.length === 1 ? `field ${names[0]} is` : `fields ${listOf(names, "and")} are`;
  const steps = Object.entries(round ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const only = fields && (fields.length === 1 ? "field" : "fields");
  return [
    ...(fields ? [`Each message shows only the ${only} ${listOf(fields, "and")}.`] : []),
    ...(drop ? [`The ${are(drop)} left out.`] : []),
    ...steps.map(([name, step]) => `The field ${name} is rounded to steps of ${decimal(step)}.`),
    ...(pseudonymise
      ? [`The ${are(pseudonymise)} replaced by pseudonyms made for you alone.`]
      : []),
    ...shiftedDates(terms),
  ];
}

function shiftedDates({ shift, shiftBy }: PolicyTerms): string[] {
  if (shift === undefined) return [];
  const names = Object.keys(shift).sort();
  const dates = `dates in the field${names.length === 1 ? "" : "s"} ${listOf(names, "and")}`;
  const days = Math.max(...Object.values(shift));
  const most = `${days.toLocaleString("en")} day${days === 1 ? "" : "s"}`;
  const whole =
    shiftBy === undefined
      ? "by one number of days made for you alone"
      : `by one number of days for each ${shiftBy}, made for you alone`;
  return [
    `The ${dates} are moved ${whole}, ${most} at most, back or forth; ` +
      "that hides no date from who sees a message arrive on it.",
  ];
}

/** Which messages there are, each way on its own. */
function selections({ dataFrom, dataUntil, area, when }: PolicyTerms): string[] {
  const conditions: Condition[] = [
    ...(dataFrom === undefined ? [] : [{ from: Date.parse(dataFrom) }]),
    ...(dataUntil === undefined ? [] : [{ until: Date.parse(dataUntil) }]),
    ...(area ? [{ within: area }] : []),
    ...(when ? [when] : []),
  ];
  return conditions.map(describeCondition);
}

function duties(terms: PolicyTerms): string[] {
  const { noResharing, deleteAfterSeconds, attribution, measures } = terms;
  const within = deleteAfterSeconds === undefined ? "" : describeSeconds(deleteAfterSeconds);
  return [
    ...(noResharing ? ["You may not pass the data on to others."] : []),
    ...(within === "" ? [] : [`You delete each message within ${within} of receiving it.`]),
    ...(attribution === undefined ? [] : [`You name the source as “${attribution}”.`]),
    ...(measures
      ? [`You keep its trade secrets by these measures: ${listOf(measures, "and")}.`]
      : []),
  ];
}

function messages(count: number): string {
  return `${count.toLocaleString("en")} message${count === 1 ? "" : "s"}`;
}

/** `10 seconds`, `minute`: what follows "every". */
function everyTime(seconds: number): string {
  const text = describeSeconds(seconds);
  return /^1 \w+$/.test(text) ? text.slice(2) : text;
}

const sizes = [
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
] as const;

/** Decimal units, and never rounded: `5 MB`, `1,234 bytes`. */
function describeBytes(bytes: number): string {
  const [unit, size] = sizes.find(([, size]) => bytes % size === 0) ?? ["", 1];
  const count = (bytes / size).toLocaleString("en");
  return unit === "" ? `${count} byte${bytes === 1 ? "" : "s"}` : `${count} ${unit}`;
}

const regions = new Intl.DisplayNames("en", { type: "region", fallback: "code" });

/** `NL (Netherlands)`; the code alone where no name is known. */
function placeOf(code: string): string {
  const name = /^[A-Z]{2}$/.test(code) ? regions.of(code) : code;
  return name === code ? code : `${code} (${name})`;
}
