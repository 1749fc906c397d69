import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import { ComityError } from "../kernel/errors.ts";
import { type GeneralJws, type Signer } from "../ports/signer.ts";
import { mergeSignatures, unsignedJws } from "../wire/jws.ts";
import type { Agreement, GuestPayment } from "./agreement.ts";
import { type AgreementPolicy, draftOf, evidenceOf, signAgreement } from "./evidence.ts";
import { assertInForce } from "./compile.ts";
import { compileOffer, termsOf } from "./policy.ts";
import type { Product } from "./product.ts";

/** `typ` of the provider's signature under what it saw the partner accept. */
const acceptanceType = "comity-acceptance+jws";

/** Who accepts, as they say themselves. */
export interface Partner {
  readonly name: string;
  readonly email: string;
}

/** Who accepts, by the word of an OpenID provider: its ID token was verified. */
export interface LoggedIn {
  readonly issuer: string;
  readonly subject: string;
  readonly emailVerified: boolean;
}

/** What the provider saw; in canonical form it is the payload of its signature. */
export interface Acceptance extends Partner {
  readonly v: 1;
  readonly agreement: string;
  /** Hash of the agreement: of exactly the terms that were shown. */
  readonly policyHash: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** SHA-256 of `agreement` and the address the acceptance came from. */
  readonly addressHash: string;
  /** Absent where name and e-mail are as they were typed. */
  readonly openid?: LoggedIn;
}

export interface GuestAgreementParts {
  readonly id: string;
  readonly guest: string;
  readonly product: Product;
  readonly payment: GuestPayment;
  /** Decimal, in the price's currency; with payment `billed` alone. */
  readonly ceiling?: string | undefined;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The agreement a partner without a node accepts; its evidence has the provider's signature alone. */
export async function guestAgreement(
  { id, guest, product, payment, ceiling, at }: GuestAgreementParts,
  signer: Signer,
): Promise<Agreement> {
  const { "@id": _id, "@type": _type, ...rules } = compileOffer(product);
  const most = ceiling === undefined ? {} : { ceiling };
  assertInForce(termsOf(rules), { topics: product.topics, signedAt: at, now: Date.parse(at) });
  const policy: AgreementPolicy = {
    "@type": "Agreement",
    "@id": id,
    target: product.id,
    assigner: signer.did,
    assignee: guest,
    timestamp: at,
    ...rules,
    comity: {
      version: 1,
      product: product.id,
      title: product.title,
      delivery: product.delivery,
      topics: product.topics,
      price: product.terms.price,
      ...most,
      keys: { [signer.did]: signer.publicJwk },
    },
  };
  const evidence = evidenceOf(policy, await signAgreement(policy, signer));
  return { ...draftOf(policy, "provider"), evidence, oneSided: payment, ...most };
}

export async function signAcceptance(acceptance: Acceptance, signer: Signer): Promise<GeneralJws> {
  const bytes = canonicalBytes(acceptance);
  return mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, acceptanceType));
}

/** Salted with the agreement's id, so that the same address looks different in each. */
export function addressHashOf(agreement: string, address: string): string {
  return canonicalHash({ agreement, address });
}

const nameMax = 100;
const emailMax = 254; // RFC 5321 §4.5.3.1.3, as erratum 1690 to RFC 3696 counts it
const email =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;

/** As it was typed, without what stands around it; BODY_INVALID names the field. */
export function partnerFrom(typed: Partner): Partner {
  const name = typed.name.trim().normalize("NFC");
  const address = typed.email.trim();
  if (name === "" || name.length > nameMax || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) {
    const problem = `the name is not 1 to ${nameMax} characters on one line`;
    throw new ComityError("BODY_INVALID", { problem });
  }
  if (address.length > emailMax || !email.test(address)) {
    throw new ComityError("BODY_INVALID", {
      problem: "the e-mail is not one such as ann@city.example",
    });
  }
  return { name, email: address };
}
