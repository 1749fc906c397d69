/**
 * What a partner cannot say of a statement, over the other's real routes with its real key: it is
 * refused by name, and the books are as they were.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Act } from "../../src/settle/statements/document.ts";
import type { Step } from "../../src/settle/statements/document.ts";
import { stepsOfSideMax } from "../../src/settle/statements/rules.ts";
import { buyer, seller } from "./sides.ts";
import { agreement, Hand, keptBy, owed, refusal, stated } from "./statement-hands.ts";

const day = 86_400_000;
const minute = 60_000;

const hash = `sha256:${"A".repeat(43)}`;
const dispute: Act = { do: "dispute", agreement, amount: "1", reason: "", files: [] };
const credit: Act = { do: "credit", agreement, amount: "1", reason: "" };
const paid: Act = { do: "paid", currency: "EUR", amount: "20", reference: "" };
type Said = readonly (readonly [Act, Partial<Step>?])[];

/** Said by a consumer after its node's acceptance; what its provider answers. */
const consumerSays: readonly (readonly [string, RegExp, Said])[] = [
  [
    "two words under one number",
    /another step 2 of did:web:buyer.example is here already/,
    [[dispute], [{ ...dispute, amount: "2" }, { seq: 2 }]],
  ],
  ["the third word without the second", /step 2 of .* comes next/, [[dispute, { seq: 3 }]]],
  ["what goes on from another word", /goes on from something else/, [[dispute, { prev: hash }]]],
  ["what is of another statement", /from something else/, [[dispute, { statement: hash }]]],
  ["another's name", /did:web:c has no word in it/, [[dispute, { by: "did:web:c", seq: 1 }]]],
  [
    "a dispute of a line that there is not",
    /it names a line that there is not/,
    [[{ ...dispute, agreement: "urn:other" }]],
  ],
  [
    "acceptance of a line that there is not",
    /it names a line that there is not/,
    [[{ do: "accept", agreements: [agreement, "urn:other"] }]],
  ],
  [
    "that it takes a credit note, where nothing is disputed",
    /step 2 of .*: that line is not disputed/,
    [[{ do: "agree", agreement, credit: hash }]],
  ],
  [
    "that it takes a credit note that nobody wrote",
    /step 3 of .*: there is no such credit note/,
    [[dispute], [{ do: "agree", agreement, credit: hash }]],
  ],
  ["its own credit note", /that is the provider's to sign/, [[dispute], [credit]]],
  ["that it has paid", /that is the provider's to sign/, [[paid]]],
  [
    "at once that time has ended a dispute",
    /step 3 of .*: it expires 2026-12-20T12:00:00.000Z/,
    [[dispute], [{ do: "expire", agreement }]],
  ],
  [
    "that before the dispute itself",
    /step 2 of .*: it expires 2026-12-20T12:00:00.000Z/,
    [[{ do: "expire", agreement }], [dispute]],
  ],
  ["that it withdraws nothing", /line is not disputed/, [[{ do: "withdraw", agreement }]]],
  ["two disputes of a line", /that line was disputed already/, [[dispute], [dispute]]],
  [
    "what is of the time to come",
    /step 2 of .* is of 2026-11-20T12:02:00.000Z, which has not come/,
    [[dispute, { at: "2026-11-20T12:02:00.000Z" }]],
  ],
  [
    "what is older than its last word",
    /step 2 of .* is of 2026-10-20T12:00:00.000Z, and what it goes on from of 2026-11-20/,
    [[dispute, { at: "2026-10-20T12:00:00.000Z" }]],
  ],
  [
    "what is of no time",
    /is of 2026-11-99T12:00:00.000Z, which is no time/,
    [[dispute, { at: "2026-11-99T12:00:00.000Z" }]],
  ],
];

/** Said by a provider about a statement that was accepted; what its consumer answers. */
const providerSays: readonly (readonly [string, RegExp, Said])[] = [
  ["that it was paid in another currency", /owed in USD/, [[{ ...paid, currency: "USD" }]]],
  ["that it was paid nothing", /it is about no money/, [[{ ...paid, amount: "0" }]]],
  [
    "one payment in two ways",
    /another step 1 of did:web:seller.example is here already/,
    [
      [paid],
      [
        { ...paid, amount: "30" },
        { seq: 1, prev: "" },
      ],
    ],
  ],
  ["the consumer's word", /the provider does not withdraw/, [[{ do: "withdraw", agreement }]]],
  ["a credit note of a line in peace", /that line is not disputed/, [[credit]]],
  ["that time ended no dispute", /line is not disputed/, [[{ do: "expire", agreement }]]],
];

for (const [who, by, says] of [
  ["consumer", buyer, consumerSays],
  ["provider", seller, providerSays],
] as const) {
  for (const [what, answer, said] of says) {
    test(`a dishonest ${who} - says ${what}: it is refused, whole`, async (t) => {
      const pair = await stated(t);
      const other = who === "consumer" ? pair.seller : pair.buyer;
      const before = await keptBy(other);
      const hand = await Hand.of(pair, by);
      for (const [act, change] of said) await hand.say(act, change);
      assert.match(refusal(await hand.bring()), answer);
      assert.deepEqual(await keptBy(other), before);
    });
  }
}

test("a dishonest consumer - disputes a month later: it is refused by this side's clock", async (t) => {
  const pair = await stated(t);
  const before = await keptBy(pair.seller);
  const at = new Date(pair.clock.at).toISOString();
  pair.clock.at += 30 * day + 2 * minute;
  for (const change of [{}, { at }]) {
    const hand = await Hand.of(pair, buyer);
    await hand.say(dispute, change);
    assert.match(refusal(await hand.bring()), /it was accepted .*, more than 30 days ago/);
  }
  assert.deepEqual(await keptBy(pair.seller), before);
});

test("a dishonest consumer - signs with another key: no word of it is taken", async (t) => {
  const pair = await stated(t);
  const before = await keptBy(pair.seller);
  const hand = await Hand.of(pair, buyer);
  hand.signer = pair.seller.signer;
  await hand.say(dispute);
  assert.match(refusal(await hand.bring()), /signature on step 2 .* does not verify/);
  assert.deepEqual(await keptBy(pair.seller), before);
});

test("a dishonest consumer - says all it can: its provider keeps so many words, and has its own say", async (t) => {
  const pair = await stated(t);
  const { exchange, statements } = pair.seller;
  const { id } = (await statements.list())[0]!;
  const hand = await Hand.of(pair, buyer);
  await hand.say(dispute);
  while (hand.last!.seq < stepsOfSideMax) {
    await hand.say({ do: "evidence", agreement, reason: "again", files: [] });
  }
  assert.equal(typeof (await hand.bring()), "object");
  const before = await keptBy(pair.seller);
  await hand.say({ do: "withdraw", agreement });
  assert.match(refusal(await hand.bring()), /has said 2000 words about it already/);
  assert.deepEqual(await keptBy(pair.seller), before);
  await exchange.act(id, credit);
  const [record] = await pair.buyer.statements.list();
  assert.equal(record?.steps.length, stepsOfSideMax + 1, "and it arrives");
});

test("a payment - that is told again and again counts once on both sides", async (t) => {
  const pair = await stated(t);
  const { id } = (await pair.seller.statements.list())[0]!;
  await pair.seller.exchange.act(id, paid);
  assert.equal(await owed(pair.buyer), 30_000_000n);
  const before = [await keptBy(pair.seller), await keptBy(pair.buyer)];
  const hands = [await Hand.of(pair, seller), await Hand.of(pair, buyer)];
  for (let i = 0; i < 5; i++) {
    for (const hand of hands) assert.equal(typeof (await hand.bring()), "object");
  }
  assert.deepEqual([await keptBy(pair.seller), await keptBy(pair.buyer)], before);
});
