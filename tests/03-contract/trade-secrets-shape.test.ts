/** Whatever else a product's terms say: no message shows a trade secret without the measures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { dayShiftsOf } from "../../src/flow/date-shift.ts";
import { pseudonymsOf } from "../../src/flow/pseudonyms.ts";
import { jsonForm } from "../../src/flow/payload-form.ts";
import { compileShape } from "../../src/flow/shape.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { productFrom } from "../../src/market/new-product.ts";
import { compileOffers, termsOf } from "../../src/market/policy.ts";
import type { PolicyTerms } from "../../src/market/policy/rules.ts";
import { secretsLetOut } from "../../src/market/policy/trade-secrets.ts";
import type { Product } from "../../src/market/product.ts";

const secret = Buffer.alloc(32, 1);
const masks = {
  pseudonym: pseudonymsOf(secret, "urn:uuid:1"),
  dayShift: dayShiftsOf(secret, "urn:uuid:1"),
};
const price = { amount: "0", currency: "EUR", perMessages: 1 };
const path = fc.constantFrom("a", "a.b", "a.b.c", "a.d", "e", "e.f", "g", "h");
const paths = fc.uniqueArray(path, { minLength: 1, maxLength: 3 });
const shape = fc.record(
  {
    fields: fc.uniqueArray(path, { minLength: 1, maxLength: 6 }),
    drop: paths,
    round: path.map((name) => ({ [name]: 10 })),
    pseudonymise: path.map((name) => [name]),
  },
  { requiredKeys: [] },
);

/** Every path is there, in lists too, and one of them spelt as one name. */
const payload = JSON.stringify({
  a: [{ b: { c: 1, x: 2 }, d: 3, y: 4 }, { d: 5 }],
  e: { f: 6, z: 7 },
  ...{ g: 8, h: 9, "a.b": 10, "e.f": 11 },
});

/** Where there is a member, as the policy names it. */
function membersOf(value: unknown, above = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => membersOf(one, above));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const here = above === "" ? name : `${above}.${name}`;
    return [here, ...membersOf(inner, here)];
  });
}

/** What is left of it under these terms; undefined: the message is withheld. */
function shown({ fields, drop, round, pseudonymise }: PolicyTerms): string[] | undefined {
  const asked = {
    ...(fields && { allow: fields }),
    ...(drop && { drop }),
    ...(round && { round }),
    ...(pseudonymise && { pseudonymise }),
  };
  const text = compileShape(asked, masks)({ message: payload, form: jsonForm });
  return text === undefined ? undefined : membersOf(JSON.parse(text));
}

function productOf(terms: object, tradeSecrets?: Product["tradeSecrets"]): Product | undefined {
  const product = { id: "p", title: "P", topics: ["p/#"], terms: { price, ...terms } };
  try {
    return productFrom({ ...product, ...(tradeSecrets && { tradeSecrets }) }, 0);
  } catch (thrown) {
    assert.ok(thrown instanceof ComityError && thrown.code === "PRODUCT_INVALID");
    return undefined;
  }
}

test("trade secrets - the offer without measures shows none, and all else that the terms show", () => {
  let compared = 0;
  fc.assert(
    fc.property(shape, paths, (terms, fields) => {
      const tradeSecrets = { fields, measures: ["nda"] };
      const product = productOf(terms, tradeSecrets);
      fc.pre(product !== undefined);
      const [standard, whole, ...more] = compileOffers(product).map(termsOf);
      assert.ok(standard && whole && more.length === 0);
      assert.deepEqual(secretsLetOut(standard, tradeSecrets), []);
      assert.deepEqual(secretsLetOut(whole, tradeSecrets), []);
      const open = shown(standard);
      for (const secret of fields) assert.ok(!open?.includes(secret), `${secret} is shown`);
      const all = shown(whole);
      if (all === undefined || open === undefined) return;
      // what holds nothing but secrets is gone with them, where only some members are shown
      const isSecret = (name: string) =>
        fields.some(
          (secret) => `${name}.`.startsWith(`${secret}.`) || secret.startsWith(`${name}.`),
        );
      assert.deepEqual(
        open.filter((name) => !isSecret(name)),
        all.filter((name) => !isSecret(name)),
      );
      compared++;
    }),
    { numRuns: 2_000 },
  );
  assert.ok(compared > 500, `${compared} were compared`);
});

test("trade secrets - terms that show one are told apart from terms that do not", () => {
  const seen = { kept: 0, letOut: 0 };
  fc.assert(
    fc.property(shape, paths, (terms, fields) => {
      const product = productOf(terms);
      fc.pre(product !== undefined);
      const letOut = secretsLetOut(product.terms, { fields, measures: ["nda"] });
      const all = shown(product.terms);
      for (const secret of fields) {
        if (all?.includes(secret) === true) assert.ok(letOut.includes(secret), secret);
      }
      if (letOut.length === 0) seen.kept++;
      else seen.letOut++;
      const half = { ...product.terms, measures: ["nda"] };
      assert.deepEqual(secretsLetOut(half, { fields, measures: ["audit", "nda"] }), letOut);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(seen.kept > 50 && seen.letOut > 50, JSON.stringify(seen));
});
