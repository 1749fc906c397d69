import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { monthPattern } from "../kernel/clock.ts";
import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import type { Agreement } from "../market/agreement.ts";
import type { JwsSignature, PublicJwk } from "../ports/signer.ts";
import type { Store, Write } from "../ports/store.ts";
import { didOfKeyId, mergeSignatures, unsignedJws, verifySignature } from "../wire/jws.ts";
import type { PricedTerms } from "./prices-in-force.ts";
import { rateProblem } from "./rated.ts";
import { rowId, rowPrefix } from "./row-id.ts";

/** The `typ` of a receipt's signatures: a signature on anything else never passes for one. */
export const receiptType = "comity-receipt+jws";

const closed = { additionalProperties: false } as const;
const Micro = Type.String({ pattern: "^(0|[1-9][0-9]{0,29})$" });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Everything is cumulative over the agreement's life; closed, so that every byte is evidence. */
export const ReceiptBody = Type.Object(
  {
    v: Type.Literal(1),
    agreement: Type.String({ minLength: 1, maxLength: 512 }),
    policyHash: Type.String({ maxLength: 128 }),
    /** From 1, without gaps. */
    seq: Type.Integer({ minimum: 1, maximum: 9_999_999_999 }),
    epoch: Type.String({ maxLength: 256 }),
    /** Where the receipt before ended, 0 in another epoch; and where this one ends. */
    from: Count,
    to: Count,
    messages: Count,
    bytes: Count,
    /** Integer micro-units. */
    amountMicro: Micro,
    currency: Type.String({ pattern: "^[A-Z]{3}$" }),
    /** UTC, of delivery. A receipt never straddles two. */
    month: Type.String({ pattern: monthPattern }),
    /** What stood when its billing period began; absent where that was with the agreement. */
    base: Type.Optional(Type.Object({ messages: Count, bytes: Count, amountMicro: Micro }, closed)),
    /** The number of the price it is rated by; absent: 1, the agreement's own. */
    price: Type.Optional(Type.Integer({ minimum: 2, maximum: 1000 })),
    /** Delivered while nothing is owed for it. */
    trial: Type.Optional(Type.Literal(true)),
    /** ISO 8601, UTC: when the window was closed. */
    at: Type.String({ maxLength: 32 }),
    /** canonicalHash of the body before; empty in the first. */
    prevHash: Type.String({ maxLength: 128 }),
  },
  closed,
);
export type ReceiptBody = Static<typeof ReceiptBody>;

