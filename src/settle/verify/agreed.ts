import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { canonicalBytes, canonicalHash } from "../../kernel/canonical.ts";
import { jsonIn } from "../../kernel/json-object.ts";
import type { Price } from "../../kernel/price.ts";
import { priceProblem } from "../../kernel/price-problem.ts";
import type { PriceChange } from "../../market/agreement.ts";
import { EndingRecord, endingType } from "../../market/ending.ts";
import { assertSignedBy } from "../../market/evidence.ts";
import { PriceChangeBody, priceChangeProblem, priceChangeType } from "../../market/price-change.ts";
import type { PublicJwk } from "../../ports/signer.ts";
import { didOfKeyId, signaturePayload, verifySignature } from "../../wire/jws.ts";
import { Price as PriceShape } from "../../wire/price.ts";
import type { Bill } from "../bill.ts";
import { broken } from "./broken.ts";

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

export interface Agreed {
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

/** Who both are, the provider first, as their signatures stand under what both signed. */
export function sidesOf({ provider, providerKey, consumer, consumerKey }: Agreed) {
  return [
    { did: provider, key: providerKey, side: "provider" },
    { did: consumer, key: consumerKey, side: "consumer" },
  ] as const;
}

/** Undefined: it is neither of the two. */
export function pinnedKey(agreed: Agreed, did: string): PublicJwk | undefined {
  return sidesOf(agreed).find((one) => one.did === did)?.key;
}

/** The keys, each once, that agreements pin for who is a side of each of them; never none. */
export function pinnedKeys(agreements: readonly Agreed[], did: string): PublicJwk[] {
  const keys = agreements.flatMap((agreed) => pinnedKey(agreed, did) ?? []);
  if (keys.length === 0 || keys.length < agreements.length) throw broken(`${did} is no side of it`);
  return [...new Map(keys.map((key) => [key.x, key])).values()];
}

const endingShape = Compile(EndingRecord);
const changeShape = Compile(PriceChangeBody);
const policyShape = Compile(SignedPolicy);

/** The terms that a bill's month is priced by, each of them signed by both. */
export async function agreedIn(bill: Bill): Promise<Agreed> {
  return verifyPrices(bill, await verifyAgreement(bill));
}

async function verifyAgreement({ evidence, policy }: Bill): Promise<Agreed> {
  if (!policyShape.Check(policy)) throw broken("the agreement has no terms to bill by");
  const signed = Buffer.from(canonicalBytes(policy)).toString("base64url");
  if (signed !== evidence.payload) throw broken("the policy is not the one that was signed");
  const agreed = termsIn(policy);
  const problem = priceProblem(agreed.price);
  if (problem !== undefined) throw broken(`the agreement's price: ${problem}`);
  for (const { did, key, side } of sidesOf(agreed)) {
    try {
      await assertSignedBy(evidence, did, key, "the agreement");
    } catch (thrown) {
      throw broken(`the agreement: the ${side}'s signature does not verify`, thrown);
    }
  }
  return agreed;
}

function termsIn(policy: Static<typeof SignedPolicy>): Agreed {
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
  let changes: readonly PriceChange[] = [];
  for (const { payload, signatures } of prices) {
    const what = `price ${changes.length + 2}`;
    const body = jsonIn(signaturePayload({ payload, signatures }));
    if (!changeShape.Check(body)) throw broken(`${what} is none of version 1`);
    const problem = priceChangeProblem(body, { ...agreed, changes });
    if (problem !== undefined) throw broken(`${what}: ${problem}`);
    for (const [at, { did, key, side }] of sidesOf(agreed).entries()) {
      const jws = { payload, signatures: signatures.slice(at, at + 1) };
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

/** When the agreement ended, as one of the two signed it. */
export async function endOf(
  { ending }: Bill,
  agreed: Agreed,
): Promise<{ readonly endedAt?: string }> {
  if (ending === undefined) return {};
  const said = jsonIn(signaturePayload(ending));
  if (!endingShape.Check(said)) throw broken("the ending is none of version 1");
  if (said.agreement !== agreed.id) throw broken("the ending is another agreement's");
  const key = pinnedKey(agreed, said.by);
  try {
    const keyOf = (kid: string) => (didOfKeyId(kid) === said.by ? key : undefined);
    await verifySignature(ending, keyOf, { what: "the ending", type: endingType });
  } catch (thrown) {
    throw broken("the ending: its signature does not verify", thrown);
  }
  return { endedAt: said.at };
}
