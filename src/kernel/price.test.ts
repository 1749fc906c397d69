import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAmount } from "./amount.ts";
import { normalPrice } from "./normal-price.ts";
import { priceProblem } from "./price-problem.ts";
import { describePrice } from "./price-text.ts";
import type { Charge, ChargedPrice, Price, Tier } from "./price.ts";
import { microOf } from "./amount.ts";
import { dearestMicro, isFree, usageMicro } from "./price.ts";

const messages = (count: number) => ({ messages: count, bytes: 0 });
const eur = (...charges: Charge[]): ChargedPrice => ({ currency: "EUR", charges });
const thousand = eur({
  perMessages: 1000,
  graduated: [{ upTo: 2000, amount: "0.5" }, { amount: "0.3" }],
});
const byVolume = eur({
  perMessages: 1,
  volume: [{ upTo: 1000, amount: "1" }, { amount: "0.9" }],
});

test("price - so much for so many messages is rounded down once", () => {
  const price: Price = { amount: "0.0017", currency: "EUR", perMessages: 7 };
  assert.equal(usageMicro(price, messages(3)), 728n);
  assert.equal(usageMicro({ ...price, amount: "0" }, messages(9_000_000)), 0n);
});

test("price - what is included is free, and only what is beyond it costs", () => {
  const price = eur({ perMessages: 1000, amount: "0.5", included: 10_000 });
  assert.equal(usageMicro(price, messages(10_000)), 0n);
  assert.equal(usageMicro(price, messages(10_001)), 500n);
});

test("price - a megabyte of payload is a million bytes", () => {
  const price = eur({ perBytes: 1_000_000, amount: "0.02" });
  assert.equal(usageMicro(price, { messages: 1, bytes: 2_500_000 }), 50_000n);
});

test("price - graduated tiers ask each its own rate", () => {
  assert.equal(usageMicro(thousand, messages(3000)), 1_300_000n);
});

test("price - a volume tier's rate is for all, and where it begins the total stands", () => {
  assert.equal(usageMicro(byVolume, messages(1000)), 1_000_000_000n);
  assert.equal(usageMicro(byVolume, messages(1001)), 1_000_000_000n);
  assert.equal(usageMicro(byVolume, messages(2000)), 1_800_000_000n);
});

test("price - charges add up, and a cap bounds a month of them", () => {
  const price = {
    ...eur({ perMessages: 1, amount: "0.01" }, { perBytes: 1000, amount: "1" }),
    cap: "5",
  };
  assert.equal(usageMicro(price, { messages: 10, bytes: 2000 }), 2_100_000n);
  assert.equal(usageMicro(price, { messages: 10, bytes: 9000 }), 5_000_000n);
});

test("price - an amount near 2^63 micro-units a message is exact", () => {
  const most = formatAmount(2n ** 63n - 1n);
  const price = eur({ perMessages: 1, amount: most });
  assert.equal(priceProblem(price), undefined);
  const counts = messages(Number.MAX_SAFE_INTEGER);
  assert.equal(usageMicro(price, counts), BigInt(Number.MAX_SAFE_INTEGER) * (2n ** 63n - 1n));
  const above = eur({ perMessages: 1, amount: formatAmount(2n ** 63n) });
  assert.match(priceProblem(above) ?? "", /amount 9223372036854.775808 is above/);
});

const amount = fc.bigInt({ min: 0n, max: 3_000_000n }).map(formatAmount);
const tiers: fc.Arbitrary<Tier[]> = fc
  .tuple(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }), amount)
  .chain(([ends, last]) =>
    fc
      .array(amount, { minLength: ends.length, maxLength: ends.length })
      .map((amounts) => [
        ...ends.toSorted((a, b) => a - b).map((upTo, at) => ({ upTo, amount: amounts[at] ?? "0" })),
        { amount: last },
      ]),
  );
const rate: fc.Arbitrary<Charge> = fc.oneof(
  fc.record({ amount }),
  tiers.map((graduated) => ({ graduated })),
  tiers.map((volume) => ({ volume })),
);
const charge: fc.Arbitrary<Charge> = fc
  .tuple(
    rate,
    fc.constantFrom("perMessages" as const, "perBytes" as const),
    fc.integer({ min: 1, max: 9 }),
    fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  )
  .map(([one, unit, per, included]) => ({
    ...one,
    [unit]: per,
    ...(included !== undefined && { included }),
  }));
const charged: fc.Arbitrary<ChargedPrice> = fc
  .tuple(
    fc.array(charge, { minLength: 1, maxLength: 3 }),
    fc.option(fc.bigInt({ min: 1n, max: 9_000_000n }).map(formatAmount), { nil: undefined }),
  )
  .map(([charges, cap]) => ({ currency: "EUR", charges, ...(cap !== undefined && { cap }) }));

/** One unit at a time, as a fraction over `per`; the obvious way, and the slow one. */
function slowCharge(one: Charge, count: number, per: number): bigint {
  const list = one.graduated ?? one.volume ?? [{ amount: one.amount ?? "0" }];
  const tierOf = (nth: number) => list.find(({ upTo }) => upTo === undefined || nth <= upTo)!;
  let owed = 0n;
  for (let nth = 1; nth <= count - (one.included ?? 0); nth++) {
    const each = microOf(tierOf(nth).amount);
    const total = one.volume === undefined ? owed + each : BigInt(nth) * each;
    owed = total > owed ? total : owed;
  }
  let whole = 0n;
  while ((whole + 1n) * BigInt(per) <= owed) whole += owed > 10_000n ? 1000n : 1n;
  while (whole * BigInt(per) > owed) whole -= 1n;
  return whole;
}

