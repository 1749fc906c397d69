import { type Static, Type } from "typebox";
import { canonicalHash } from "../kernel/canonical.ts";
import { isCharged, isFree } from "../kernel/price.ts";
import { priceProblem } from "../kernel/price-problem.ts";
import { isoTime } from "../kernel/time.ts";
import { Price } from "../wire/price.ts";
import type { Agreement, PriceChange } from "./agreement.ts";

/** `typ` of the signatures under a change of price. */
export const priceChangeType = "comity-price-change+jws";

/** What both sign; closed, so that every byte is evidence. */
export const PriceChangeBody = Type.Object(
  {
    v: Type.Literal(1),
    agreement: Type.String({ minLength: 1, maxLength: 512 }),
    policyHash: Type.String({ maxLength: 128 }),
    /** 2, 3 … without gaps: 1 is the agreement's own price. */
    number: Type.Integer({ minimum: 2, maximum: 1000 }),
    price: Price,
    /** ISO 8601, UTC. */
    from: Type.String({ maxLength: 32 }),
  },
  { additionalProperties: false },
);
export type PriceChangeBody = Static<typeof PriceChangeBody>;

/** On the consumer's node: where its provider brings another price. */
export function pricePathOf(agreement: string): string {
  return `/comity/v1/agreements/${encodeURIComponent(agreement)}/price`;
}

type Changed = Pick<Agreement, "id" | "policyHash" | "price" | "changes">;

/** The last price that both signed, and since when it holds. */
export function lastPrice({ price, changes = [] }: Changed): Pick<
  PriceChange,
  "number" | "price"
> & {
  readonly from: string;
} {
  return changes.at(-1) ?? { number: 1, price, from: "" };
}

/** What is wrong with a change that follows those known, or undefined. */
export function priceChangeProblem(body: PriceChangeBody, agreement: Changed): string | undefined {
  if (body.agreement !== agreement.id) return `it is of agreement ${body.agreement}`;
  if (body.policyHash !== agreement.policyHash) return "policyHash is not the agreement's";
  const last = lastPrice(agreement);
  if (body.number !== last.number + 1) return `price ${last.number + 1} comes next`;
  const problem = priceProblem(body.price);
  if (problem !== undefined) return problem;
  const { price } = body;
  if (price.currency !== last.price.currency) return `the currency is ${last.price.currency}`;
  if (isFree(price) || isFree(last.price)) return "what is free is another agreement";
  if (price.trialDays !== undefined) return "a trial is the beginning of an agreement";
  if (canonicalHash(price) === canonicalHash(last.price)) return "the price is what it was";
  if (isoTime(body.from) === undefined) return `from "${body.from}" is no time in UTC`;
  if (Date.parse(body.from) <= Date.parse(last.from)) return `price ${last.number} begins later`;
  const isByMonth = isCharged(price) || isCharged(last.price);
  if (isByMonth && !/^\d{4}-\d{2}-01T00:00(:00(\.0+)?)?Z$/.test(body.from)) {
    return `from ${body.from}: charges by the month change with a month, UTC`;
  }
  return undefined;
}
