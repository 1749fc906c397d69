/** Whose a product's revenue is: to the micro-unit, once, and as it was said before the month. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { canonicalHash } from "../../src/kernel/canonical.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { type ReceiptBody, receiptWrite } from "../../src/meter/receipt.ts";
import type { Store } from "../../src/ports/store.ts";
import { auditLedger } from "../../src/settle/audit.ts";
import { balancesOf, type Entry, Ledger, postingsOf } from "../../src/settle/ledger.ts";
import { type Owner, Parts } from "../../src/settle/owners/parts.ts";
import { ownerEntries, ownerFindings, OwnerShares } from "../../src/settle/owners/shares.ts";
import { bothSigned, twoNodes } from "../two-nodes.ts";
import { MemoryStore, newDisk } from "../sim/memory-store.ts";

const agreement = {
  ...{ id: "urn:1", product: "buses", title: "Buses", role: "provider", policyHash: "sha256:p" },
  ...{ provider: "did:web:a", consumer: "did:web:b", signedAt: "2026-10-01T00:00:00.000Z" },
  price: { amount: "0.000001", currency: "EUR", perMessages: 1 },
} as unknown as Agreement;

class Books {
  at = Date.parse("2026-10-05T00:00:00Z");
  readonly clock = { now: (): number => this.at, monotonic: (): number => 0 };
  readonly store: Store;
  readonly ledger: Ledger;
  readonly parts: Parts;
  readonly shares: OwnerShares;
  #before: ReceiptBody | undefined;

  private constructor(store: Store, ledger: Ledger) {
    const { clock } = this;
    this.store = store;
    this.ledger = ledger;
    this.parts = new Parts({ store, clock, did: "did:web:a" });
    this.shares = new OwnerShares({
      ...{ store, clock, ledger, parts: this.parts },
      agreements: { list: () => [agreement] },
      onFailed: (error) => assert.fail(String(error)),
    });
  }

  static async open(): Promise<Books> {
    const store = new MemoryStore(newDisk());
    return new Books(store, await Ledger.open(store));
  }

  /** So many micro-units more that both signed for. */
  async receipt(month: string, micro: number): Promise<void> {
    const before = this.#before;
    const messages = (before?.messages ?? 0) + micro;
    const body: ReceiptBody = {
      ...{ v: 1, agreement: agreement.id, policyHash: agreement.policyHash },
      ...{ seq: (before?.seq ?? 0) + 1, epoch: "e", from: before?.to ?? 0, to: messages },
      ...{ messages, bytes: messages, amountMicro: String(messages), currency: "EUR", month },
      ...{ at: `${month}-20T12:00:00.000Z` },
      prevHash: before === undefined ? "" : canonicalHash(before),
    };
    await this.store.commit([
      receiptWrite("add", { role: "provider", body, state: "cosigned", signatures: [] }),
      ...postingsOf(agreement, body, before),
    ]);
    this.#before = body;
  }

  async credit(month: string, n: number, micro: number): Promise<void> {
    await this.ledger.post([creditEntry(month, n, micro)]);
  }

  async findings(credits: readonly Entry[] = []): Promise<readonly string[]> {
    const { store } = this;
    const entries = async function* (): AsyncGenerator<Entry> {
      yield* credits;
      yield* ownerEntries(store);
    };
    const agreements = { get: () => agreement };
    const report = await auditLedger({
      ...{ store, agreements, entries },
      findings: () => ownerFindings(store),
    });
    return report.findings.map(({ what, problem }) => `${what}: ${problem}`);
  }
}

function creditEntry(month: string, n: number, micro: number): Entry {
  return {
    ...{ v: 1, at: `${month}-28T00:00:00.000Z`, month, agreement: agreement.id },
    source: { kind: "credit", id: `${month}-${n}-00000000/${agreement.id}` },
    ...{ party: agreement.consumer, currency: "EUR" },
    lines: [
      { account: "revenue", micro: String(micro) },
      { account: "receivable", micro: String(-micro) },
    ],
  };
}

const owners: Owner[] = [
  { id: "did:web:farm.example", partsPerMillion: 333_333 },
  { id: "Ann", partsPerMillion: 105_000 },
];

