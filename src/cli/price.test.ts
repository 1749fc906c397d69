import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { priceGiven } from "./price.ts";

test("price flag - an amount, or charges from a YAML file, with what is wrong named", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-price-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "price.yaml");
  const write = (charges: string) => writeFile(file, `currency: EUR\ncharges: [${charges}]\n`);
  assert.deepEqual(priceGiven("5 KES", 10), { amount: "5", currency: "KES", perMessages: 10 });
  await write('{per: month, amount: "10"}, {perMessages: 1000, amount: "0.5", included: 5000}');
  assert.deepEqual(priceGiven(file, 1), {
    currency: "EUR",
    charges: [
      { per: "month", amount: "10" },
      { perMessages: 1000, amount: "0.5", included: 5000 },
    ],
  });
  await write("{perMessages: 1000, amount: 0.5}");
  const code = "CONFIG_INVALID";
  const message = /charge 1: amount 0.5 is a number: write it as text, "0.5"/;
  assert.throws(() => priceGiven(file, 1), { code, message });
  assert.throws(() => priceGiven(join(folder, "none.json"), 1), { code });
});
