import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import type { Agreement } from "../market/agreement.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import type { Store } from "../ports/store.ts";
import { balancesOf, postingsOf } from "./ledger.ts";
import type { Posting } from "./ledger.ts";

async function open(t: TestContext): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), "comity-ledger-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  return store;
}

function agreementOf(id: string, role: Agreement["role"], currency: string): Agreement {
  return {
    id,
    role,
    provider: "did:web:p.example",
    consumer: "did:web:c.example",
    product: "sun",
    title: "Sun",
    delivery: "live",
    topics: ["sun/#"],
    price: { amount: "1", currency, perMessages: 1 },
    policy: {},
    policyHash: "sha256:p",
    evidence: { payload: "", signatures: [] },
    keys: {},
    signedAt: "2026-11-01T00:00:00.000Z",
    state: "active",
  };
}

function receipt({ id, price }: Agreement, seq: number, micro: bigint): ReceiptBody {
  return {
    v: 1,
    agreement: id,
    policyHash: "sha256:p",
    seq,
    epoch: "e1",
    from: 0,
    to: seq,
    messages: seq,
    bytes: 0,
    amountMicro: micro.toString(),
    currency: price.currency,
    month: "2026-11",
    at: "2026-11-20T12:00:00.000Z",
    prevHash: "",
  };
}

test("ledger - each receipt adds what it is more than the one before", async (t) => {
  const store = await open(t);
  const sold = agreementOf("a", "provider", "KES");
  const bought = agreementOf("b", "consumer", "EUR");
  const huge = 10n ** 20n;
  const one = receipt(sold, 1, 100n);
  await store.commit(postingsOf(sold, one));
  await store.commit(postingsOf(sold, receipt(sold, 2, huge), one));
  await store.commit(postingsOf(bought, receipt(bought, 1, 7n)));
  assert.deepEqual(await balancesOf(store), [
    { currency: "EUR", accounts: { receivable: 0n, revenue: 0n, expense: 7n, payable: -7n } },
    {
      currency: "KES",
      accounts: { receivable: huge, revenue: -huge, expense: 0n, payable: 0n },
    },
  ]);
});

test("ledger - a receipt is posted once; a second time the whole commit fails", async (t) => {
  const store = await open(t);
  const sold = agreementOf("a", "provider", "KES");
  const posting = postingsOf(sold, receipt(sold, 1, 100n));
  await store.commit(posting);
  await assert.rejects(store.commit(posting), { code: "STORE_CONFLICT" });
  assert.equal((await balancesOf(store))[0]?.accounts.receivable, 100n);
});

test("ledger - what is free is not posted, and money is never taken back", () => {
  const sold = agreementOf("a", "provider", "KES");
  assert.deepEqual(postingsOf(sold, receipt(sold, 1, 0n)), []);
  const before = receipt(sold, 1, 100n);
  assert.throws(() => postingsOf(sold, receipt(sold, 2, 99n), before), /takes money back/);
});

test("ledger - an entry that does not balance stops everything", async (t) => {
  const store = await open(t);
  const sold = agreementOf("a", "provider", "KES");
  const [write] = postingsOf(sold, receipt(sold, 1, 100n));
  assert.ok(write?.op === "add");
  const posting = write.doc as Posting;
  const lines = [...posting.lines, { account: "revenue", micro: "1" }];
  await store.commit([{ ...write, doc: { ...posting, lines } }]);
  await assert.rejects(balancesOf(store), /off balance by 1/);
});

test("ledger - thousands of entries are summed page by page", async (t) => {
  const store = await open(t);
  const sold = agreementOf("a", "provider", "KES");
  let before: ReceiptBody | undefined;
  const writes = [];
  for (let seq = 1; seq <= 2345; seq++) {
    const body = receipt(sold, seq, BigInt(seq) * 3n);
    writes.push(...postingsOf(sold, body, before));
    before = body;
  }
  await store.commit(writes);
  assert.equal((await balancesOf(store))[0]?.accounts.revenue, -7035n);
});
