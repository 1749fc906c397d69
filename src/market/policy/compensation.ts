/**
 * What is asked of recipients to whom the law opens the data: Regulation (EU) 2023/2854, Art. 9.
 * Whether a stated cost is the true one, no machine can tell.
 */
import { isCharged, isFree, type Price, usageMicro } from "../../kernel/price.ts";
import { describePrice } from "../../kernel/price-text.ts";
import { allOfClass, type RecipientClass } from "../../kernel/recipient-class.ts";
import type { Product } from "../product.ts";

export interface CompensationFinding {
  readonly article: string;
  readonly list: "compensation";
  readonly what: string;
  readonly advice: string;
  readonly where: string;
  readonly text: string;
}

type Compensated = Pick<Product, "terms" | "tariffs" | "cost" | "reservedFor">;

/** Who pays no more than the direct cost (Art. 9(4)). */
const protectedClasses: readonly RecipientClass[] = ["sme", "research"];

export function compensationFindings(product: Compensated): CompensationFinding[] {
  const { cost } = product;
  const prices = protectedClasses.flatMap((name) => askedOf(product, name));
  if (cost === undefined) return prices.some(({ price }) => !isFree(price)) ? [untold] : [];
  return prices
    .filter(({ price }) => isDearer(price, cost))
    .map(({ name, where, price }) => ({
      article: "Art. 9(4)",
      list: "compensation",
      what: `ask ${allOfClass(name)} for more than it costs to make the data available`,
      advice: "Ask at most the cost of them (--tariff), or state the cost anew if it is higher.",
      where,
      text: isCharged(price)
        ? `${describePrice(price)}, which does not say to cover costs alone (costOnly)`
        : `${describePrice(price)}, above the stated cost of ${describePrice(cost)}`,
    }));
}

/** A priced product that anybody may buy: only its owner knows whether the law compels it. */
export function compensationQuestions({ terms, cost, reservedFor }: Compensated) {
  if (isFree(terms.price) || cost !== undefined || reservedFor !== undefined) return [];
  const question =
    "Does the law compel you to make these data available? Then the buyer must be told how the " +
    "price is calculated, and SMEs and non-profit research pay the cost alone: state it (--cost).";
  return [{ article: "Art. 9", question }];
}

const untold: CompensationFinding = {
  article: "Art. 9(7)",
  list: "compensation",
  what: "ask for compensation without telling how it is calculated",
  advice:
    "State what it costs to make the data available (--cost), so that the price can be judged.",
  where: "cost",
  text: "no cost is stated",
};

/** By its own tariff; without one, a reader whom the law lets in is asked everybody's price. */
function askedOf({ terms, tariffs = [], reservedFor }: Compensated, name: RecipientClass) {
  const own = tariffs.find((tariff) => tariff.class === name);
  if (own) return [{ name, where: `tariffs.${name}`, price: own.price }];
  return reservedFor === undefined ? [] : [{ name, where: "price", price: terms.price }];
}

/**
 * Each for as many messages as the other's price is for, so that nothing is rounded. Charges by the
 * month compare with no cost of a message: their owner says of them that they cover costs alone.
 */
function isDearer(price: Price, cost: Price): boolean {
  if (isCharged(price)) return price.costOnly !== true;
  if (isCharged(cost)) return false; // no product has such a cost
  const both = { messages: price.perMessages * cost.perMessages, bytes: 0 };
  return usageMicro(price, both) > usageMicro(cost, both);
}
