import type { AgreementBook } from "../meter/receipt.ts";
import type { Store } from "../ports/store.ts";
import { type AuditFinding, auditLedger, type AuditReport } from "./audit.ts";
import type { Entry } from "./ledger.ts";
import { ownerEntries, ownerFindings } from "./owners/shares.ts";
import { clearedFindings, setoffEntries } from "./setoff/record.ts";
import { statementEntries } from "./statements/record.ts";

/** The whole of a node's ledger, by receipts and by every kind of document that makes entries. */
export function auditBooks(store: Store, agreements: AgreementBook): Promise<AuditReport> {
  return auditLedger({
    ...{ store, agreements },
    entries: () => documentEntries(store),
    findings: () => documentFindings(store),
  });
}

async function* documentEntries(store: Store): AsyncGenerator<Entry> {
  yield* statementEntries(store);
  yield* setoffEntries(store);
  yield* ownerEntries(store);
}

async function* documentFindings(store: Store): AsyncGenerator<AuditFinding> {
  yield* clearedFindings(store);
  yield* ownerFindings(store);
}
