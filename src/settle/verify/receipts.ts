import { Compile } from "typebox/compile";
import { rateProblem } from "../../meter/rated.ts";
import { receiptProblem, requireSignature, termsProblem } from "../../meter/receipt.ts";
import type { ReceiptBody } from "../../meter/receipt.ts";
import { SignedReceipt } from "../bill.ts";
import { type Agreed, sidesOf } from "./agreed.ts";
import { broken } from "./broken.ts";

const receiptShape = Compile(SignedReceipt);

/** Numbers of the month's receipts that the bill holds: the first, then `from` to `to`. */
export interface ProvedChain {
  readonly first: number;
  /** `first` too, unless the bill leaves out what lies between. */
  readonly from: number;
  readonly to: number;
}

/** `receipts 1 to 1004`; `receipts 1 and 6 to 1004` where a bill holds no more. */
export function chainText(chain: ProvedChain | undefined): string {
  if (chain === undefined) return "no receipts";
  const { first, from, to } = chain;
  if (first === to) return `receipt ${to}`;
  const latest = from === to ? `${to}` : `${from} to ${to}`;
  return first === from ? `receipts ${latest}` : `receipts ${first} and ${latest}`;
}

/** Both signatures, and its place after the earlier ones. */
export async function verifyReceipt(
  receipt: unknown,
  earlier: readonly ReceiptBody[],
  agreed: Agreed,
): Promise<ReceiptBody> {
  const body = await signedIn(receipt, `entry ${earlier.length + 1} of the receipts`, agreed);
  const problem = placeProblem(body, earlier, agreed);
  if (problem !== undefined) throw broken(`receipt ${body.seq}: ${problem}`);
  return body;
}

/** Both signatures; what was signed under its number is this one and no other. */
export async function verifyAlone(receipt: unknown, agreed: Agreed): Promise<ReceiptBody> {
  const body = await signedIn(receipt, "a receipt", agreed);
  const problem = termsProblem(body, agreed);
  if (problem !== undefined) throw broken(`receipt ${body.seq}: ${problem}`);
  return body;
}

async function signedIn(receipt: unknown, where: string, agreed: Agreed): Promise<ReceiptBody> {
  if (!receiptShape.Check(receipt)) throw broken(`${where}: it is no receipt of version 1`);
  const { body, signatures } = receipt;
  const [first, second] = sidesOf(agreed);
  for (const [{ did, key, side }, signature] of [
    [first, signatures[0]],
    [second, signatures[1]],
  ] as const) {
    try {
      await requireSignature(body, signature, did, key);
    } catch (thrown) {
      throw broken(`receipt ${body.seq}: the ${side}'s signature does not verify`, thrown);
    }
  }
  return body;
}

/** Receipts are missing at two places only: before the bill's first, and after the month's. */
function placeProblem(
  body: ReceiptBody,
  earlier: readonly ReceiptBody[],
  agreed: Agreed,
): string | undefined {
  const before = earlier.at(-1);
  if (before === undefined && body.seq > 1) return termsProblem(body, agreed);
  const opens = earlier.length === (earlier[0]?.month === body.month ? 1 : 2);
  const between = body.seq - (before?.seq ?? 0) - 1;
  if (before === undefined || !opens || between <= 0 || before.month !== body.month) {
    return receiptProblem(body, before, agreed);
  }
  // Each of those left out was for one message at least.
  const messages = body.messages - before.messages;
  if (messages <= between) return `messages went from ${before.messages} to ${body.messages}`;
  if (body.bytes < before.bytes) return `bytes went back to ${body.bytes}`;
  // where a period ended among those left out, nobody else can say what it came to
  const isOnePeriod = body.trial === before.trial && body.price === before.price;
  return (
    termsProblem(body, agreed) ?? rateProblem(body, agreed, isOnePeriod ? { before } : undefined)
  );
}

/** All are of one month but the one before it, which must be there unless the month begins it. */
export function provedChain(bodies: readonly ReceiptBody[], of: string): ProvedChain | undefined {
  const [opening, ...later] = bodies;
  const last = bodies.at(-1);
  // nothing was delivered in the month; the agreement alone says what is owed for it
  if (last === undefined || (later.length === 0 && last.month < of)) return undefined;
  if (opening === undefined || last.month !== of) throw broken(`it has no receipt of ${of}`);
  const stray = later.find(({ month }) => month !== last.month);
  if (stray !== undefined) {
    throw broken(`receipt ${stray.seq}: it is for ${stray.month}, and the bill for ${last.month}`);
  }
  const begins = opening.month === last.month;
  if (begins && opening.seq > 1) {
    throw broken(
      `receipt ${opening.seq}: the one before it, which its month starts from, is missing`,
    );
  }
  const month = begins ? bodies : later;
  const first = month[0]?.seq ?? last.seq;
  const second = month[1]?.seq ?? first + 1;
  return { first, from: second === first + 1 ? first : second, to: last.seq };
}
