/** The language of policies as a whole, over any policy it can say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readRules, rulesOf, termsOf } from "../../src/market/policy.ts";
import type { PolicyTerms } from "../../src/market/policy/rules.ts";
import { describePolicy, plainPolicy } from "../../src/market/policy/plain.ts";
import { anyTerms, inOrder, shuffled } from "./any-terms.ts";

const travelled = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("policy - what is written is read back, and written the same again", () => {
  fc.assert(
    fc.property(anyTerms, (wanted) => {
      const rules = rulesOf(wanted);
      const read = readRules(travelled(rules));
      assert.deepEqual(read, rules);
      assert.deepEqual(inOrder(termsOf(read)), inOrder(wanted));
    }),
    { numRuns: 1_000 },
  );
});

test("policy - the order of its parts changes nothing", () => {
  fc.assert(
    fc.property(anyTerms, fc.infiniteStream(fc.double({ noNaN: true })), (wanted, numbers) => {
      const rules = rulesOf(wanted);
      const other = shuffled(travelled(rules), () => numbers.next().value);
      assert.deepEqual(readRules(other), rules);
    }),
    { numRuns: 300 },
  );
});

test("policy - as another connector's JSON-LD writes it, it is the same policy", () => {
  fc.assert(
    fc.property(anyTerms, fc.boolean(), (wanted, iri) => {
      const rules = rulesOf(wanted);
      assert.deepEqual(readRules(expanded(travelled(rules), iri)), rules);
    }),
    { numRuns: 300 },
  );
});

test("policy - is told in plain English, whatever it says, and the same each time", () => {
  fc.assert(
    fc.property(anyTerms, (wanted) => {
      const plain = plainPolicy(wanted);
      assert.match(plain, /^You may use .+\.$/s);
      assert.doesNotMatch(plain, /undefined|NaN|\[object|comity:|null/);
      assert.equal(plainPolicy(travelled(wanted) as typeof wanted), plain);
      assert.equal(describePolicy(wanted).length, promisesIn(wanted), plain);
    }),
    { numRuns: 300 },
  );
});

/**
 * One a term; the two caps are told together, and by what dates are moved with that they are; each
 * rounding and each prohibition by itself.
 */
function promisesIn({ price, round, unless = [], ...terms }: PolicyTerms): number {
  const both = terms.messagesMax !== undefined && terms.bytesMax !== undefined ? 1 : 0;
  const by = terms.shiftBy === undefined ? 0 : 1;
  const named = Object.keys(terms).length - both - by + Object.keys(round ?? {}).length;
  return named + unless.length + (price.amount === "0" ? 0 : 1);
}

const words = new Set(["action", "operator", "leftOperand"]);
const prefixes = ["odrl:", "http://www.w3.org/ns/odrl/2/"] as const;

/** Prefixed names, words as `@id`, values as `@value`, lists as `@list` or one object. */
function expanded(value: unknown, iri: boolean, key = ""): unknown {
  const prefix = prefixes[iri ? 1 : 0];
  const isWord = typeof value === "string" && !value.startsWith("comity:");
  if (words.has(key)) return { "@id": isWord ? `${prefix}${value}` : value };
  if (key === "rightOperand") {
    if (Array.isArray(value)) return value.map((one: unknown) => ({ "@value": one }));
    return typeof value === "string" ? { "@value": value } : value;
  }
  if (Array.isArray(value)) {
    const parts = value.map((one) => expanded(one, iri));
    if (["and", "or", "xone"].includes(key)) return { "@list": parts };
    return parts.length === 1 && !iri ? parts[0] : parts;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      `${prefix}${name}`,
      expanded(member, iri, name),
    ]),
  );
}
