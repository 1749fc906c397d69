import { Type } from "typebox";
import type { Static } from "typebox";
import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import { receiptAt, ReceiptBody, receiptsAfter, Signature } from "../meter/receipt.ts";
import type { ReceiptRecord } from "../meter/receipt.ts";
import type { GeneralJws } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import { lineTerms, oneSidedLine, receiptsUntil, statementLine } from "./statement.ts";
import type { MonthOfReceipts, Statement } from "./statement.ts";

/** A month's receipts in one bill: its first and its latest; windows of 10 s make 260,000. */
export const monthReceiptsMax = 1000;

/** A member nobody signed has no place in evidence. */
const closed = { additionalProperties: false } as const;

const SignedByBoth = Type.Object(
  { payload: Type.String(), signatures: Type.Tuple([Signature, Signature]) },
  closed,
);

/** A receipt with both signatures: the provider's, then the consumer's. */
export const SignedReceipt = Type.Object(
  { body: ReceiptBody, signatures: Type.Tuple([Signature, Signature]) },
  closed,
);
export type SignedReceipt = Static<typeof SignedReceipt>;

export const Bill = Type.Object(
  {
    v: Type.Literal(1),
    /** RFC 7515 general JSON: the agreement as both sides signed it. */
    evidence: SignedByBoth,
    /** The same agreement to read: parties, product, price and the pinned keys. */
    policy: Type.Object({}, { additionalProperties: true }),
    /**
     * The last receipt of the months before, if any; the month's first, which names it; and the
     * month's latest without gaps. Counts are cumulative: the ends prove what lies between.
     */
    receipts: Type.Array(Type.Unknown(), { maxItems: monthReceiptsMax + 1 }),
    /** RFC 7515 general JSON: the prices it was changed to, as both sides signed them, in order. */
    prices: Type.Optional(Type.Array(SignedByBoth, { maxItems: 999 })),
    /** RFC 7515 general JSON: that the agreement ended, as one side signed it. */
    ending: Type.Optional(
      Type.Object({ payload: Type.String(), signatures: Type.Tuple([Signature]) }, closed),
    ),
    /** c2sp.org/tlog-proof: that the month's last receipt stands in one side's evidence log. */
    proof: Type.Optional(Type.String({ maxLength: 200_000 })),
    statement: Type.Object(
      {
        agreement: Type.String(),
        provider: Type.String(),
        consumer: Type.String(),
        product: Type.String(),
        title: Type.String(),
        month: Type.String(),
        messages: Type.Number(),
        bytes: Type.Number(),
        amount: Type.String(),
        currency: Type.String(),
        receipts: Type.Number(),
        parts: Type.Optional(
          Type.Array(Type.Object({ charge: Type.String(), amount: Type.String() }, closed)),
        ),
      },
      closed,
    ),
  },
  closed,
);
/** A month of one agreement with all that proves it; `verifyBill` needs nothing else. */
export type Bill = Static<typeof Bill>;

/** A month that one side alone counted: the provider's signatures, and a sum nobody else signed. */
export interface OneSidedBill {
  readonly v: 1;
  readonly evidence: "one-sided";
  /** RFC 7515 general JSON, with the provider's signature alone. */
  readonly agreement: GeneralJws;
  readonly policy: Agreement["policy"];
  readonly statement: Statement;
}

/** A receipt's place in this side's evidence log, as a file; undefined where it has none. */
export type ProveReceipt = (agreement: string, seq: number) => Promise<string | undefined>;

export interface BillOptions {
  /** The number of the receipt at which the month is looked at; absent: its last. */
  readonly upTo?: number;
  /** Of the month's latest; two are enough to prove its sum. */
  readonly receiptsMax?: number;
  readonly prove?: ProveReceipt;
}

const page = 500;

