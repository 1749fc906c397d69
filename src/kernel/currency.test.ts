import assert from "node:assert/strict";
import { test } from "node:test";
import { currencyExponent } from "./currency.ts";
import { priceProblem } from "./price-problem.ts";

test("currency - minor units have as many places as ISO 4217 says", () => {
  const known = { EUR: 2, JPY: 0, KES: 2, KWD: 3, CLF: 4, XOF: 0 };
  for (const [code, places] of Object.entries(known)) {
    assert.equal(currencyExponent(code), places, code);
  }
  for (const code of ["XXX", "XTS", "XAU", "EURO", "eur", "ABC"]) {
    assert.equal(currencyExponent(code), undefined, code);
  }
});

test("currency - money is asked for in a currency that there is; what is free names none", () => {
  const price = (amount: string, currency: string) => ({ amount, currency, perMessages: 1 });
  assert.equal(priceProblem(price("0", "XXX")), undefined);
  assert.equal(priceProblem(price("1", "EUR")), undefined);
  assert.match(priceProblem(price("1", "XXX")) ?? "", /"XXX" is no currency of ISO 4217/);
  assert.match(priceProblem(price("0.01", "ABC")) ?? "", /"ABC" is no currency of ISO 4217/);
});
