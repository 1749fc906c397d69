import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { canonicalHash } from "../kernel/canonical.ts";
import { usageMicro } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";
import { receiptWrite } from "../meter/receipt.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import { rowId } from "../meter/row-id.ts";
import type { Store, Write } from "../ports/store.ts";
import { auditLedger } from "./audit.ts";
import type { AuditReport } from "./audit.ts";
import { Ledger, postingsOf } from "./ledger.ts";
import type { Entry } from "./ledger.ts";

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
    price: { amount: "0.5", currency, perMessages: 3 },
    policy: {},
    policyHash: "sha256:p",
    evidence: { payload: "", signatures: [] },
    keys: {},
    signedAt: "2026-11-01T00:00:00.000Z",
    state: "active",
  };
}

const agreements = [
  agreementOf("urn:a", "provider", "KES"),
  agreementOf("urn:a/b", "consumer", "KES"),
  agreementOf("urn:ß𝔘", "provider", "EUR"),
];

function chainOf(agreement: Agreement, length: number): Write[] {
  const writes: Write[] = [];
  let before: ReceiptBody | undefined;
  for (let seq = 1; seq <= length; seq++) {
    const body: ReceiptBody = {
      v: 1,
      agreement: agreement.id,
      policyHash: agreement.policyHash,
      seq,
      epoch: "e1",
      from: before?.to ?? 0,
      to: seq * 7,
      messages: seq * 7,
      bytes: seq,
      amountMicro: usageMicro(agreement.price, { messages: seq * 7, bytes: seq }).toString(),
      currency: agreement.price.currency,
      month: "2026-11",
      at: "2026-11-20T12:00:00.000Z",
      prevHash: before === undefined ? "" : canonicalHash(before),
    };
    const { role } = agreement;
    writes.push(receiptWrite("add", { role, body, state: "cosigned", signatures: [] }));
    writes.push(...postingsOf(agreement, body, before));
    before = body;
  }
  return writes;
}

const credit: Entry = {
  v: 1,
  at: "2026-12-02T12:00:00.000Z",
  month: "2026-11",
  agreement: "urn:a",
  source: { kind: "credit", id: "c1" },
  corrects: { from: 1, to: 3 },
  party: "did:web:c.example",
  currency: "KES",
  lines: [
    { account: "revenue", micro: "40" },
    { account: "receivable", micro: "-40" },
  ],
};

async function books(t: TestContext): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), "comity-audit-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  for (const agreement of agreements) await store.commit(chainOf(agreement, 1300));
  const ledger = await Ledger.open(store);
  await ledger.post([credit]);
  return store;
}

async function* signed(...entries: Entry[]): AsyncGenerator<Entry> {
  yield* entries;
}

async function* findings(): AsyncGenerator<never> {}

function audit(store: Store, ...entries: Entry[]): Promise<AuditReport> {
  const book = { get: (id: string) => agreements.find((one) => one.id === id) };
  return auditLedger({ store, agreements: book, entries: () => signed(...entries), findings });
}

test("audit - books that follow from what was signed have nothing to tell", async (t) => {
  const report = await audit(await books(t), credit);
  assert.deepEqual(report.findings, []);
  const { receipts, postings, problems } = report;
  assert.deepEqual(
    { receipts, postings, problems },
    { receipts: 3900, postings: 3901, problems: 0 },
  );
  const owed = usageMicro(agreements[0]!.price, { messages: 9100, bytes: 0 });
  assert.deepEqual(
    report.books.map(({ currency, accounts, sum }) => [currency, accounts.receivable, sum]),
    [
      ["EUR", owed, 0n],
      ["KES", owed - 40n, 0n],
    ],
  );
});

/** What somebody with the store's file in hand could do to it. */
const forgeries: readonly (readonly [RegExp, (store: Store) => Promise<void>])[] = [
  [
    /^posting urn:a\/0000000003: it is missing$/m,
    (store) => store.commit([{ op: "remove", kind: "posting", id: rowId("urn:a", 3) }]),
  ],
  [
    /^posting urn:a\/0000000003: lines is .*"9"/m,
    (store) =>
      change(store, "posting", rowId("urn:a", 3), (doc) => ({
        ...doc,
        lines: [
          { account: "receivable", micro: "9" },
          { account: "revenue", micro: "-9" },
        ],
      })),
  ],
  [
    /^posting urn:a\/0000009999: nothing that was signed is under it$/m,
    async (store) => {
      const doc = await store.get("posting", rowId("urn:a", 3));
      await store.commit([{ op: "add", kind: "posting", id: rowId("urn:a", 9999), doc }]);
    },
  ],
  [
    /^running sum KES\/agreement\/urn:a\/: it says receivable 1, revenue -1, not /m,
    (store) =>
      change(store, "balance", "KES/agreement/urn:a/", (doc) => ({
        ...doc,
        accounts: { receivable: "1", revenue: "-1" },
      })),
  ],
  [
    /^running sum KES\/agreement\/urn:a\/: it is missing$/m,
    (store) => store.commit([{ op: "remove", kind: "balance", id: "KES/agreement/urn:a/" }]),
  ],
  [
    /^receipt urn:a\/0000000700: 4900 messages cost 816666666 micro-units, not 7$/m,
    (store) =>
      change(store, "receipt", rowId("urn:a", 700), (doc) => ({
        ...doc,
        body: { ...(doc["body"] as ReceiptBody), amountMicro: "7" },
      })),
  ],
  [
    /^receipt urn:a\/0000000701: receipt 700 comes next, not 701$/m,
    (store) => store.commit([{ op: "remove", kind: "receipt", id: rowId("urn:a", 700) }]),
  ],
  [
    /^the book in KES: it is off balance by 3$/m,
    (store) =>
      change(store, "posting", "/credit/c1", (doc) => ({
        ...doc,
        lines: [...credit.lines, { account: "paid", micro: "3" }],
      })),
  ],
];

async function change(
  store: Store,
  kind: string,
  id: string,
  by: (doc: Record<string, unknown>) => object,
): Promise<void> {
  const doc = await store.get<Record<string, unknown>>(kind, id);
  assert.ok(doc, `${kind} ${id}`);
  await store.commit([{ op: "put", kind, id, doc: by(doc) }]);
}

for (const [words, forge] of forgeries) {
  test(`audit - names what was changed behind its back: ${words.source}`, async (t) => {
    const store = await books(t);
    await forge(store);
    const { findings, problems } = await audit(store, credit);
    assert.ok(problems > 0);
    assert.match(findings.map(({ what, problem }) => `${what}: ${problem}`).join("\n"), words);
  });
}

test("audit - a document that was not posted, and a posting without one, are named", async (t) => {
  const store = await books(t);
  const other: Entry = { ...credit, source: { kind: "credit", id: "c2" } };
  const { findings } = await audit(store, other);
  assert.deepEqual(findings, [
    { what: "posting /credit/c1", problem: "nothing that was signed is under it" },
    { what: "posting /credit/c2", problem: "it is missing" },
  ]);
});

test("audit - business that goes on meanwhile is no fault", async (t) => {
  const store = await books(t);
  const [agreement] = agreements;
  const all = chainOf(agreement!, 2600).slice(-1300 * 3);
  const day = { over: false };
  const trade = (async () => {
    for (let at = 0; at < all.length && !day.over; at += 3) {
      await store.commit(all.slice(at, at + 3));
    }
  })();
  for (let runs = 0; runs < 3; runs++) {
    assert.deepEqual((await audit(store, credit)).findings, []);
  }
  day.over = true;
  await trade;
  assert.deepEqual((await audit(store, credit)).findings, []);
});
