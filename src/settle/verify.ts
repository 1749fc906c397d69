import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { jsonIn } from "../kernel/json-object.ts";
import type { Price } from "../kernel/price.ts";
import { priceProblem } from "../kernel/price-problem.ts";
import type { PriceChange } from "../market/agreement.ts";
import { PriceChangeBody, priceChangeProblem, priceChangeType } from "../market/price-change.ts";
import { EndingRecord, endingType } from "../market/ending.ts";
import { assertSignedBy } from "../market/evidence.ts";
import { priceOfMonth } from "../meter/prices-in-force.ts";
import { rateProblem } from "../meter/rated.ts";
import { receiptProblem, requireSignature, termsProblem } from "../meter/receipt.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import type { PublicJwk } from "../ports/signer.ts";
import { didOfKeyId, keyIdOf, signaturePayload, verifySignature } from "../wire/jws.ts";
import { Price as PriceShape } from "../wire/price.ts";
import { Bill, SignedReceipt } from "./bill.ts";
import { statementLine } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** What a bill proves. */
export interface VerifiedBill extends Statement {
  readonly price: Price;
  /** Absent where the month has no receipt. */
  readonly chain?: ProvedChain;
  /** `<did>#<thumbprint>` of both keys; compare them with the DID documents, once. */
  readonly keys: readonly string[];
}

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
  return first === from ? `receipts ${first} to ${to}` : `receipts ${first} and ${from} to ${to}`;
}

/** The members of the signed agreement that a bill rests on; others are signed along. */
const SignedPolicy = Type.Object({
  "@id": Type.String({ minLength: 1 }),
  target: Type.String(),
  assigner: Type.String(),
  assignee: Type.String(),
  timestamp: Type.String(),
  comity: Type.Object({
    title: Type.String(),
    price: PriceShape,
    keys: Type.Record(
      Type.String(),
      Type.Object({ kty: Type.String(), crv: Type.String(), x: Type.String() }),
    ),
  }),
});

interface Agreed {
  readonly id: string;
  readonly policyHash: string;
  readonly price: Price;
  readonly signedAt: string;
  readonly changes?: readonly PriceChange[];
  readonly provider: string;
  readonly consumer: string;
  readonly product: string;
  readonly title: string;
  readonly providerKey: PublicJwk;
  readonly consumerKey: PublicJwk;
}

const endingShape = Compile(EndingRecord);
const changeShape = Compile(PriceChangeBody);
const billShape = Compile(Bill);
const policyShape = Compile(SignedPolicy);
const receiptShape = Compile(SignedReceipt);

/**
 * Checks a bill with nothing but the bill: both signatures under the agreement and under every
 * receipt in it, the chain where it is there, the arithmetic, the totals: the month's last
 * receipt minus the one that the month's first names. Throws EVIDENCE_BROKEN and names the first
 * receipt that is wrong. That the keys belong to the two DIDs is the one thing a file cannot
 * prove: compare `keys` with what the DIDs publish, or with the agreement as you hold it.
 */
export async function verifyBill(bill: unknown): Promise<VerifiedBill> {
  if ((bill as { evidence?: unknown } | null)?.evidence === "one-sided") {
    throw broken("it is one-sided: the provider alone counted, and nobody else signed");
  }
  if (!billShape.Check(bill)) throw broken("it is no bill of version 1");
  const agreed = await verifyPrices(bill, await verifyAgreement(bill));
  const bodies: ReceiptBody[] = [];
  for (const receipt of bill.receipts) {
    bodies.push(await verifyReceipt(receipt, bodies, agreed));
  }
  const chain = provedChain(bodies, bill.statement.month);
  const statement = verifyStatement(bill, bodies, { ...agreed, ...(await endOf(bill, agreed)) });
  const keys = [
    await keyIdOf(agreed.provider, agreed.providerKey),
    await keyIdOf(agreed.consumer, agreed.consumerKey),
  ];
  return {
    ...statement,
    price: priceOfMonth(agreed, statement.month),
    ...(chain && { chain }),
    keys,
  };
}

async function verifyAgreement({ evidence, policy }: Bill): Promise<Agreed> {
  if (!policyShape.Check(policy)) throw broken("the agreement has no terms to bill by");
  const signed = Buffer.from(canonicalBytes(policy)).toString("base64url");
  if (signed !== evidence.payload) throw broken("the policy is not the one that was signed");
  const agreed = agreedIn(policy);
  const problem = priceProblem(agreed.price);
  if (problem !== undefined) throw broken(`the agreement's price: ${problem}`);
  const { provider, providerKey, consumer, consumerKey } = agreed;
  const parties = [
    { did: provider, key: providerKey, name: "provider" },
    { did: consumer, key: consumerKey, name: "consumer" },
  ];
  for (const { did, key, name } of parties) {
    try {
      await assertSignedBy(evidence, did, key, "the agreement");
    } catch (thrown) {
      throw broken(`the agreement: the ${name}'s signature does not verify`, thrown);
    }
  }
  return agreed;
}