export const Signature = Type.Object(
  {
    protected: Type.String({ minLength: 1, maxLength: 4096 }),
    signature: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  { additionalProperties: false },
);

/** How a receipt travels from provider to consumer. */
const OfferedReceipt = Type.Object({
  body: ReceiptBody,
  signature: Signature,
  /** The consumer's own, to one that it lost since, for instance with a disk. */
  cosignature: Type.Optional(Signature),
});
export type OfferedReceipt = Static<typeof OfferedReceipt>;
export const offeredReceipt = Compile(OfferedReceipt);

const CosignedReceipt = Type.Object({
  body: ReceiptBody,
  /** The provider's, then the consumer's. */
  signatures: Type.Tuple([Signature, Signature]),
});
export type CosignedReceipt = Static<typeof CosignedReceipt>;

/** Given back at once to a provider that lost them. */
export const receiptsPageMax = 100;
const CosignedPage = Type.Object({
  receipts: Type.Array(CosignedReceipt, { maxItems: receiptsPageMax }),
});
export type CosignedPage = Static<typeof CosignedPage>;
export const cosignedPage = Compile(CosignedPage);

const CosignedAnswer = Type.Object({ signature: Signature });
export const cosignedAnswer = Compile(CosignedAnswer);

/** A receipt as either side keeps it; kind `receipt`. */
export interface ReceiptRecord {
  readonly role: "provider" | "consumer";
  readonly body: ReceiptBody;
  /** open → signed → cosigned; disputed: the other side refused it, and is asked again. */
  readonly state: "open" | "signed" | "disputed" | "cosigned";
  /** The provider's, then the consumer's. */
  readonly signatures: readonly JwsSignature[];
  /** On the provider: the last usage row it covers. */
  readonly usageTo?: number;
  /** Why it is disputed. */
  readonly reason?: string;
}

/** Where agreements are looked up. */
export interface AgreementBook {
  get(id: string): Agreement | undefined | Promise<Agreement | undefined>;
}

/** What the receipts tell the rooms above in the very commit that stores a co-signature. */
export type Postings = (agreement: Agreement, body: ReceiptBody, before?: ReceiptBody) => Write[];

export function receiptWrite(op: "add" | "put", record: ReceiptRecord): Write {
  return { op, kind: "receipt", id: rowId(record.body.agreement, record.body.seq), doc: record };
}

/** The month's first receipt that both signed; kind `receipt-month`, id `<agreement>/2026-11`. */
interface MonthStart {
  readonly first: number;
}

/** For the commit that stores a co-signature: a month is then found without a search. */
export function monthStartWrites(body: ReceiptBody, before: ReceiptBody | undefined): Write[] {
  if (before?.month === body.month) return [];
  const doc: MonthStart = { first: body.seq };
  return [{ op: "put", kind: "receipt-month", id: monthId(body.agreement, body.month), doc }];
}

/**
 * Numbers of the first receipt of the month and of the next month that has one. Undefined: the
 * month has none, or was begun by a version that noted no months.
 */
export async function monthStart(
  store: Store,
  agreement: string,
  month: string,
): Promise<{ readonly first: number; readonly next?: number } | undefined> {
  const id = monthId(agreement, month);
  const start = await store.get<MonthStart>("receipt-month", id);
  if (start === undefined) return undefined;
  const range = { prefix: rowPrefix(agreement), after: id, limit: 1 };
  const [later] = await store.list<MonthStart>("receipt-month", range);
  return { first: start.first, ...(later && { next: later.doc.first }) };
}

function monthId(agreement: string, month: string): string {
  return `${rowPrefix(agreement)}${month}`;
}

export function receiptAt(
  store: Store,
  agreement: string,
  seq: number,
): Promise<ReceiptRecord | undefined> {
  return store.get<ReceiptRecord>("receipt", rowId(agreement, seq));
}

export async function lastReceipt(
  store: Store,
  agreement: string,
): Promise<ReceiptRecord | undefined> {
  const range = { prefix: rowPrefix(agreement), reverse: true, limit: 1 };
  const [last] = await store.list<ReceiptRecord>("receipt", range);
  return last?.doc;
}

/** The last one that both signed: the last of all, or the one before it. */
export async function lastCosigned(
  store: Store,
  agreement: string,
): Promise<ReceiptRecord | undefined> {
  const last = await lastReceipt(store, agreement);
  if (last === undefined || last.state === "cosigned") return last;
  return receiptAt(store, agreement, last.body.seq - 1);
}

/** In order of their number. */
export async function receiptsAfter(
  store: Store,
  agreement: string,
  seq: number,
  limit: number,
): Promise<ReceiptRecord[]> {
  const range = { prefix: rowPrefix(agreement), after: rowId(agreement, seq), limit };
  const found = await store.list<ReceiptRecord>("receipt", range);
  return found.map(({ doc }) => doc);
}

/** What both sides agreed and a receipt must follow. */
export type ReceiptTerms = Pick<Agreement, "id" | "policyHash"> & PricedTerms;

/** What is wrong with a receipt by itself and against the one before, or undefined. */
export function receiptProblem(
  body: ReceiptBody,
  before: ReceiptBody | undefined,
  terms: ReceiptTerms,
): string | undefined {
  return (
    termsProblem(body, terms) ??
    chainProblem(body, before) ??
    countsProblem(body, before) ??
    rateProblem(body, terms, { before })
  );
}

/** What is wrong with a receipt that stands alone. */
export function termsProblem(body: ReceiptBody, terms: ReceiptTerms): string | undefined {
  if (body.agreement !== terms.id) return `it is of agreement ${body.agreement}`;
  if (body.policyHash !== terms.policyHash) return "policyHash is not the agreement's";
  if (body.currency !== terms.price.currency) return `the currency is ${terms.price.currency}`;
  const problem = rateProblem(body, terms);
  if (problem !== undefined) return problem;
  return isInstant(body.at) ? undefined : `at "${body.at}" is no time`;
}

function chainProblem(body: ReceiptBody, before: ReceiptBody | undefined): string | undefined {
  const seq = (before?.seq ?? 0) + 1;
  if (body.seq !== seq) return `receipt ${seq} comes next, not ${body.seq}`;
  if (body.prevHash === (before === undefined ? "" : canonicalHash(before))) return undefined;
  return before === undefined
    ? "the first receipt has no prevHash"
    : `prevHash does not match receipt ${before.seq}`;
}

/** The number that a consumer, in the words above, says it lacks. */
export function lackedReceipt(refusal: string): number | undefined {
  const [, seq] = /\breceipt (\d{1,10}) comes next, not \d/.exec(refusal) ?? [];
  return seq === undefined ? undefined : Number(seq);
}

export function signedAlready(seq: number): string {
  return `another receipt ${seq} is signed already`;
}

function countsProblem(body: ReceiptBody, before: ReceiptBody | undefined): string | undefined {
  const messages = body.messages - (before?.messages ?? 0);
  if (messages <= 0) return `messages went from ${before?.messages ?? 0} to ${body.messages}`;
  if (body.bytes < (before?.bytes ?? 0)) return `bytes went back to ${body.bytes}`;
  if (before !== undefined && body.month < before.month) return `month ${body.month} is over`;
  const goesOn = before?.epoch === body.epoch;
  const from = goesOn ? before.to : 0;
  if (body.from !== from) return `it starts at position ${body.from}, not ${from}`;
  if (body.to <= body.from) return `it ends at position ${body.to}, before it starts`;
  // Every message has a position of its own; withheld ones have theirs as well.
  if (goesOn && messages > body.to - body.from) {
    return `${messages} messages do not fit in ${body.to - body.from} positions`;
  }
  return undefined;
}

function isInstant(text: string): boolean {
  const at = new Date(text);
  return !Number.isNaN(at.getTime()) && at.toISOString() === text;
}

/** Throws SIGNATURE_INVALID unless the participant signed the body with the pinned key. */
export async function requireSignature(
  body: ReceiptBody,
  signature: JwsSignature,
  did: string,
  key: PublicJwk,
): Promise<void> {
  const jws = mergeSignatures(unsignedJws(canonicalBytes(body)), signature);
  const pinned = (kid: string) => (didOfKeyId(kid) === did ? key : undefined);
  const what = `receipt ${body.seq} of ${body.agreement}`;
  await verifySignature(jws, pinned, { what, type: receiptType });
}
