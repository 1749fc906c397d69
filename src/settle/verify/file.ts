import { isLogProof, type VerifiedProof, verifyProof } from "../evidence-log/verify-proof.ts";
import { invoiceFileType } from "../invoice/file.ts";
import { statementFileType } from "../statements/file.ts";
import { type VerifiedBill, verifyBill } from "./bill.ts";
import { broken } from "./broken.ts";
import { type VerifiedInvoice, verifyInvoiceFile } from "./invoice.ts";
import { type VerifiedStatement, verifyStatementFile } from "./statement.ts";

/** What a file of evidence is, and proves. */
export type VerifiedFile =
  | { readonly kind: "proof"; readonly proof: VerifiedProof }
  | { readonly kind: "bill"; readonly bill: VerifiedBill }
  | { readonly kind: "statement"; readonly statement: VerifiedStatement }
  | { readonly kind: "invoice"; readonly invoice: VerifiedInvoice };

/** Any file that a node writes as evidence. Throws EVIDENCE_BROKEN. */
export async function verifyFile(text: string): Promise<VerifiedFile> {
  if (isLogProof(text)) return { kind: "proof", proof: verifyProof(text) };
  const value = valueIn(text);
  switch ((value as { type?: unknown } | null)?.type) {
    case statementFileType:
      return { kind: "statement", statement: await verifyStatementFile(value) };
    case invoiceFileType:
      return { kind: "invoice", invoice: await verifyInvoiceFile(value) };
    default:
      return { kind: "bill", bill: await verifyBill(value) };
  }
}

function valueIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw broken("it is no JSON, and no proof out of a log", thrown);
  }
}
