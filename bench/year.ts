/**
 * Claim: a statement of any month of a year of business, under 1,000 agreements, takes less than a
 * second. The store holds what a node's does after that year: receipts with two signatures,
 * postings and running sums, where months begin, usage as it is joined once it is signed for (a row
 * a month), and every receipt in the evidence log. Signatures are as long as real ones and sign
 * nothing: nobody verifies here. It is written an agreement at a time, which is quicker and ends
 * alike. Times are of the whole path out of the store, each month `--rounds` times; the last is of
 * a store whose months were never noted, as older versions left it.
 *
 *   npm run bench -- year [--rounds N] [--scale X]     scale 1: 100 receipts a month and agreement
 */
import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { canonicalHash } from "../src/kernel/canonical.ts";
import type { Agreement } from "../src/market/agreement.ts";
import { rate } from "../src/meter/rated.ts";
import { monthStartWrites, type ReceiptBody, receiptWrite } from "../src/meter/receipt.ts";
import { usageRowWrite } from "../src/meter/usage-rows.ts";
import type { Store, Write } from "../src/ports/store.ts";
import { billOf } from "../src/settle/bill.ts";
import { EvidenceLog } from "../src/settle/evidence-log/evidence-log.ts";
import { receiptLeaf } from "../src/settle/evidence-log/leaf.ts";
import { postingsOf, rowsOf } from "../src/settle/ledger.ts";
import { statementOf } from "../src/settle/statement.ts";
import { median } from "./figures.ts";
import { agreementOf } from "./ledger.ts";
import { withLoggedStore } from "./logged-store.ts";

const agreementsCount = 1000;
const perMonthCount = 100;
const months = Array.from({ length: 12 }, (_, i) => `2026-${String(i + 1).padStart(2, "0")}`);
const billsCount = 200;

export async function yearBench(options: { rounds: number; scale: number }): Promise<void> {
  await withLoggedStore(async (store, log, folder) => {
    const agreements = Array.from({ length: agreementsCount }, (_, i) => signed(agreementOf(i)));
    const perMonth = Math.max(2, Math.round(perMonthCount * options.scale));
    await writeYear(store, log, agreements, perMonth);
    const receipts = agreementsCount * months.length * perMonth;
    const bytes = readdirSync(folder)
      .map((name) => statSync(join(folder, name)).size)
      .reduce((a, b) => a + b);
    const each = Math.round(bytes / receipts);
    console.log(`${shown(receipts)} receipts, ${shown(bytes)} bytes on disk, ${each} for each`);
    await timeStatements("any month", store, agreements, options.rounds);
    await timeBills(store, agreements);
    await forgetMonths(store);
    await timeStatements("any month, not noted", store, agreements, 1);
  });
}

async function timeStatements(
  what: string,
  store: Store,
  agreements: readonly Agreement[],
  rounds: number,
): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const month of months) {
      const began = performance.now();
      const lines = await statementOf(store, agreements, month);
      times.push(performance.now() - began);
      if (lines.length !== agreementsCount) throw new Error(`${month} has ${lines.length} lines`);
    }
  }
  told(`statement of ${shown(agreementsCount)} agreements, ${what}`, times);
}

async function timeBills(store: Store, agreements: readonly Agreement[]): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < billsCount; i++) {
    const agreement = agreements[(i * 7919) % agreementsCount];
    const month = months[i % months.length];
    if (agreement === undefined || month === undefined) throw new Error("it is there");
    const began = performance.now();
    await billOf(store, agreement, month);
    times.push(performance.now() - began);
  }
  told("bill of one agreement, any month", times);
}

async function forgetMonths(store: Store): Promise<void> {
  const ids: string[] = [];
  for await (const { id } of rowsOf(store, "receipt-month")) ids.push(id);
  await store.commit(ids.map((id): Write => ({ op: "remove", kind: "receipt-month", id })));
}

async function writeYear(
  store: Store,
  log: EvidenceLog,
  agreements: readonly Agreement[],
  perMonth: number,
): Promise<void> {
  const began = performance.now();
  for (const agreement of agreements) {
    let before: ReceiptBody | undefined;
    const writes: Write[] = [];
    for (let seq = 0; seq < months.length * perMonth; seq++) {
      const body = nextOf(agreement, before, months[Math.floor(seq / perMonth)] ?? "");
      const { role } = agreement;
      const signatures = agreement.evidence.signatures.map(() => signature());
      writes.push(receiptWrite("add", { role, body, state: "cosigned", signatures }));
      writes.push(...postingsOf(agreement, body, before), ...monthStartWrites(body, before));
      writes.push(receiptLeaf(body));
      if ((seq + 1) % perMonth === 0) writes.push(usageOf(agreement, body));
      before = body;
    }
    await store.commit(writes);
    await log.settle();
  }
  console.log(`written in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

function nextOf(agreement: Agreement, before: ReceiptBody | undefined, month: string): ReceiptBody {
  const seq = (before?.seq ?? 0) + 1;
  const [messages, bytes] = [seq * 60, seq * 60 * 130];
  return {
    v: 1,
    agreement: agreement.id,
    policyHash: agreement.policyHash,
    seq,
    epoch: "01JD8Z0K7Q6Y",
    from: before?.to ?? 0,
    to: messages,
    messages,
    bytes,
    ...rate(agreement, before, { messages, bytes, month, at: Date.parse(`${month}-20`) }),
    currency: agreement.price.currency,
    month,
    at: `${month}-20T12:00:00.000Z`,
    prevHash: before === undefined ? "" : canonicalHash(before),
  };
}

/** All rows of a month that are signed for, joined. */
function usageOf({ id }: Agreement, { seq, messages, bytes, month }: ReceiptBody): Write {
  const row = { seq, epoch: "01JD8Z0K7Q6Y", from: 0, to: messages, messages, bytes, month };
  const sums = { totalMessages: messages, totalBytes: bytes, at: Date.parse(`${month}-20`) };
  return usageRowWrite("put", id, { ...row, ...sums });
}

function signed(agreement: Agreement): Agreement {
  const policyHash = `sha256:${randomBytes(32).toString("base64url")}`;
  const evidence = { payload: "", signatures: [signature(), signature()] };
  return { ...agreement, policyHash, evidence };
}

/** As long as one by a node: a header with its key's id, and 64 bytes. */
function signature() {
  const kid = `did:web:node.example#${"k".repeat(43)}`;
  const head = JSON.stringify({ alg: "EdDSA", kid, typ: "comity-receipt+jws" });
  return {
    protected: Buffer.from(head).toString("base64url"),
    signature: randomBytes(64).toString("base64url"),
  };
}

function told(what: string, times: number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const most = sorted.at(-1) ?? 0;
  console.log(`${what}: ${median(times).toFixed(1)} ms, at most ${most.toFixed(1)} ms`);
}

function shown(count: number): string {
  return count.toLocaleString("en");
}
