import assert from "node:assert/strict";
import { test } from "node:test";
import { productFrom } from "./new-product.ts";
import { compileOffer } from "./policy.ts";

const now = Date.parse("2026-11-01T00:00:00Z");
const good = {
  title: "Soil moisture, Nairobi",
  topics: ["field/+/soil"],
  terms: { price: { amount: "5", currency: "KES", perMessages: 1000 } },
} as const;

test("product - gets an id from its title and defaults for the rest", () => {
  const product = productFrom(good, now);
  assert.equal(product.id, "soil-moisture-nairobi");
  assert.deepEqual(
    [product.delivery, product.sector, product.keywords, product.createdAt],
    ["live", "other", [], "2026-11-01T00:00:00.000Z"],
  );
});

test("product - takes an id as other connectors write them, and a subset of its topics", () => {
  const terms = { ...good.terms, topics: ["field/7/soil"] };
  const product = productFrom({ ...good, id: "ACN_01.soil-2", terms }, now);
  assert.deepEqual([product.id, product.terms.topics], ["ACN_01.soil-2", ["field/7/soil"]]);
});

test("product - units are kept as UCUM has them, whatever list they are told by", () => {
  const units = ["CEL", "°C", "unit:MicroGM-PER-M3", "kWh", "%"];
  assert.deepEqual(productFrom({ ...good, units }, now).units, ["Cel", "ug/m3", "kW.h", "%"]);
});

for (const [field, change] of [
  ["id", { id: "Soil Moisture" }],
  ["id", { id: "a/b" }],
  ["unit", { units: ["Cel", "Celcius"] }],
  ["unit", { units: Array.from({ length: 17 }, (_, i) => `${i + 1}.m`) }],
  ["id", { id: ".." }],
  ["terms.topics", { terms: { ...good.terms, topics: [] } }],
  ["terms.topics", { terms: { ...good.terms, topics: ["field/7/air"] } }],
  ["id", { title: "土壤" }],
  ["title", { id: "x", title: " " }],
  ["topics", { topics: [] }],
  ["topics", { topics: ["a", "a"] }],
  ["wildcard inside", { topics: ["field/a+/soil"] }],
  ["the node's own", { topics: ["$SYS/#"] }],
  ["bought from others", { topics: ["#"] }],
  ["bought from others", { topics: ["from/grid/sun/#"] }],
  ["bought from others", { topics: ["+/grid/sun/#"] }],
  ["delivery", { delivery: "sometimes" as "live" }],
  ["sector", { sector: "Agri culture" }],
  ["keywords", { keywords: Array.from({ length: 51 }, (_, i) => `k${i}`) }],
  ["place", { place: { lat: 91, lon: 0 } }],
  ["price", { terms: { price: { ...good.terms.price, amount: "0.0000001" } } }],
  ["price", { terms: { price: { ...good.terms.price, currency: "kes" } } }],
  ["fields", { terms: { ...good.terms, fields: [] } }],
  ["fields", { terms: { ...good.terms, fields: ["a", "a"] } }],
  ["notAfter", { terms: { ...good.terms, notAfter: "2026-10-31T23:59:59Z" } }],
  ["notAfter", { terms: { ...good.terms, notAfter: "2027-01-01" } }],
  ["messagesMax", { terms: { ...good.terms, messagesMax: 0 } }],
] as const) {
  test(`product - ${field} is named where it is wrong: ${JSON.stringify(change).slice(0, 60)}`, () => {
    assert.throws(
      () => productFrom({ ...good, ...change }, now),
      (error: Error & { code?: string }) =>
        error.code === "PRODUCT_INVALID" && error.message.includes(field),
    );
  });
}

const use = (...constraint: object[]) => ({ permission: { action: "use", constraint } });
const limit = (leftOperand: string, operator: string, rightOperand: unknown) => ({
  leftOperand,
  operator,
  rightOperand,
});

test("product - a policy is read into terms, and conditions where terms have no words", () => {
  const either = { or: [limit("comity:topic", "isAnyOf", ["field/7/soil"])] };
  const policy = use(either, limit("count", "lteq", "5"));
  const product = productFrom({ ...good, policy }, now);
  assert.deepEqual(product.terms, { ...good.terms, messagesMax: 5 });
  assert.deepEqual(product.conditions, { when: { any: [{ topic: ["field/7/soil"] }] } });
  const [permission] = compileOffer(product).permission;
  assert.deepEqual(permission?.constraint, [limit("count", "lteq", "5"), either]);
});

test("product - what terms and policy both say must be the same, in whatever order", () => {
  const policy = use(limit("comity:field", "isAnyOf", ["b", "a"]));
  const terms = (more: object) => ({ ...good, terms: { ...good.terms, ...more }, policy });
  assert.deepEqual(productFrom(terms({ fields: ["a", "b"] }), now).terms.fields, ["a", "b"]);
  assert.throws(() => productFrom(terms({ fields: ["a"] }), now), /both say fields, and differ/);
  const paid = limit("payAmount", "eq", { amount: "6", currency: "KES", perMessages: 1000 });
  const priced = {
    ...policy,
    obligation: { action: "compensate", constraint: paid },
  };
  assert.throws(() => productFrom({ ...good, policy: priced }, now), /both say price, and differ/);
  const { title, topics } = good;
  assert.equal(productFrom({ title, topics, policy: priced }, now).terms.price.amount, "6");
  assert.equal(productFrom({ title, topics, policy }, now).terms.price.amount, "0");
});

test("product - a price is needed where there is no policy, and a term is held to its limits", () => {
  const { title, topics } = good;
  assert.throws(() => productFrom({ title, topics }, now), /no price/);
  const policy = use(limit("count", "lteq", "5"));
  const wrong = { title, topics, policy, terms: { bytesMax: 0 } };
  assert.throws(() => productFrom(wrong, now), /bytesMax 0/);
  const past = use(limit("dateTime", "lteq", "2026-10-31T23:59:59Z"));
  assert.throws(() => productFrom({ ...good, policy: past }, now), /has passed/);
});

test("product - a filter that only looks like it reaches into bought streams is taken", () => {
  assert.deepEqual(productFrom({ ...good, topics: ["+/position", "from"] }, now).topics, [
    "+/position",
    "from",
  ]);
});
