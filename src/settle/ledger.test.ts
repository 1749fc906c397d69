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
import { balancesOf, Ledger, postingsOf } from "./ledger.ts";
import type { Entry } from "./ledger.ts";
import { emptyBook } from "../../tests/empty-book.ts";

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
    { currency: "EUR", accounts: { ...emptyBook, expense: 7n, payable: -7n } },
    {
      currency: "KES",
      accounts: { ...emptyBook, receivable: huge, revenue: -huge },
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

function creditOf(id: string, micro: bigint): Entry {
  return {
    v: 1,
    at: "2026-12-02T12:00:00.000Z",
    month: "2026-11",
    agreement: "a",
    source: { kind: "credit", id },
    corrects: { from: 1, to: 1 },
    party: "did:web:c.example",
    currency: "KES",
    lines: [
      { account: "revenue", micro: micro.toString() },
      { account: "receivable", micro: (-micro).toString() },
    ],
  };
}

test("ledger - an entry that does not balance stops everything", async (t) => {
  const store = await open(t);
  const ledger = await Ledger.open(store);
  const credit = creditOf("1", 5n);
  const [line] = credit.lines;
  const crooked = { ...credit, lines: [...credit.lines, line!] };
  await assert.rejects(ledger.post([crooked]), /off balance by 5/);
  const strange = { ...credit, lines: [{ account: "pocket" as "paid", micro: "0" }] };
  await assert.rejects(ledger.post([strange]), /no account pocket/);
  assert.deepEqual(await store.list("posting"), []);
  const doc = { currency: "KES", accounts: { receivable: "1" } };
  await store.commit([{ op: "put", kind: "balance", id: "KES/party/x/", doc }]);
  await assert.rejects(balancesOf(store), /the book in KES is off balance by 1/);
});

test("ledger - a correction is an entry of its own, posted once, whoever posts at once", async (t) => {
  const store = await open(t);
  const ledger = await Ledger.open(store);
  const sold = agreementOf("a", "provider", "KES");
  await store.commit(postingsOf(sold, receipt(sold, 1, 100n)));
  await Promise.all(["1", "2", "3"].map((id) => ledger.post([creditOf(id, 10n)])));
  const again = ledger.post([creditOf("4", 1n), creditOf("2", 10n)]);
  await assert.rejects(again, { code: "STORE_CONFLICT" });
  const [book] = await balancesOf(store);
  assert.deepEqual(book?.accounts, { ...emptyBook, receivable: 70n, revenue: -70n });
  assert.equal((await store.list("posting")).length, 4);
});

test("ledger - what an older version posted is summed when it is opened", async (t) => {
  const store = await open(t);
  const sold = agreementOf("a", "provider", "KES");
  const first = receipt(sold, 1, 100n);
  const writes = [...postingsOf(sold, first), ...postingsOf(sold, receipt(sold, 2, 250n), first)];
  await store.commit(writes.filter(({ op }) => op === "add"));
  assert.deepEqual(await balancesOf(store), []);
  await Ledger.open(store);
  assert.equal((await balancesOf(store))[0]?.accounts.receivable, 250n);
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