function agreedIn(policy: Static<typeof SignedPolicy>): Agreed {
  const { assigner: provider, assignee: consumer, comity } = policy;
  const providerKey = comity.keys[provider];
  const consumerKey = comity.keys[consumer];
  if (providerKey === undefined || consumerKey === undefined) {
    throw broken("the agreement does not pin both sides' keys");
  }
  return {
    id: policy["@id"],
    policyHash: canonicalHash(policy),
    price: comity.price,
    signedAt: timeOf(policy.timestamp),
    provider,
    consumer,
    product: policy.target,
    title: comity.title,
    providerKey,
    consumerKey,
  };
}

/** Each that it was changed to, signed by both, as `priceChangeProblem` lets them follow. */
async function verifyPrices({ prices = [] }: Bill, agreed: Agreed): Promise<Agreed> {
  const { provider, providerKey, consumer, consumerKey } = agreed;
  let changes: readonly PriceChange[] = [];
  for (const { payload, signatures } of prices) {
    const what = `price ${changes.length + 2}`;
    const body = jsonIn(signaturePayload({ payload, signatures }));
    if (!changeShape.Check(body)) throw broken(`${what} is none of version 1`);
    const problem = priceChangeProblem(body, { ...agreed, changes });
    if (problem !== undefined) throw broken(`${what}: ${problem}`);
    for (const [at, did, key, side] of [
      [0, provider, providerKey, "provider"],
      [1, consumer, consumerKey, "consumer"],
    ] as const) {
      const jws = { payload, signatures: [signatures[at]] };
      const keyOf = (kid: string) => (didOfKeyId(kid) === did ? key : undefined);
      try {
        await verifySignature(jws, keyOf, { what, type: priceChangeType });
      } catch (thrown) {
        throw broken(`${what}: the ${side}'s signature does not verify`, thrown);
      }
    }
    const { number, price, from } = body;
    changes = [...changes, { number, price, from, evidence: { payload, signatures } }];
  }
  return changes.length === 0 ? agreed : { ...agreed, changes };
}

function timeOf(timestamp: string): string {
  if (Number.isNaN(Date.parse(timestamp))) throw broken("the agreement was signed at no time");
  return timestamp;
}

async function verifyReceipt(
  receipt: unknown,
  earlier: readonly ReceiptBody[],
  agreed: Agreed,
): Promise<ReceiptBody> {
  if (!receiptShape.Check(receipt)) {
    throw broken(`entry ${earlier.length + 1} of the receipts: it is no receipt of version 1`);
  }
  const { body, signatures } = receipt;
  const name = `receipt ${body.seq}`;
  const { provider, providerKey, consumer, consumerKey } = agreed;
  const signers = [
    { did: provider, key: providerKey, side: "provider", signature: signatures[0] },
    { did: consumer, key: consumerKey, side: "consumer", signature: signatures[1] },
  ];
  for (const { did, key, side, signature } of signers) {
    try {
      await requireSignature(body, signature, did, key);
    } catch (thrown) {
      throw broken(`${name}: the ${side}'s signature does not verify`, thrown);
    }
  }
  const problem = placeProblem(body, earlier, agreed);
  if (problem !== undefined) throw broken(`${name}: ${problem}`);
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
function provedChain(bodies: readonly ReceiptBody[], of: string): ProvedChain | undefined {
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

function verifyStatement(
  { statement }: Bill,
  bodies: readonly ReceiptBody[],
  agreed: Agreed,
): Statement {
  const { month } = statement;
  const last = bodies.findLast((body) => body.month === month);
  const before = bodies.findLast((body) => body.month < month);
  const summed = statementLine(agreed, month, before, last);
  for (const [member, value] of Object.entries(summed)) {
    const claimed = statement[member as keyof Statement];
    if (canonicalHash(claimed ?? null) === canonicalHash(value)) continue;
    const [says, proves] = [claimed, value].map((one) => shown(one));
    throw broken(`the statement says ${member} ${says}, its receipts say ${proves}`);
  }
  return summed;
}

/** When the agreement ended, as one of the two signed it. */
async function endOf({ ending }: Bill, agreed: Agreed): Promise<{ readonly endedAt?: string }> {
  if (ending === undefined) return {};
  const said = jsonIn(signaturePayload(ending));
  if (!endingShape.Check(said)) throw broken("the ending is none of version 1");
  if (said.agreement !== agreed.id) throw broken("the ending is another agreement's");
  const { provider, providerKey, consumer, consumerKey } = agreed;
  const keys = new Map([
    [provider, providerKey],
    [consumer, consumerKey],
  ]);
  try {
    const keyOf = (kid: string) => (didOfKeyId(kid) === said.by ? keys.get(said.by) : undefined);
    await verifySignature(ending, keyOf, { what: "the ending", type: endingType });
  } catch (thrown) {
    throw broken("the ending: its signature does not verify", thrown);
  }
  return { endedAt: said.at };
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}

function broken(problem: string, cause?: unknown): ComityError {
  const error = new ComityError("EVIDENCE_BROKEN", { problem });
  if (cause !== undefined) error.cause = new Error(problemOf(cause), { cause });
  return error;
}
