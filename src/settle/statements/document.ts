import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { monthPattern } from "../../kernel/clock.ts";
import { canonicalBytes, canonicalHash } from "../../kernel/canonical.ts";
import { Signature } from "../../meter/receipt.ts";
import type { JwsSignature, PublicJwk, Signer } from "../../ports/signer.ts";
import { didOfKeyId, mergeSignatures, unsignedJws, verifySignature } from "../../wire/jws.ts";
import { Amount, Currency, Did, Hash, strict, Time } from "../signed-shapes.ts";

const Id = Type.String({ minLength: 1, maxLength: 512 });
const Text = Type.String({ maxLength: 2000 });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Seq = Type.Integer({ minimum: 0, maximum: 9_999_999_999 });

/** Agreements in one statement; the others are in the next number. */
export const linesMax = 1000;
const filesMax = 20;
/** Of both sides together, under one statement. */
export const stepsMax = 4000;

/**
 * What a month of an agreement has come to since the receipt `from`: `usage` is the difference
 * of the receipts `to` and `from`, `amount` that and what no message causes.
 */
const Line = Type.Object(
  {
    agreement: Id,
    product: Id,
    title: Text,
    from: Seq,
    to: Seq,
    messages: Count,
    bytes: Count,
    usage: Amount,
    amount: Amount,
    currency: Currency,
  },
  strict,
);
export type Line = Static<typeof Line>;

/** A month between two participants, as the provider signs it; closed: every byte is evidence. */
export const StatementBody = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Literal("statement"),
    provider: Did,
    consumer: Did,
    month: Type.String({ pattern: monthPattern }),
    /** From 1, without gaps, in the month: what was signed later is in a later one. */
    number: Type.Integer({ minimum: 1, maximum: 9999 }),
    /** An accepted line may be disputed for so long, and a dispute stays open for so long. */
    disputeDays: Type.Integer({ minimum: 1, maximum: 365 }),
    lines: Type.Array(Line, { minItems: 1, maxItems: linesMax }),
    at: Time,
  },
  strict,
);
export type StatementBody = Static<typeof StatementBody>;

const one = { agreement: Id };
const said = {
  reason: Text,
  /** Hashes of files that were shown outside. */
  files: Type.Array(Hash, { maxItems: filesMax }),
};
/** A payment that came in another currency: how much of it, and at which rate by whose word. */
const Exchanged = Type.Object(
  {
    currency: Currency,
    amount: Amount,
    /** So much of it for one of the statement's. */
    rate: Type.String({ pattern: "^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,12})?$" }),
    /** Who says so, and of when: `ECB reference rate, 2026-11-20`. */
    source: Type.String({ minLength: 1, maxLength: 200 }),
  },
  strict,
);
export type Exchanged = Static<typeof Exchanged>;

/** What either side signs about lines of a statement, or about its payment. */
const Act = Type.Union([
  Type.Object(
    { do: Type.Literal("accept"), agreements: Type.Array(Id, { minItems: 1, maxItems: linesMax }) },
    strict,
  ),
  /** `amount`: what the consumer holds to be owed. */
  Type.Object({ do: Type.Literal("dispute"), ...one, amount: Amount, ...said }, strict),
  Type.Object({ do: Type.Literal("evidence"), ...one, ...said }, strict),
  /** The provider's credit note over `amount`; it counts once the consumer agrees. */
  Type.Object({ do: Type.Literal("credit"), ...one, amount: Amount, reason: Text }, strict),
  /** The consumer takes the credit note of that hash, and the dispute is over. */
  Type.Object({ do: Type.Literal("agree"), ...one, credit: Hash }, strict),
  Type.Object({ do: Type.Literal("withdraw"), ...one }, strict),
  Type.Object({ do: Type.Literal("expire"), ...one }, strict),
  /** The provider was paid, outside of any node. */
  Type.Object(
    {
      ...{ do: Type.Literal("paid"), currency: Currency, amount: Amount, reference: Text },
      exchanged: Type.Optional(Exchanged),
    },
    strict,
  ),
]);
export type Act = Static<typeof Act>;
export type ActOf<T extends Act["do"]> = Extract<Act, { do: T }>;

const Step = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Literal("step"),
    /** Hash of the statement's body. */
    statement: Hash,
    by: Did,
    /** From 1 without gaps, each side's own; `prev` is the hash of its step before. */
    seq: Type.Integer({ minimum: 1, maximum: stepsMax }),
    prev: Type.Union([Hash, Type.Literal("")]),
    at: Time,
    act: Act,
  },
  strict,
);
export type Step = Static<typeof Step>;

export const SignedStatement = Type.Object({ body: StatementBody, signature: Signature }, strict);
const SignedStep = Type.Object({ body: Step, signature: Signature }, strict);
export type SignedStep = Static<typeof SignedStep>;

/** All that one side has of a statement; it travels whole, both ways. */
export const Dossier = Type.Object(
  { statement: SignedStatement, steps: Type.Array(SignedStep, { maxItems: stepsMax }) },
  strict,
);
export type Dossier = Static<typeof Dossier>;
export const dossierShape = Compile(Dossier);
export const actShape = Compile(Act);

const statementType = "comity-statement+jws";
const stepType = "comity-statement-step+jws";

export function signStatement(body: StatementBody, signer: Signer): Promise<JwsSignature> {
  return signer.sign(canonicalBytes(body), statementType);
}

export function signStep(body: Step, signer: Signer): Promise<JwsSignature> {
  return signer.sign(canonicalBytes(body), stepType);
}

/** Throws SIGNATURE_INVALID unless the participant signed it with the pinned key. */
export async function requireSigned(
  { body, signature }: Dossier["statement"] | SignedStep,
  did: string,
  key: PublicJwk,
): Promise<void> {
  const jws = mergeSignatures(unsignedJws(canonicalBytes(body)), signature);
  const pinned = (kid: string) => (didOfKeyId(kid) === did ? key : undefined);
  const isStep = body.type === "step";
  const what = isStep ? `step ${body.seq} of ${body.by}` : `statement ${statementId(body)}`;
  await verifySignature(jws, pinned, { what, type: isStep ? stepType : statementType });
}

const hashes = new WeakMap<StatementBody, string>();

/** Every word names it; a body of a thousand lines is not hashed anew for each. */
export function statementHash(body: StatementBody): string {
  const hash = hashes.get(body) ?? canonicalHash(body);
  hashes.set(body, hash);
  return hash;
}

/** `2026-11-1-3f9ac2d1`: month, number and the hash's beginning; the same on both sides. */
export function statementId(body: StatementBody): string {
  const hash = Buffer.from(statementHash(body).slice("sha256:".length), "base64url");
  return `${body.month}-${body.number}-${hash.toString("hex").slice(0, 8)}`;
}
