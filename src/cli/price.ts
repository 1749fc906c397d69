import type { Price } from "../kernel/price.ts";
import { priceProblem } from "../kernel/price-problem.ts";
import { readObject } from "./context.ts";
import { invalid, priceFrom } from "./flags.ts";

/** `0.002 EUR`, `free`, or a YAML or JSON file with charges (docs/reference/prices.md). */
export function priceGiven(text: string, perMessages: number): Price {
  if (!/\.(ya?ml|json)$/.test(text)) return priceFrom(text, perMessages);
  const price = readObject(text, "price");
  const problem = priceProblem(price);
  if (problem !== undefined) throw invalid(`the price in ${text}: ${problem}`);
  return price as unknown as Price;
}
