/** Conditions on a message, as a tree: `and`, `or`, `xone` over topic, the data's time and place. */
import { isoTime } from "../../kernel/time.ts";
import type { Condition } from "../grant.ts";
import { freePrice } from "./duties.ts";
import { constraintsOf, termsFrom } from "./operands.ts";
import { type AtomicConstraint, type Constraint, isAtomic, refused } from "./rules.ts";
import { termsProblem } from "./term-values.ts";

/** What is known of every message by itself; a cap, a rate or an expiry is not. */
const perMessage = new Set(["comity:topic", "comity:dataTime", "spatial"]);

function readCondition(constraint: Constraint): Condition {
  if ("and" in constraint) return { all: constraint.and.map(readCondition) };
  if ("or" in constraint) return { any: constraint.or.map(readCondition) };
  if ("xone" in constraint) return { one: constraint.xone.map(readCondition) };
  return readLeaf(constraint);
}

function readLeaf(constraint: AtomicConstraint): Condition {
  const { leftOperand } = constraint;
  const terms = termsFrom([constraint]);
  if (!perMessage.has(leftOperand)) {
    throw refused(
      `"${leftOperand}" cannot stand in a condition; ${[...perMessage].join(", ")} can`,
    );
  }
  const problem = termsProblem({ price: freePrice, ...terms });
  if (problem !== undefined) throw refused(`${leftOperand}: ${problem}`);
  if (terms.topics) return { topic: terms.topics };
  if (terms.area) return { within: terms.area };
  if (terms.dataFrom !== undefined) return { from: isoTime(terms.dataFrom) ?? 0 };
  return { until: isoTime(terms.dataUntil ?? "") ?? 0 };
}

/** Parts of an `and`, `or` or `xone` have no order: written sorted. */
function writeCondition(condition: Condition): Constraint {
  if ("all" in condition) return { and: writeAll(condition.all) };
  if ("any" in condition) return { or: writeAll(condition.any) };
  if ("one" in condition) return { xone: writeAll(condition.one) };
  const leaves = writeLeaf(condition);
  const [leaf] = leaves;
  return leaf && leaves.length === 1 ? leaf : { and: leaves };
}

function writeLeaf(
  leaf: Exclude<Condition, { all: unknown } | { any: unknown } | { one: unknown }>,
) {
  const free = { price: freePrice };
  if ("topic" in leaf) return constraintsOf({ ...free, topics: leaf.topic });
  if ("within" in leaf) return constraintsOf({ ...free, area: leaf.within });
  const { from, until } = leaf;
  return constraintsOf({
    ...free,
    ...(from === undefined ? {} : { dataFrom: new Date(from).toISOString() }),
    ...(until === undefined ? {} : { dataUntil: new Date(until).toISOString() }),
  });
}

/** The permission's own: all of them must hold. */
export function readWhen(constraints: readonly Constraint[]): Condition | undefined {
  const conditions = constraints.filter((one) => !isAtomic(one)).map(readCondition);
  const [only, ...more] = conditions;
  return more.length === 0 ? only : { all: conditions };
}

export function writeWhen(when: Condition | undefined): Constraint[] {
  if (when === undefined) return [];
  const isTree = (one: Condition): boolean => "all" in one || "any" in one || "one" in one;
  const parts = "all" in when && when.all.length > 1 && when.all.every(isTree);
  if (parts) return writeAll(when.all);
  const written = writeCondition(when);
  return [isAtomic(written) ? { and: [written] } : written];
}

/** A prohibition's: it withholds a message for which all of them hold. */
export function readUnless(constraints: readonly Constraint[]): Condition {
  const conditions = constraints.map(readCondition);
  const [only, ...more] = conditions;
  if (!only) throw refused("it forbids all use");
  return more.length === 0 ? only : { all: conditions };
}

export function writeUnless(unless: Condition): Constraint[] {
  if ("all" in unless && unless.all.length > 1) return writeAll(unless.all);
  return [writeCondition(unless)];
}

function writeAll(conditions: readonly Condition[]): Constraint[] {
  return sorted(conditions.map(writeCondition));
}

/** In the order of their text: what has no order of its own is written in one way. */
export function sorted<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, text: JSON.stringify(value) }))
    .sort((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)))
    .map(({ value }) => value);
}
