import assert from "node:assert/strict";
import { test } from "node:test";
import { productFrom } from "../../src/cli/product.ts";
import { productFrom as keptProduct } from "../../src/market/new-product.ts";
import { sectors } from "../../src/sectors/list.ts";

for (const { name, title, vocabulary, template } of sectors) {
  const resource = { name, title, vocabulary, template, sources: [], outputs: [], indicators: [] };

  test(`sectors - the template of ${name} makes a product, and flags win over it`, () => {
    const flags = { title: "T", topic: ["t/#"] };
    const plain = productFrom("t", flags, resource);
    assert.equal(plain.sector, name);
    assert.deepEqual(plain.terms, template.terms);
    assert.equal(plain.delivery, template.product.delivery);
    assert.equal(keptProduct(plain, Date.now()).sector, name);
    const other = { ...flags, price: "2 EUR", live: true, sector: "other", life: "1d" };
    const changed = productFrom("t", other, resource);
    assert.deepEqual([changed.delivery, changed.sector], ["live", "other"]);
    assert.deepEqual(changed.terms, {
      ...template.terms,
      price: { amount: "2", currency: "EUR", perMessages: 1 },
      lifeSeconds: 86_400,
    });
  });

  test(`sectors - the vocabulary of ${name} is data: it survives JSON, and names its members`, () => {
    assert.deepEqual(JSON.parse(JSON.stringify(vocabulary)), vocabulary);
    for (const [type, { required, members, source }] of Object.entries(vocabulary.messages)) {
      assert.ok(URL.canParse(source), `${type} is defined at ${source}`);
      for (const member of required) assert.ok(member in members, `${type}.${member}`);
    }
  });
}
