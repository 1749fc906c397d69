import { containsOf } from "../kernel/polygon.ts";
import { matcherOf } from "../kernel/topic.ts";
import type { Condition } from "../market/grant.ts";
import type { Refusal } from "../ports/usage.ts";
import type { Position } from "./position.ts";

/** Whether it holds; undefined: a position decides, and the message has none. */
type Truth = boolean | undefined;

/** What is left to decide once topic and time are known. */
type Open = (position: Position | undefined) => Result;

interface Result {
  readonly truth: Truth;
  /** Where it does not hold: why. */
  readonly reason: Refusal;
}

/** Decided for a whole run where topic and time are enough. */
type Compiled = (topic: string, at: number) => Result | Open;

/** Undefined: let through. */
export type Verdict =
  | Refusal
  | undefined
  | ((position: Position | undefined) => Refusal | undefined);

/** Of every message of one topic and log time. */
export type Decide = (topic: string, at: number) => Verdict;

/**
 * Compiles the conditions of a grant. A position that is not there makes `within` neither true
 * nor false; then the message is withheld unless the rest decides without it, and that holds for
 * a prohibition as well.
 */
export function compileConditions(
  filters: readonly string[],
  when: Condition | undefined,
  unless: readonly Condition[],
): Decide {
  const isSold = topicTest(filters);
  const permitted = when === undefined ? undefined : compile(when);
  const forbidden = unless.map(compile);
  return (topic, at) => {
    if (!isSold(topic)) return "topic";
    const open: ((position: Position | undefined) => Refusal | undefined)[] = [];
    const permission = permitted?.(topic, at);
    if (typeof permission === "function") open.push((where) => unpermitted(permission(where)));
    else if (permission !== undefined && permission.truth !== true) return permission.reason;
    for (const condition of forbidden) {
      const prohibition = condition(topic, at);
      if (typeof prohibition === "function") open.push((where) => prohibited(prohibition(where)));
      else if (prohibition.truth !== false) return "prohibited";
    }
    if (open.length === 0) return undefined;
    return (where) => {
      for (const decide of open) {
        const refusal = decide(where);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    };
  };
}

function unpermitted({ truth, reason }: Result): Refusal | undefined {
  return truth === true ? undefined : reason;
}

function prohibited({ truth }: Result): Refusal | undefined {
  if (truth === undefined) return "place";
  return truth ? "prohibited" : undefined;
}

const holds: Result = { truth: true, reason: "condition" };

function compile(condition: Condition): Compiled {
  if ("topic" in condition) {
    const isMatch = topicTest(condition.topic);
    const other: Result = { truth: false, reason: "topic" };
    return (topic) => (isMatch(topic) ? holds : other);
  }
  if ("within" in condition) {
    const contains = containsOf(condition.within);
    const outside: Result = { truth: false, reason: "place" };
    const nowhere: Result = { truth: undefined, reason: "place" };
    const open: Open = (where) => {
      if (where === undefined) return nowhere;
      return contains(where.lon, where.lat) ? holds : outside;
    };
    return () => open;
  }
  if ("all" in condition) return compileAll(condition.all.map(compile));
  if ("any" in condition) return compileAny(condition.any.map(compile));
  if ("one" in condition) return compileOne(condition.one.map(compile));
  const { from = -Infinity, until = Infinity } = condition;
  const other: Result = { truth: false, reason: "time" };
  return (_, at) => (at >= from && at < until ? holds : other);
}

/** The first part that does not hold says why; what topic and time decide comes first. */
function compileAll(parts: readonly Compiled[]): Compiled {
  return (topic, at) => {
    const open: Open[] = [];
    for (const part of parts) {
      const result = part(topic, at);
      if (typeof result === "function") open.push(result);
      else if (result.truth !== true) return result;
    }
    if (open.length === 0) return holds;
    return (where) => {
      let first: Result = holds;
      let truth: Truth = true;
      for (const part of open) {
        const result = part(where);
        if (result.truth === true) continue;
        if (first === holds) first = result;
        if (result.truth === false) truth = false;
        else truth &&= undefined;
      }
      return truth === true ? holds : { truth, reason: first.reason };
    };
  };
}

function compileAny(parts: readonly Compiled[]): Compiled {
  const none: Result = { truth: false, reason: "condition" };
  const unknown: Result = { truth: undefined, reason: "place" };
  return (topic, at) => {
    const open: Open[] = [];
    for (const part of parts) {
      const result = part(topic, at);
      if (typeof result === "function") open.push(result);
      else if (result.truth === true) return holds;
    }
    if (open.length === 0) return none;
    return (where) => {
      let isUnknown = false;
      for (const part of open) {
        const { truth } = part(where);
        if (truth === true) return holds;
        if (truth === undefined) isUnknown = true;
      }
      return isUnknown ? unknown : none;
    };
  };
}

function compileOne(parts: readonly Compiled[]): Compiled {
  const other: Result = { truth: false, reason: "condition" };
  const unknown: Result = { truth: undefined, reason: "place" };
  return (topic, at) => {
    const open: Open[] = [];
    let known = 0;
    for (const part of parts) {
      const result = part(topic, at);
      if (typeof result === "function") open.push(result);
      else if (result.truth === true) known++;
    }
    if (known > 1) return other;
    if (open.length === 0) return known === 1 ? holds : other;
    return (where) => {
      let count = known;
      let isUnknown = false;
      for (const part of open) {
        const { truth } = part(where);
        if (truth === true) count++;
        else if (truth === undefined) isUnknown = true;
      }
      if (count > 1) return other;
      if (isUnknown) return unknown;
      return count === 1 ? holds : other;
    };
  };
}

function topicTest(filters: readonly string[]): (topic: string) => boolean {
  const matchers = filters.map(matcherOf);
  const [only] = matchers;
  if (only !== undefined && matchers.length === 1) return only;
  return (topic) => matchers.some((isMatch) => isMatch(topic));
}
