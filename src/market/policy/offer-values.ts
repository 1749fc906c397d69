/** What a product's tariffs and trade secrets may be: the same wherever they come from. */
import { isCharged, isFree, type Price } from "../../kernel/price.ts";
import { priceProblem } from "../../kernel/price-problem.ts";
import { isRecipientClass, recipientClasses } from "../../kernel/recipient-class.ts";
import type { Product } from "../product.ts";
import { measuresProblem } from "../attestation.ts";
import { membersProblem, termsProblem } from "./term-values.ts";
import { withoutSecrets } from "./trade-secrets.ts";

type Priced = Pick<Product, "tariffs" | "cost"> & { readonly terms: { readonly price: Price } };

export function tariffsProblem({ tariffs = [], cost, terms }: Priced): string | undefined {
  const seen = new Set<string>();
  for (const { class: name, price } of tariffs) {
    if (!isRecipientClass(name)) {
      return `tariffs name "${String(name)}", which is not ${recipientClasses.join(", ")}`;
    }
    if (seen.has(name)) return `tariffs name "${name}" twice`;
    seen.add(name);
    const problem = priceProblem(price) ?? otherCurrency(price, terms.price);
    if (problem !== undefined) return `tariffs: ${name}: ${problem}`;
  }
  const problem = cost && (priceProblem(cost) ?? chargedCost(cost, terms.price));
  return problem === undefined ? undefined : `cost: ${problem}`;
}

function chargedCost(cost: Price, standard: Price): string | undefined {
  if (!isCharged(cost)) return otherCurrency(cost, standard);
  return "it is said of messages; charges cover costs alone where they say costOnly";
}

/** Prices of one product are compared, with each other and with its cost. */
function otherCurrency(price: Price, standard: Price): string | undefined {
  if (price.currency === standard.currency || isFree(price) || isFree(standard)) return undefined;
  return `is in ${price.currency}, and the price in ${standard.currency}`;
}

export function secretsProblem({ tradeSecrets, terms }: Pick<Product, "tradeSecrets" | "terms">) {
  if (tradeSecrets === undefined) return undefined;
  const members = membersProblem(tradeSecrets.fields);
  if (members !== undefined) return `tradeSecrets.fields ${members}`;
  const measures = measuresProblem(tradeSecrets.measures);
  if (measures !== undefined) return `tradeSecrets.${measures}`;
  const problem = termsProblem(withoutSecrets(terms, tradeSecrets.fields));
  return problem && `without the trade secrets, ${problem}`;
}
