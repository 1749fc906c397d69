import { microOf } from "../../../src/kernel/amount.ts";
import { type Price, type Tier } from "../../../src/kernel/price.ts";

const cheap: readonly Tier[] = [
  { upTo: 300, amount: "0.004" },
  { upTo: 900, amount: "0.0025" },
  { amount: "0.001" },
];

/** What is sold for in this world: every kind of price, three currencies. */
export const prices: readonly Price[] = [
  { amount: "0.002", currency: "EUR", perMessages: 1 },
  { amount: "1", currency: "EUR", perMessages: 1000 },
  { currency: "EUR", charges: [{ perMessages: 1, graduated: cheap, included: 50 }] },
  { currency: "EUR", charges: [{ perMessages: 1, volume: cheap }], cap: "3" },
  { currency: "EUR", charges: [{ perBytes: 1_000_000, amount: "9.5" }], minimum: "0.75" },
  {
    currency: "EUR",
    charges: [
      { per: "month", amount: "12" },
      { perMessages: 10, amount: "0.01" },
    ],
  },
  { currency: "EUR", charges: [{ perMessages: 1, amount: "0.003" }], trialDays: 30 },
  { currency: "USD", charges: [{ perMessages: 100, amount: "0.333333" }], costOnly: true },
  { currency: "JPY", charges: [{ perMessages: 1, amount: "0.5" }] },
];

/** What some of them are lowered to in the middle of the year. */
export function loweredOf(price: Price): Price | undefined {
  if (price === prices[2]) {
    const tiers = cheap.map(({ upTo, amount }) => ({
      ...(upTo !== undefined && { upTo }),
      amount: amount.replace("4", "3"),
    }));
    return { currency: "EUR", charges: [{ perMessages: 1, graduated: tiers, included: 50 }] };
  }
  if (price !== prices[6]) return undefined;
  return { currency: "EUR", charges: [{ perMessages: 1, amount: "0.002" }] };
}

/** What was delivered in a month. */
export interface Delivered {
  readonly messages: number;
  readonly bytes: number;
}

/**
 * What a year costs, in micro-units, as somebody works it out by hand who has the price and the
 * deliveries: message by message, no running totals, no rules taken from the node. It holds for
 * agreements that stand from the first of January.
 */
export function costByHand(
  price: Price,
  deliveries: ReadonlyMap<string, Delivered>,
  /** The price from a month on, where it was changed. */
  changed?: { readonly from: string; readonly price: Price },
): bigint {
  if (price.charges === undefined) {
    let all = 0;
    for (const { messages } of deliveries.values()) all += messages;
    return (BigInt(all) * microOf(price.amount)) / BigInt(price.perMessages);
  }
  let sum = 0n;
  // a month without a delivery has its flat charges and its minimum as well
  for (let nth = 1; nth <= 12; nth++) {
    const month = `2027-${String(nth).padStart(2, "0")}`;
    const delivered = deliveries.get(month) ?? { messages: 0, bytes: 0 };
    const isChanged = changed !== undefined && month >= changed.from;
    sum += monthByHand(isChanged ? changed.price : price, price, month, delivered);
  }
  return sum;
}

function monthByHand(price: Price, first: Price, month: string, { messages, bytes }: Delivered) {
  if (price.charges === undefined) throw new Error("a price by the month stays one");
  // signed on the first of January, tried until its last day
  if (first.trialDays === 30 && month === "2027-01") return 0n;
  let usage = 0n;
  let flat = 0n;
  for (const charge of price.charges) {
    const { amount = "0", included = 0 } = charge;
    if (charge.per === "month") flat += microOf(amount);
    else {
      const quantity = charge.perBytes === undefined ? messages : bytes;
      const per = BigInt(charge.perBytes ?? charge.perMessages ?? 1);
      const beyond = Math.max(0, quantity - included);
      if (charge.graduated !== undefined) {
        let total = 0n;
        for (let n = 1; n <= beyond; n++) total += microOf(tierOf(charge.graduated, n));
        usage += total / per;
      } else if (charge.volume !== undefined) {
        let most = 0n;
        for (let n = 1; n <= beyond; n++) {
          const all = BigInt(n) * microOf(tierOf(charge.volume, n));
          if (all > most) most = all;
        }
        usage += most / per;
      } else usage += (BigInt(beyond) * microOf(amount)) / per;
    }
  }
  let total = usage + flat;
  if (price.cap !== undefined && total > microOf(price.cap)) total = microOf(price.cap);
  if (price.minimum !== undefined && total < microOf(price.minimum)) total = microOf(price.minimum);
  return total;
}

function tierOf(tiers: readonly Tier[], nth: number): string {
  return tiers.find(({ upTo }) => upTo === undefined || nth <= upTo)?.amount ?? "0";
}
