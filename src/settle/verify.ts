import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { priceProblem } from "../kernel/price.ts";
import type { Price } from "../kernel/price.ts";
import { assertSignedBy } from "../market/evidence.ts";
import { receiptProblem, requireSignature } from "../meter/receipt.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import type { PublicJwk } from "../ports/signer.ts";
import { keyIdOf } from "../wire/jws.ts";
import { Bill, SignedReceipt } from "./bill.ts";
import { statementLine } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** What a bill proves. */
export interface VerifiedBill extends Statement {
  readonly price: Price;
  /** All receipts up to the month's end, each of them verified. */
  readonly chain: number;
  /** `<did>#<thumbprint>` of both keys; compare them with the DID documents, once. */
  readonly keys: readonly string[];
}

/** The members of the signed agreement that a bill rests on; others are signed along. */
const SignedPolicy = Type.Object({
  "@id": Type.String({ minLength: 1 }),
  target: Type.String(),
  assigner: Type.String(),
  assignee: Type.String(),
  comity: Type.Object({
    title: Type.String(),
    price: Type.Object({
      amount: Type.String(),
      currency: Type.String(),
      perMessages: Type.Number(),
    }),
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
  readonly provider: string;
  readonly consumer: string;
  readonly product: string;
  readonly title: string;
  readonly providerKey: PublicJwk;
  readonly consumerKey: PublicJwk;
}

const billShape = Compile(Bill);
const policyShape = Compile(SignedPolicy);
const receiptShape = Compile(SignedReceipt);

/**
 * Checks a bill with nothing but the bill: both signatures under the agreement and under every
 * receipt, the chain, the arithmetic, the totals. Throws EVIDENCE_BROKEN and names the first
 * receipt that is wrong. That the keys belong to the two DIDs is the one thing a file cannot
 * prove: compare `keys` with what the DIDs publish, or with the agreement as you hold it.
 */
export async function verifyBill(bill: unknown): Promise<VerifiedBill> {
  if (!billShape.Check(bill)) throw broken("it is no bill of version 1");
  const agreed = await verifyAgreement(bill);
  const bodies: ReceiptBody[] = [];
  for (const receipt of bill.receipts) {
    bodies.push(await verifyReceipt(receipt, bodies.at(-1), bodies.length + 1, agreed));
  }
  const statement = verifyStatement(bill, bodies, agreed);
  const keys = [
    await keyIdOf(agreed.provider, agreed.providerKey),
    await keyIdOf(agreed.consumer, agreed.consumerKey),
  ];
  return { ...statement, price: agreed.price, chain: bodies.length, keys };
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
    provider,
    consumer,
    product: policy.target,
    title: comity.title,
    providerKey,
    consumerKey,
  };
}

async function verifyReceipt(
  receipt: unknown,
  before: ReceiptBody | undefined,
  number: number,
  agreed: Agreed,
): Promise<ReceiptBody> {
  const name = `receipt ${number}`;
  if (!receiptShape.Check(receipt)) throw broken(`${name}: it is no receipt of version 1`);
  const { body, signatures } = receipt;
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
  const problem = receiptProblem(body, before, agreed);
  if (problem !== undefined) throw broken(`${name}: ${problem}`);
  return body;
}

function verifyStatement(
  { statement }: Bill,
  bodies: readonly ReceiptBody[],
  agreed: Agreed,
): Statement {
  const last = bodies.at(-1);
  if (last === undefined) throw broken("it has no receipt");
  const before = bodies.findLast((body) => body.month < last.month);
  const summed = statementLine(agreed, before, last);
  for (const [member, value] of Object.entries(summed)) {
    const claimed = statement[member as keyof Statement];
    if (claimed === value) continue;
    throw broken(`the statement says ${member} ${claimed}, its receipts say ${value}`);
  }
  return summed;
}

function broken(problem: string, cause?: unknown): ComityError {
  const error = new ComityError("EVIDENCE_BROKEN", { problem });
  if (cause !== undefined) error.cause = new Error(problemOf(cause), { cause });
  return error;
}