test("owners - however receipts fall and credits come late, parts are of the month's sum", async () => {
  const amounts = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 6 });
  const credits = fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(amounts, credits, amounts, async (some, back, later) => {
      const books = await Books.open();
      await books.parts.set("buses", { from: "2026-10", owners });
      for (const micro of some) await books.receipt("2026-10", micro);
      books.at = Date.parse("2026-11-01T01:00:00Z");
      await books.shares.book("2026-10");
      const given: Entry[] = [];
      for (const [n, micro] of back.entries()) {
        const all = some.reduce((a, b) => a + b, 0);
        const credit = Math.min(micro, Math.floor(all / 10));
        if (credit === 0) continue;
        await books.credit("2026-10", n + 1, credit);
        given.push(creditEntry("2026-10", n + 1, credit));
        await books.shares.look();
      }
      for (const micro of later) await books.receipt("2026-10", micro);
      await books.shares.look();
      await books.shares.look();
      const credited = given.reduce((sum, one) => sum + BigInt(one.lines[0]!.micro), 0n);
      const earned = [...some, ...later].reduce((a, b) => a + BigInt(b), 0n) - credited;
      for (const { owner, micro } of await books.shares.due()) {
        const { partsPerMillion } = owners.find(({ id }) => id === owner)!;
        assert.equal(micro, (earned * BigInt(partsPerMillion)) / 1_000_000n);
      }
      const [book] = await balancesOf(books.store);
      assert.equal(book!.accounts.shared, -book!.accounts.owners);
      assert.equal(-book!.accounts.revenue, earned);
      assert.deepEqual(await books.findings(given), []);
      await books.shares.close();
    }),
    { numRuns: 40 },
  );
});

test("owners - a change holds from a month to come; what was earned before stays as it was", async () => {
  const books = await Books.open();
  const { parts, shares } = books;
  await parts.set("buses", { from: "2026-10", owners });
  const refused = { code: "OWNERS_INVALID" };
  await assert.rejects(parts.set("buses", { from: "2026-10", owners: [] }), refused);
  await assert.rejects(parts.set("buses", { from: "2026-09", owners }), refused);
  await assert.rejects(
    parts.set("buses", { from: "2026-12", owners: [owners[0]!, owners[0]!] }),
    refused,
  );
  const most = { id: "x", partsPerMillion: 999_999 };
  await assert.rejects(
    parts.set("buses", { from: "2026-12", owners: [most, owners[1]!] }),
    refused,
  );
  const own = { id: "did:web:a", partsPerMillion: 1 };
  await assert.rejects(parts.set("buses", { from: "2026-12", owners: [own] }), refused);
  await parts.set("buses", { from: "2026-11", owners: [owners[1]!] });
  await books.receipt("2026-10", 1_000_000);
  await assert.rejects(shares.book("2026-10"), refused);
  books.at = Date.parse("2026-12-02T00:00:00Z");
  await books.receipt("2026-11", 1_000_000);
  await shares.look();
  const due = await shares.due();
  assert.deepEqual(
    due.map(({ owner, micro }) => [owner, micro]),
    [
      ["Ann", 210_000n],
      ["did:web:farm.example", 333_333n],
    ],
  );
  await assert.rejects(
    shares.pay({ id: "1", owner: "Ann", currency: "EUR", micro: "210001", reference: "" }),
    refused,
  );
  await shares.pay({ id: "1", owner: "Ann", currency: "EUR", micro: "10000", reference: "RF" });
  assert.equal((await shares.due())[0]?.micro, 200_000n);
  assert.deepEqual(await books.findings(), []);
  const [stored] = await books.store.list<{ parts: { micro: string }[] }>("owner-share");
  const parts2 = stored!.doc.parts.map((one) => ({ ...one, partsPerMillion: 5 }));
  await books.store.commit([
    { op: "put", kind: "owner-share", id: stored!.id, doc: { ...stored!.doc, parts: parts2 } },
  ]);
  assert.notDeepEqual(await books.findings(), [], "a share that was changed is found");
  await shares.close();
});

test("owners - over the API: named, seen while the month runs, and nothing shown to the buyer", async (t) => {
  const nodes = await twoNodes();
  t.after(() => nodes.close());
  const { http } = nodes.provider;
  const price = { amount: "0.5", currency: "EUR", perMessages: 1 };
  const { id, product } = await nodes.share({
    ...{ title: "Owned", topics: ["owned/#"], delivery: "logged", terms: { price } },
  });
  const month = new Date().toISOString().slice(0, 7);
  await http.owners.set(product, month, [{ id: "Ann", partsPerMillion: 250_000 }]);
  await assert.rejects(http.owners.set("none", month, []), { code: "NOT_FOUND" });
  const publisher = await nodes.mqtt("provider");
  for (let i = 0; i < 3; i++) await publisher.publish(`owned/${i}`, "x", { qos: 1 });
  await bothSigned(nodes, id, 3);
  const [share] = await http.owners.month(month);
  assert.deepEqual([share?.agreement, share?.revenue], [id, "1.5"]);
  assert.deepEqual(share?.parts, [
    { id: "Ann", partsPerMillion: 250_000, share: "0.375", booked: "0" },
  ]);
  const told = JSON.stringify([
    await nodes.consumer.http.agreements(),
    await nodes.consumer.http.find("Owned"),
  ]);
  assert.ok(!told.includes("Ann"));
  assert.equal((await http.books.audit()).problems, 0);
});
