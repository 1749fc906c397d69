import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { receiptWrite } from "../meter/receipt.ts";
import type { ReceiptBody, ReceiptRecord } from "../meter/receipt.ts";
import { receiptsUntil } from "./statement.ts";

function record(agreement: string, seq: number, month: string, cosigned: boolean): ReceiptRecord {
  const body: ReceiptBody = {
    v: 1,
    agreement,
    policyHash: "",
    seq,
    epoch: "e1",
    from: 0,
    to: seq,
    messages: seq,
    bytes: seq,
    amountMicro: "0",
    currency: "EUR",
    month,
    at: `${month}-01T00:00:00.000Z`,
    prevHash: "",
  };
  return { role: "provider", body, state: cosigned ? "cosigned" : "signed", signatures: [] };
}

test("statement - finds a month's receipts as reading all of them would", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "comity-statement-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  const months = ["2026-08", "2026-09", "2026-10", "2026-11"];
  let n = 0;
  const chains = fc.record({
    months: fc.array(fc.constantFrom(...months), { maxLength: 20 }),
    open: fc.boolean(),
  });
  const property = fc.asyncProperty(chains, async (chain) => {
    const agreement = `agreement-${n++}`;
    const signed = chain.months.sort();
    const records = signed.map((month, i) => record(agreement, i + 1, month, true));
    if (chain.open) records.push(record(agreement, records.length + 1, "2026-11", false));
    await store.commit(records.map((one) => receiptWrite("add", one)));
    const bodies = records.filter(({ state }) => state === "cosigned").map(({ body }) => body);
    for (const month of ["2026-07", ...months, "2026-12"]) {
      const last = bodies.findLast((body) => body.month === month);
      const before = bodies.findLast((body) => body.month < month);
      const found = await receiptsUntil(store, agreement, month);
      assert.deepEqual(found, { before, last });
    }
  });
  await fc.assert(property, { numRuns: 60 });
  await assert.rejects(receiptsUntil(store, "a", "november"), { code: "BODY_INVALID" });
});
