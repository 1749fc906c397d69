import { canonicalBytes, canonicalHash } from "../../kernel/canonical.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { PriceChangeBody } from "../../market/price-change.ts";
import type { ReceiptBody } from "../../meter/receipt.ts";
import { rowId } from "../../meter/row-id.ts";
import type { Write } from "../../ports/store.ts";
import type { Refusal } from "../../ports/usage.ts";

/**
 * An entry of the log: what happened, and the hash of the document that proves it. It names no
 * topic, no payload and no person; only parties to the agreement know which one its id is.
 */
export interface Leaf {
  readonly v: 1;
  readonly kind: "agreement" | "price" | "receipt" | "ending" | "refusal" | "withheld";
  /** ISO 8601, UTC: as the document says. */
  readonly at: string;
  /** The agreement's id, or the negotiation's that came to nothing. */
  readonly of: string;
  /** Of a price, a receipt, or what was withheld until it: its number. */
  readonly seq?: number;
  /** canonicalHash of the document. */
  readonly hash: string;
}

/** Written in the commit of what it tells of, and given its place afterwards. */
export const pendingKind = "evidence-pending";

/** What names a leaf in its log: `receipt/<agreement>/0000000007`, in the order of their numbers. */
export function nameOfLeaf({ kind, of, seq }: Pick<Leaf, "kind" | "of" | "seq">): string {
  return seq === undefined ? `${kind}/${of}` : `${kind}/${rowId(of, seq)}`;
}

/** RFC 8785, so that whoever holds the document can make the entry again. */
export function entryOf(leaf: Leaf): Buffer {
  return Buffer.from(canonicalBytes(leaf));
}

function leafWrite(leaf: Leaf): Write {
  return { op: "put", kind: pendingKind, id: nameOfLeaf(leaf), doc: leaf };
}

export function agreementLeaf({ id, signedAt, policyHash }: Agreement): Write {
  return leafWrite({ v: 1, kind: "agreement", at: signedAt, of: id, hash: policyHash });
}

export function receiptLeaf(body: ReceiptBody): Write {
  const { agreement: of, seq, at } = body;
  return leafWrite({ v: 1, kind: "receipt", at, of, seq, hash: canonicalHash(body) });
}

/** Another price that both have signed; `at`: from when it holds. */
export function priceLeaf(body: PriceChangeBody): Write {
  const { agreement: of, number: seq, from: at } = body;
  return leafWrite({ v: 1, kind: "price", at, of, seq, hash: canonicalHash(body) });
}

/** Revoked, expired or used up. */
export function endingLeaf({ id, ended }: Agreement): Write[] {
  if (ended === undefined) return [];
  const { reason, by, at } = ended;
  const told = { v: 1, agreement: id, reason, by, at };
  return [leafWrite({ v: 1, kind: "ending", at, of: id, hash: canonicalHash(told) })];
}

/** What the provider withheld until its receipt, by reason, over the agreement's life. */
export function withheldLeaf(
  { agreement: of, seq, at }: ReceiptBody,
  refused: Readonly<Partial<Record<Refusal, number>>>,
): Write[] {
  if (Object.keys(refused).length === 0) return [];
  const told = { v: 1, agreement: of, seq, refused };
  return [leafWrite({ v: 1, kind: "withheld", at, of, seq, hash: canonicalHash(told) })];
}

/** A negotiation that came to nothing, and what was said of it. */
export function refusalLeaf(negotiation: string, problem: string, at: string): Write {
  const told = { v: 1, negotiation, problem };
  return leafWrite({ v: 1, kind: "refusal", at, of: negotiation, hash: canonicalHash(told) });
}