/** Throws BILL_ABSENT where the month has no receipt that both signed. */
export async function billOf(
  store: Store,
  agreement: Agreement,
  month: string,
  { upTo, receiptsMax = monthReceiptsMax, prove }: BillOptions = {},
): Promise<Bill> {
  const window = await windowOf(store, agreement.id, month, upTo);
  const { ended, ...standing } = agreement;
  // an end that nobody signed yet proves nothing
  const terms = lineTerms(ended?.record === undefined ? standing : agreement);
  const statement = statementLine(terms, month, window.before, window.last);
  if (window.last === undefined && statement.amount === "0") {
    throw new ComityError("BILL_ABSENT", { month, id: agreement.id });
  }
  const { payload, signatures } = agreement.evidence;
  const proof = window.last && (await prove?.(agreement.id, window.last.seq));
  return {
    v: 1,
    evidence: { payload, signatures: both(signatures, agreement.id) },
    policy: agreement.policy as Bill["policy"],
    ...(agreement.changes && { prices: agreement.changes.map((one) => priceIn(one.evidence)) }),
    ...(agreement.ended?.record && { ending: endingIn(agreement.ended.record) }),
    receipts: await signedReceipts(store, agreement.id, window, receiptsMax),
    ...(proof !== undefined && { proof }),
    statement: statement as Bill["statement"],
  };
}

/** Undefined where the agreement is none of those, or nothing was acknowledged in the month. */
export async function oneSidedBillOf(
  store: Store,
  agreement: Agreement,
  month: string,
): Promise<OneSidedBill | undefined> {
  const line = await oneSidedLine(store, agreement, month);
  if (line === undefined) return undefined;
  const { evidence: _evidence, role: _role, ...statement } = line;
  return {
    v: 1,
    evidence: "one-sided",
    agreement: agreement.evidence,
    policy: agreement.policy,
    statement,
  };
}

async function windowOf(
  store: Store,
  agreement: string,
  month: string,
  upTo: number | undefined,
): Promise<MonthOfReceipts> {
  const { before, last } = await receiptsUntil(store, agreement, month);
  if (upTo === undefined || last === undefined || upTo >= last.seq) return { before, last };
  if (upTo <= (before?.seq ?? 0)) return { before, last: undefined };
  const record = await receiptAt(store, agreement, upTo);
  if (record === undefined) throw new Error(`receipt ${upTo} of ${agreement} is missing`);
  return { before, last: record.body };
}

async function signedReceipts(
  store: Store,
  agreement: string,
  { before, last }: MonthOfReceipts,
  receiptsMax: number,
): Promise<SignedReceipt[]> {
  if (last === undefined) {
    const ended = before && (await receiptAt(store, agreement, before.seq));
    return ended === undefined ? [] : [signedBy(agreement, ended)];
  }
  const first = (before?.seq ?? 0) + 1;
  const opening = before === undefined ? [first] : [before.seq, first];
  const records = await Promise.all(opening.map((seq) => receiptAt(store, agreement, seq)));
  let at = Math.max(first, last.seq - receiptsMax + 1);
  while (at < last.seq) {
    const found = await receiptsAfter(store, agreement, at, Math.min(page, last.seq - at));
    if (found.length === 0) break;
    records.push(...found);
    at += found.length;
  }
  const cosigned = records.filter((record) => record !== undefined);
  if (at < last.seq || cosigned.length < records.length) {
    throw new Error(`receipts of ${agreement} are missing`);
  }
  return cosigned.map((record) => signedBy(agreement, record));
}

export function signedBy(agreement: string, { body, signatures }: ReceiptRecord): SignedReceipt {
  return { body, signatures: both(signatures, agreement) };
}

function priceIn({ payload, signatures }: GeneralJws): Bill["evidence"] {
  return { payload, signatures: both(signatures, "a price") };
}

function endingIn({ payload, signatures: [signature] }: GeneralJws): NonNullable<Bill["ending"]> {
  if (signature === undefined) throw new Error("an ending has no signature");
  return { payload, signatures: [signature] };
}

function both<T>(signatures: readonly T[], agreement: string): [T, T] {
  const [first, second, ...more] = signatures;
  if (first !== undefined && second !== undefined && more.length === 0) return [first, second];
  throw new Error(`evidence of ${agreement} has ${signatures.length} signatures, not two`);
}
