/**
 * What a partner cannot state, over the other's real routes with its real key: it is refused by
 * name, or disputed at once, and nothing more is owed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalHash } from "../../src/kernel/canonical.ts";
import type { Price } from "../../src/kernel/price.ts";
import { balancesOf } from "../../src/settle/ledger.ts";
import { signStatement } from "../../src/settle/statements/document.ts";
import type { Line, StatementBody } from "../../src/settle/statements/document.ts";
import { standingHere } from "../../src/settle/statements/record.ts";
import { until } from "../two-nodes.ts";
import { buyer, type Pair } from "./sides.ts";
import { bodyOf, bring, keptBy, owed, refusal, sold, state, stated } from "./statement-hands.ts";

test("a dishonest consumer - states what nobody sold, in its provider's name: it is refused", async (t) => {
  const pair = await sold(t);
  const before = await keptBy(pair.seller);
  const body = bodyOf(pair, {});
  const signature = await signStatement(body, pair.buyer.signer);
  const answer = await bring(pair, buyer, { statement: { body, signature }, steps: [] });
  assert.match(refusal(answer), /signature on statement .* does not verify/);
  assert.deepEqual(await keptBy(pair.seller), before);
});

const twice = (pair: Pair) => {
  const { lines } = bodyOf(pair, {});
  return bodyOf(pair, { lines: [...lines, ...lines] });
};

/** Stated by a provider, where nothing of the month is stated yet; what its consumer answers. */
const refused: readonly (readonly [string, RegExp, (pair: Pair) => StatementBody])[] = [
  [
    "a month to come",
    /when 2026-12 had not begun/,
    (pair) => bodyOf(pair, { month: "2026-12" }, { from: 1, usage: "0", amount: "0" }),
  ],
  [
    "what is of a month to come",
    /is of 2027-01-01T00:00:00.000Z, which has not come/,
    (pair) => bodyOf(pair, { at: "2027-01-01T00:00:00.000Z" }),
  ],
  [
    "what is of no time",
    /is of 2026-99-01T00:00:00.000Z, which is no time/,
    (pair) => bodyOf(pair, { at: "2026-99-01T00:00:00.000Z" }),
  ],
  ["the second without the first", /1 comes next, not 2/, (pair) => bodyOf(pair, { number: 2 })],
  ["an agreement twice", /it names an agreement twice/, twice],
  ["what was not agreed on", /no agreement/i, (pair) => bodyOf(pair, {}, { agreement: "urn:x" })],
];

for (const [what, answer, body] of refused) {
  test(`a dishonest provider - states ${what}: it is refused`, async (t) => {
    const pair = await sold(t);
    assert.match(refusal(await state(pair, body(pair))), answer);
    assert.deepEqual(await pair.buyer.statements.list(), []);
    assert.equal(await owed(pair.buyer), 50_000_000n);
  });
}

test("a dishonest provider - states a flat charge of months to come: it is refused, and not owed", async (t) => {
  const flat: Price = { currency: "EUR", charges: [{ per: "month", amount: "10" }] };
  const pair = await sold(t, flat);
  const line = { from: 1, messages: 0, bytes: 0, usage: "0", amount: "10" };
  const early = { month: "2026-12", at: "2027-01-01T00:00:00.000Z" };
  assert.match(refusal(await state(pair, bodyOf(pair, early, line))), /which has not come/);
  assert.equal(await owed(pair.buyer), 0n);
  pair.clock.at = Date.parse(early.at);
  assert.equal(typeof (await state(pair, bodyOf(pair, early, line))), "object");
  await until("it is owed once that month is over", async () => {
    return (await owed(pair.buyer)) === 10_000_000n;
  });
});

test("a dishonest provider - states a month again: under its number it is refused, under the next disputed", async (t) => {
  const pair = await stated(t);
  const before = await keptBy(pair.buyer);
  const again = bodyOf(pair, { at: new Date(pair.clock.at - 1).toISOString() });
  assert.match(refusal(await state(pair, again)), /another statement 1 is here already/);
  assert.deepEqual(await keptBy(pair.buyer), before);
  await disputedAs(pair, bodyOf(pair, { number: 2 }), "0");
});

/** It is kept, its line is disputed at once with what is owed, and nothing is posted or due. */
async function disputedAs(pair: Pair, body: StatementBody, amount: string): Promise<void> {
  const books = await balancesOf(pair.buyer.store);
  const answer = await state(pair, body);
  assert.ok(typeof answer === "object", refusal(answer));
  const [step, ...more] = answer.steps.map(({ body: { act } }) => act);
  assert.deepEqual([step?.do, more], ["dispute", []]);
  assert.equal(step?.do === "dispute" && step.amount, amount);
  const record = (await pair.buyer.statements.list()).find((one) => {
    return canonicalHash(one.body) === canonicalHash(body);
  });
  const { dues } = standingHere(record!);
  assert.deepEqual([dues[0]?.accepted, dues[0]?.due], [0n, 0n]);
  assert.deepEqual(await balancesOf(pair.buyer.store), books);
}

/** Stated by a provider; what its consumer holds to be owed. */
const disputes: readonly (readonly [string, string, Partial<Line>])[] = [
  ["another currency", "0", { currency: "USD" }],
  ["an unknown currency", "0", { currency: "QQQ" }],
  ["another product", "50", { product: "moon" }],
  ["a flat charge that there is not", "50", { amount: "60" }],
  ["less usage than there is, and more beside", "50", { usage: "40", messages: 80 }],
];

for (const [what, amount, line] of disputes) {
  test(`a dishonest provider - states ${what}: the line is disputed at once`, async (t) => {
    const pair = await sold(t);
    await disputedAs(pair, bodyOf(pair, {}, line), amount);
  });
}

test("a dishonest provider - states lines that overlap: the later is disputed at once", async (t) => {
  const pair = await stated(t);
  await pair.deliver(10);
  await pair.seller.provider.closeWindows();
  const over = { to: 2, messages: 110, bytes: 1100, usage: "55", amount: "55" };
  await disputedAs(pair, bodyOf(pair, { number: 2 }, over), "5");
});
