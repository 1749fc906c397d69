import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { canonicalBytes, canonicalHash } from "../../kernel/canonical.ts";
import { Signature } from "../../meter/receipt.ts";
import type { JwsSignature, PublicJwk, Signer } from "../../ports/signer.ts";
import { didOfKeyId, mergeSignatures, unsignedJws, verifySignature } from "../../wire/jws.ts";
import { Amount, Currency, Did, Hash, strict, Time } from "../signed-shapes.ts";

/** Statements of one side in one set-off; the others are in the next number. */
export const itemsMax = 500;

/** One statement: what was due of it, and how much of that is set off. */
const Item = Type.Object(
  {
    /** Hash of the statement's body. */
    statement: Hash,
    id: Type.String({ maxLength: 64 }),
    provider: Did,
    due: Amount,
    cleared: Amount,
  },
  strict,
);
export type Item = Static<typeof Item>;

/** What a participant was owed by the other under the items, and what is left of that. */
const Claim = Type.Object({ provider: Did, owed: Amount, left: Amount }, strict);

/** Two participants' statements in one currency, set off against each other; closed, as signed. */
export const SetoffBody = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Literal("setoff"),
    /** In the order of their DIDs; the first draws it up, the other signs one of each number. */
    claims: Type.Tuple([Claim, Claim]),
    currency: Currency,
    /** From 1 without gaps between the two; `prev` is the hash of the body before. */
    number: Type.Integer({ minimum: 1, maximum: 999_999 }),
    prev: Type.Union([Hash, Type.Literal("")]),
    items: Type.Array(Item, { minItems: 2, maxItems: 2 * itemsMax }),
    at: Time,
  },
  strict,
);
export type SetoffBody = Static<typeof SetoffBody>;

/** Drawn up with one signature; it counts with two. */
export const SignedSetoff = Type.Object(
  { body: SetoffBody, signatures: Type.Array(Signature, { minItems: 1, maxItems: 2 }) },
  strict,
);
export type SignedSetoff = Static<typeof SignedSetoff>;
export const signedShape = Compile(SignedSetoff);

const setoffType = "comity-setoff+jws";

export function signSetoff(body: SetoffBody, signer: Signer): Promise<JwsSignature> {
  return signer.sign(canonicalBytes(body), setoffType);
}

/** Whose signatures there are; throws SIGNATURE_INVALID where one of a party is not good. */
export async function signersOf(
  { body, signatures }: SignedSetoff,
  keyOf: (did: string) => PublicJwk | undefined,
): Promise<readonly string[]> {
  const parties = body.claims.map(({ provider }) => provider);
  const jws = mergeSignatures(unsignedJws(canonicalBytes(body)), ...signatures);
  const pinned = (kid: string): PublicJwk | undefined => {
    const did = didOfKeyId(kid);
    return parties.includes(did) ? keyOf(did) : undefined;
  };
  const what = `set-off ${setoffId(body)}`;
  const kids = await verifySignature(jws, pinned, { what, type: setoffType });
  return kids.map(didOfKeyId);
}

/** `2026-11-24-3-9f3ac2d1`: day, number and the hash's beginning; the same on both sides. */
export function setoffId(body: SetoffBody): string {
  const hash = Buffer.from(canonicalHash(body).slice("sha256:".length), "base64url");
  return `${body.at.slice(0, 10)}-${body.number}-${hash.toString("hex").slice(0, 8)}`;
}
