/**
 * Verifying: what two organisations signed, held against itself with nothing but a file.
 *
 * In comes a file that a node wrote, on either side: a bill (here), a statement with both sides'
 * words (`statement.ts`), an invoice (`invoice.ts`), a proof out of an evidence log
 * (`../evidence-log/verify-proof.ts`); `file.ts` tells which. Out goes what it proves, or
 * EVIDENCE_BROKEN with the first thing that is wrong, by name: signatures (`agreed.ts`,
 * `receipts.ts`), chains, and every amount, computed again from receipts and prices.
 *
 * It never asks a node, a network or a store. That a key belongs to an organisation no file can
 * prove: the keys are told, to be compared once.
 */
import { Compile } from "typebox/compile";
import { canonicalHash } from "../../kernel/canonical.ts";
import type { Price } from "../../kernel/price.ts";
import { priceOfMonth } from "../../meter/prices-in-force.ts";
import type { ReceiptBody } from "../../meter/receipt.ts";
import type { PublicJwk } from "../../ports/signer.ts";
import { keyIdOf } from "../../wire/jws.ts";
import { noteKeyOf, signatureType } from "../../wire/tlog/note.ts";
import { Bill } from "../bill.ts";
import { provedIn, type VerifiedProof } from "../evidence-log/verify-proof.ts";
import { statementLine } from "../statement.ts";
import type { LineTerms, Statement } from "../statement.ts";
import { type Agreed, agreedIn, endOf, pinnedKey, sidesOf } from "./agreed.ts";
import { broken } from "./broken.ts";
import { type ProvedChain, provedChain, verifyReceipt } from "./receipts.ts";

/** What a bill proves. */
export interface VerifiedBill extends Statement {
  readonly price: Price;
  /** Absent where the month has no receipt. */
  readonly chain?: ProvedChain;
  /** Where the month's last receipt stands in the evidence log of one side. */
  readonly proof?: VerifiedProof;
  /** `<did>#<thumbprint>` of both keys; compare them with the DID documents, once. */
  readonly keys: readonly string[];
}

/** A bill with what was read in it, for files that rest on bills. */
export interface ProvedBill {
  readonly bill: VerifiedBill;
  readonly agreed: Agreed;
  /** With the ending, where it is signed. */
  readonly terms: LineTerms;
  readonly receipts: readonly ReceiptBody[];
  /** The last receipt of the months before, and of the month. */
  readonly before: ReceiptBody | undefined;
  readonly last: ReceiptBody | undefined;
}

const billShape = Compile(Bill);

/**
 * Checks a bill with nothing but the bill: both signatures under the agreement and under every
 * receipt in it, the chain where it is there, the arithmetic, the totals: the month's last
 * receipt minus the one that the month's first names; and, where it is there, that the last
 * receipt stands in the log. Throws EVIDENCE_BROKEN and names the first receipt that is wrong.
 */
export async function verifyBill(bill: unknown): Promise<VerifiedBill> {
  return (await proveBill(bill)).bill;
}

export async function proveBill(bill: unknown): Promise<ProvedBill> {
  if ((bill as { evidence?: unknown } | null)?.evidence === "one-sided") {
    throw broken("it is one-sided: the provider alone counted, and nobody else signed");
  }
  if (!billShape.Check(bill)) throw broken("it is no bill of version 1");
  const agreed = await agreedIn(bill);
  const receipts: ReceiptBody[] = [];
  for (const receipt of bill.receipts) {
    receipts.push(await verifyReceipt(receipt, receipts, agreed));
  }
  const { month } = bill.statement;
  const chain = provedChain(receipts, month);
  const terms = { ...agreed, ...(await endOf(bill, agreed)) };
  const last = receipts.findLast((body) => body.month === month);
  const before = receipts.findLast((body) => body.month < month);
  const statement = verifyLine(bill, statementLine(terms, month, before, last));
  const proof = bill.proof === undefined ? undefined : placeOf(last, bill.proof, agreed);
  const keys = await Promise.all(sidesOf(agreed).map(({ did, key }) => keyIdOf(did, key)));
  const verified: VerifiedBill = {
    ...statement,
    price: priceOfMonth(agreed, statement.month),
    ...(chain && { chain }),
    ...(proof && { proof }),
    keys,
  };
  return { bill: verified, agreed, terms, receipts, before, last };
}

function verifyLine({ statement }: Bill, summed: Statement): Statement {
  for (const [member, value] of Object.entries(summed)) {
    const claimed = statement[member as keyof Statement];
    if (canonicalHash(claimed ?? null) === canonicalHash(value)) continue;
    const [says, proves] = [claimed, value].map((one) => shown(one));
    throw broken(`the statement says ${member} ${says}, its receipts say ${proves}`);
  }
  return summed;
}

/** The log is one of the two sides', signed with the key that the agreement pins for it. */
function placeOf(last: ReceiptBody | undefined, text: string, agreed: Agreed): VerifiedProof {
  const proof = provedIn(text);
  if (typeof proof === "string") throw broken(`the proof: ${proof}`);
  const { leaf, checkpoint, keys } = proof;
  const pinned = pinnedKey(agreed, checkpoint.origin);
  if (pinned === undefined) throw broken(`the proof: ${checkpoint.origin} is no side of it`);
  if (!keys.some((key) => isKeyOf(key, checkpoint.origin, pinned))) {
    throw broken("the proof: the agreement pins another key of the log's owner");
  }
  const isOfLast =
    last !== undefined &&
    leaf.kind === "receipt" &&
    leaf.of === last.agreement &&
    leaf.seq === last.seq &&
    leaf.hash === canonicalHash(last);
  if (!isOfLast) throw broken("the proof: it is not of the month's last receipt");
  return proof;
}

function isKeyOf(text: string, name: string, { x }: PublicJwk): boolean {
  const key = noteKeyOf(text);
  if (key?.name !== name || key.type !== signatureType.ed25519) return false;
  return Buffer.compare(key.publicKey, Buffer.from(x, "base64url")) === 0;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}
