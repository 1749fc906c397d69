import assert from "node:assert/strict";
import { test } from "node:test";
import { productFrom } from "./new-product.ts";
import {
  compileOffer,
  offerIdFor,
  policyDigest,
  productOfOffer,
  readRules,
  rulesOf,
  shownOffer,
  termsOf,
} from "./policy.ts";
import type { Terms } from "./product.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 10 };
const terms: Terms = {
  price,
  fields: ["lat", "lon"],
  notAfter: "2099-01-01T00:00:00Z",
  messagesMax: 1000,
};
const rules = rulesOf({ ...terms, topics: ["bus/+/position"] });
const [permission] = rules.permission;
const [topics, fields, dateTime, count] = permission?.constraint ?? [];

function problemOf(policy: unknown): string {
  try {
    termsOf(readRules(policy));
  } catch (thrown) {
    assert.equal((thrown as { code?: string }).code, "POLICY_UNENFORCEABLE");
    return (thrown as Error).message;
  }
  return "none";
}

test("policy - a free product has no obligation and is read as free", () => {
  const free = rulesOf({ price: { amount: "0.00", currency: "KES", perMessages: 5 } });
  assert.deepEqual(free, { profile: "comity:policy-1", permission: [{ action: "use" }] });
  assert.equal(termsOf(free).price.amount, "0");
});

test("policy - one rule instead of a list of one, and empty lists, are the same policy", () => {
  const loose = {
    "@type": "Offer",
    "@id": "x",
    target: "bus",
    profile: [rules.profile],
    permission: permission,
    prohibition: [],
    obligation: rules.obligation?.[0],
  };
  assert.deepEqual(readRules(loose), rules);
});

test("policy - what is outside the profile is refused by its name", () => {
  const withConstraints = (...constraint: unknown[]) => ({
    ...rules,
    permission: [{ action: "use", constraint }],
  });
  const spatial = { leftOperand: "spatial", operator: "eq", rightOperand: "EU" };
  for (const [policy, named] of [
    [withConstraints(topics, spatial), '"spatial"'],
    [withConstraints(topics, { ...dateTime, operator: "gt" }), '"gt"'],
    [withConstraints(topics, { ...dateTime, operator: "eq" }), '"eq"'],
    [withConstraints({ ...topics, leftOperand: "event" }), '"event"'],
    [withConstraints(topics, { ...dateTime, rightOperand: "tomorrow" }), '"tomorrow"'],
    [withConstraints(topics, { ...count, rightOperand: "-1" }), '"-1"'],
    [withConstraints(topics, { ...count, rightOperand: 5 }), '"5"'],
    [withConstraints(topics, { ...fields, unit: "m" }), '"unit"'],
    [withConstraints(topics, { or: [topics, count] }), '"count" cannot stand in a condition'],
    [withConstraints(topics, { or: [topics, dateTime] }), '"dateTime" cannot stand'],
    [withConstraints(topics, { or: [] }), '"or" is empty'],
    [withConstraints(topics, { andSequence: [topics] }), '"andSequence"'],
    [withConstraints(topics, { and: [topics], or: [topics] }), 'both "and" and "or"'],
    [withConstraints(topics, topics), "stands twice"],
    [withConstraints({ ...topics, rightOperand: ["a/#/b"] }), '"a/#/b"'],
    [{ ...rules, permission: [permission, permission] }, "2 permissions"],
    [{ ...rules, permission: [] }, "0 permissions"],
    [{ ...rules, permission: [{ ...permission, action: "sell" }] }, '"sell"'],
    [{ ...rules, permission: [{ ...permission, duty: [{ action: "inform" }] }] }, '"duty"'],
    [{ ...rules, prohibition: [{ action: "print" }] }, 'prohibition "print"'],
    [{ ...rules, prohibition: [{ action: "use" }] }, "forbids all use"],
    [{ ...rules, prohibition: [{ action: "use", constraint: [count] }] }, '"count" cannot'],
    [{ ...rules, prohibition: [{ action: "distribute", constraint: [topics] }] }, "distribute"],
    [{ ...rules, prohibition: [{ action: "distribute", remedy: [{}] }] }, '"remedy"'],
    [{ ...rules, inheritFrom: ["urn:x"] }, '"inheritFrom"'],
    [{ ...rules, conflict: "perm" }, '"conflict"'],
    [{ ...rules, "odrl:permission": [] }, '"permission" stands twice'],
    [{ ...rules, profile: "https://example.com/p" }, '"https://example.com/p"'],
    [{ ...rules, obligation: [{ action: "inform" }] }, '"inform"'],
    [{ ...rules, obligation: [{ action: "compensate" }] }, "payAmount"],
    ["use everything", "not an object"],
  ] as const) {
    assert.ok(problemOf(policy).includes(named), `${named} is not in: ${problemOf(policy)}`);
  }
});

test("policy - a price with a member more, or less, is refused", () => {
  const duty = (rightOperand: unknown) => ({
    ...rules,
    obligation: [
      {
        action: "compensate",
        constraint: [{ leftOperand: "payAmount", operator: "eq", rightOperand }],
      },
    ],
  });
  for (const wrong of [
    { amount: "1", currency: "EUR" },
    { amount: "1", currency: "EUR", perMessages: 1, unit: "hour" },
    { amount: "-1", currency: "EUR", perMessages: 1 },
    { amount: "1e3", currency: "EUR", perMessages: 1 },
    { amount: "1", currency: "euro", perMessages: 1 },
    { amount: "1", currency: "EUR", perMessages: 0.5 },
  ]) {
    assert.notEqual(problemOf(duty(wrong)), "none", JSON.stringify(wrong));
  }
});

test("offer - it is shown with the profile only where ODRL's own words are not enough", () => {
  const shown = (more: Partial<Terms>) => {
    const price = { amount: "0", currency: "EUR", perMessages: 1 };
    const made = { title: "Tides", topics: ["tides/#"], terms: { price, ...more } };
    return shownOffer(compileOffer(productFrom(made, 0)));
  };
  const plain = shown({ messagesMax: 5 });
  assert.equal("profile" in plain, false);
  assert.deepEqual(readRules(plain), rulesOf(termsOf(readRules(plain))));
  assert.equal(shown({ messagesMax: 5, fields: ["a"] }).profile, "comity:policy-1");
});

test("offer - its id changes with the terms and with the product, and with nothing else", () => {
  const input = { id: "bus", title: "Bus", topics: ["bus/#"], delivery: "live" as const, terms };
  const offer = compileOffer(productFrom(input, 0));
  assert.match(offer["@id"], /^bus:[\w-]{12}$/);
  assert.equal(productOfOffer(offer["@id"]), "bus");
  const renamed = compileOffer(productFrom({ ...input, title: "Buses" }, 5));
  assert.equal(renamed["@id"], offer["@id"]);
  const dearer = rulesOf({ ...terms, price: { ...price, amount: "0.003" } });
  assert.notEqual(offerIdFor("bus", dearer, input), offer["@id"]);
  const logged = compileOffer(productFrom({ ...input, delivery: "logged" }, 0));
  assert.notEqual(logged["@id"], offer["@id"]);
  const wider = compileOffer(productFrom({ ...input, topics: ["bus/#", "tram/#"] }, 0));
  assert.notEqual(wider["@id"], offer["@id"]);
  assert.notEqual(policyDigest("tram", rules, input), policyDigest("bus", rules, input));
});
