/**
 * The document both sides sign. It is the ODRL Agreement itself with one member of ours,
 * `comity`, so that the payload of the evidence is the canonical form of `policy`, and the
 * policyHash in every receipt is the hash of the very bytes that were signed.
 */
import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import { ComityError } from "../kernel/errors.ts";
import { isFree, type Price } from "../kernel/price.ts";
import type { GeneralJws, JwsSignature, PublicJwk, Signer } from "../ports/signer.ts";
import {
  didOfKeyId,
  keyIdOfSignature,
  mergeSignatures,
  unsignedJws,
  verifySignature,
} from "../wire/jws.ts";
import type { Agreement, EvidenceSides } from "./agreement.ts";
import type { Role, Written } from "./negotiation.ts";
import type { PolicyTerms } from "./policy/rules.ts";
import { deliveredWhole, readRules, termsOf } from "./policy.ts";
import { assertAttested, type Attestation } from "./attestation.ts";

/** `typ` of a signature under an agreement. */
export const agreementType = "comity-agreement+jws";

/** What DSP has no words for, signed along with the policy. */
export interface ComityTerms {
  readonly version: 1;
  readonly product: string;
  readonly title: string;
  readonly delivery: "live" | "logged";
  readonly topics: readonly string[];
  readonly price: Price;
  /** Hash of the vocabulary that its messages are said to be by. */
  readonly conformsTo?: string;
  /** What the consumer attested of itself when it asked. */
  readonly attested?: Attestation;
  /** What a calendar month costs at most, where only the provider counts; decimal. */
  readonly ceiling?: string;
  /** By DID; the keys under which this agreement verifies for ever. */
  readonly keys: Readonly<Record<string, PublicJwk>>;
}

export interface AgreementPolicy extends Written {
  readonly "@type": "Agreement";
  readonly "@id": string;
  readonly target: string;
  /** DIDs: who provides, who receives. */
  readonly assigner: string;
  readonly assignee: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly comity?: ComityTerms;
}

/** An agreement as far as it is known before both have signed. */
export type Draft = Omit<Agreement, "evidence">;

/** What each side holds of the policy that is being signed. */
export function draftOf(policy: AgreementPolicy, role: Role): Draft {
  const terms = termsOf(readRules(policy));
  const comity = policy.comity;
  return {
    id: policy["@id"],
    role,
    provider: policy.assigner,
    consumer: policy.assignee,
    product: policy.target,
    title: comity?.title ?? policy.target,
    delivery: (comity ?? deliveredWhole).delivery,
    topics: terms.topics ?? (comity ?? deliveredWhole).topics,
    price: comity?.price ?? terms.price,
    policy,
    policyHash: canonicalHash(policy),
    keys: comity?.keys ?? {},
    signedAt: policy.timestamp,
    state: "active",
  };
}

export function evidenceOf(policy: unknown, ...signatures: readonly JwsSignature[]): GeneralJws {
  return mergeSignatures(unsignedJws(canonicalBytes(policy)), ...signatures);
}

export async function signAgreement(policy: unknown, signer: Signer): Promise<JwsSignature> {
  return signer.sign(canonicalBytes(policy), agreementType);
}

/** Who signed; signatures were verified before the agreement was kept. */
export function evidenceSides({
  provider,
  consumer,
  evidence,
}: Pick<Agreement, "provider" | "consumer" | "evidence">): EvidenceSides {
  const signers = evidence.signatures.map((one) => didOfKeyId(keyIdOfSignature(one) ?? ""));
  const both = [provider, consumer].every((did) => signers.includes(did));
  return both ? "two-sided" : "one-sided";
}

/** Throws SIGNATURE_INVALID unless the participant's signature is there and verifies. */
export async function assertSignedBy(
  evidence: GeneralJws,
  did: string,
  key: PublicJwk,
  what: string,
): Promise<void> {
  const keyOf = (kid: string) => (didOfKeyId(kid) === did ? key : undefined);
  await verifySignature(evidence, keyOf, { what, type: agreementType });
}

/**
 * The agreement a provider sent, checked against what was asked for: POLICY_CHANGED names the
 * first member that differs. Rules, delivery and topics are compared by their digest, by the
 * caller.
 */
export function assertTermsHold(
  policy: AgreementPolicy,
  expected: {
    readonly provider: string;
    readonly consumer: string;
    readonly product: string;
    readonly title?: string | undefined;
    readonly attested?: Attestation | undefined;
    readonly keys: Readonly<Record<string, PublicJwk>>;
  },
): void {
  const differs = (where: string) => new ComityError("POLICY_CHANGED", { where });
  if (policy.assigner !== expected.provider) throw differs("agreement's assigner");
  if (policy.assignee !== expected.consumer) throw differs("agreement's assignee");
  if (policy.target !== expected.product) throw differs("agreement's target");
  const terms = termsOf(readRules(policy));
  assertAttested(attestationIn(terms), expected.attested, policy["@id"]);
  const comity = policy.comity;
  if (!comity) return;
  if (!sameJson(comity.attested ?? null, expected.attested ?? null)) {
    throw differs("agreement's attestation");
  }
  if (comity.product !== policy.target) throw differs("agreement's product");
  if (comity.title !== (expected.title ?? comity.title)) throw differs("agreement's title");
  const free = isFree(terms.price) && isFree(comity.price);
  if (!free && !sameJson(comity.price, terms.price)) throw differs("agreement's price");
  for (const [did, key] of Object.entries(expected.keys)) {
    const { kty, crv, x } = key;
    if (!sameJson(comity.keys[did] ?? null, { kty, crv, x })) throw differs(`key of ${did}`);
  }
  if (Object.keys(comity.keys).length !== Object.keys(expected.keys).length) {
    throw differs("agreement's keys");
  }
}

/** What of these terms has to be attested. */
export function attestationIn({ recipientClass, measures }: PolicyTerms): Attestation {
  return {
    ...(recipientClass === undefined ? {} : { recipientClass }),
    ...(measures === undefined ? {} : { measures }),
  };
}

/** What was attested under an agreement, as both signed it. */
export function attestedIn({ policy }: Pick<Agreement, "policy">): Attestation | undefined {
  return (policy as Partial<AgreementPolicy>).comity?.attested;
}

/** The vocabulary that was promised under an agreement, as both signed it. */
export function conformsToIn({ policy }: Pick<Agreement, "policy">): string | undefined {
  return (policy as Partial<AgreementPolicy>).comity?.conformsTo;
}

function sameJson(a: unknown, b: unknown): boolean {
  return canonicalHash(a) === canonicalHash(b);
}