function slowly(price: ChargedPrice, used: { messages: number; bytes: number }): bigint {
  let sum = 0n;
  for (const one of price.charges) {
    const { perMessages, perBytes } = one;
    if (perMessages !== undefined) sum += slowCharge(one, used.messages, perMessages);
    else sum += slowCharge(one, used.bytes, perBytes ?? 1);
  }
  const cap = price.cap === undefined ? sum : microOf(price.cap);
  return sum > cap ? cap : sum;
}

const count = fc.integer({ min: 0, max: 90 });

test("price - is what one message at a time comes to, and never falls", () => {
  fc.assert(
    fc.property(charged, count, count, count, (price, delivered, bytes, more) => {
      const used = { messages: delivered, bytes };
      assert.equal(usageMicro(price, used), slowly(price, used));
      const later = usageMicro(price, { messages: delivered + more, bytes: bytes + more });
      assert.ok(later >= usageMicro(price, used));
    }),
  );
});

test("price - so much more never costs more than the dearest that so much can cost", () => {
  fc.assert(
    fc.property(charged, count, count, count, (price, delivered, bytes, more) => {
      const { cap: _cap, ...uncapped } = price;
      const graduated = uncapped.charges.filter((one) => one.volume === undefined);
      const linear = { ...uncapped, charges: graduated };
      const now = usageMicro(linear, { messages: delivered, bytes });
      const later = usageMicro(linear, { messages: delivered + more, bytes: bytes + more });
      const rounding = BigInt(graduated.length);
      assert.ok(later - now <= dearestMicro(linear, { messages: more, bytes: more }) + rounding);
    }),
  );
});

test("price - stays itself in its shortest form, and that form stays", () => {
  fc.assert(
    fc.property(charged, count, (price, delivered) => {
      const short = normalPrice(price);
      assert.deepEqual(normalPrice(short), short);
      assert.equal(usageMicro(short, messages(delivered)), usageMicro(price, messages(delivered)));
    }),
  );
  assert.deepEqual(normalPrice({ amount: "1.50", currency: "EUR", perMessages: 1 }), {
    ...{ amount: "1.5", currency: "EUR", perMessages: 1 },
  });
});

test("price - what is wrong with it is said by name", () => {
  const wrong: [unknown, RegExp][] = [
    [{ amount: "1", currency: "EUR", perMessages: 1, unit: "x" }, /unit is no member/],
    [{ amount: "1", currency: "euro", perMessages: 1 }, /currency "euro"/],
    [eur(), /charges are empty/],
    [eur({ amount: "1" }), /charge 1: it names one of perMessages/],
    [eur({ perMessages: 1, perBytes: 1, amount: "1" }), /charge 1: it names one of/],
    [eur({ perMessages: 1 }), /charge 1: it has one of amount, graduated and volume/],
    [eur({ perMessages: 0, amount: "1" }), /perMessages 0 is not a whole number/],
    [eur({ perMessages: 1, amount: "-1" }), /amount "-1" is not a decimal/],
    [eur({ perMessages: 1, amount: "1", included: 0.5 }), /included 0.5/],
    [eur({ per: "month", amount: "1", included: 3 }), /by the month it has an amount/],
    [eur({ per: "device-month", amount: "1" }), /devices are not counted yet/],
    [eur({ perMessages: 1, graduated: [{ amount: "1" }] }), /graduated has not 2 to 20 tiers/],
    [
      eur({
        perMessages: 1,
        volume: [{ upTo: 5, amount: "1" }, { upTo: 5, amount: "1" }, { amount: "1" }],
      }),
      /volume: tier 2: upTo 5 is not a whole number above 5/,
    ],
    [
      eur({
        perMessages: 1,
        volume: [
          { upTo: 5, amount: "1" },
          { upTo: 9, amount: "1" },
        ],
      }),
      /tier 2 is the last/,
    ],
    [eur({ perMessages: 1, amount: "0" }), /all charges are zero/],
    [{ ...eur({ perMessages: 1, amount: "1" }), minimum: "5", cap: "4" }, /minimum 5 is above/],
    [{ ...eur({ perMessages: 1, amount: "1" }), trialDays: 0 }, /trialDays 0/],
    [{ ...eur({ perMessages: 1, amount: "1" }), costOnly: false }, /costOnly is not true/],
    [eur({ per: "month", amount: "1" }, { per: "month", amount: "1" }), /twice/],
    [eur(...Array.from({ length: 11 }, () => ({ perMessages: 1, amount: "1" }))), /more than 10/],
    ["1 EUR", /no object/],
  ];
  for (const [price, problem] of wrong) assert.match(priceProblem(price) ?? "nothing", problem);
  assert.ok(isFree({ amount: "0.00", currency: "EUR", perMessages: 1 }));
  assert.ok(!isFree(thousand));
});

test("price - one sentence says all of it", () => {
  const rich: ChargedPrice = {
    currency: "EUR",
    charges: [
      { perMessages: 1000, amount: "0.50", included: 100_000 },
      { perBytes: 1_000_000, graduated: [{ upTo: 5e9, amount: "0.02" }, { amount: "0.01" }] },
      { per: "month", amount: "10" },
    ],
    minimum: "12",
    cap: "100",
    trialDays: 30,
    costOnly: true,
  };
  assert.equal(priceProblem(rich), undefined);
  assert.equal(
    describePrice(rich),
    "0.5 EUR per 1,000 messages after 100,000 messages a month plus per MB 0.02 EUR up to 5 GB, " +
      "0.01 EUR beyond plus 10 EUR a month, at least 12 EUR a month, at most 100 EUR a month, " +
      "free for the first 30 days, which covers costs alone",
  );
  assert.equal(
    describePrice(byVolume),
    "per message for all of a month's 1 EUR up to 1,000 messages, 0.9 EUR beyond",
  );
});
