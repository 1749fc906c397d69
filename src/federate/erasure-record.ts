import { type Static, Type } from "typebox";
import { canonicalBytes } from "../kernel/canonical.ts";
import { ComityError } from "../kernel/errors.ts";
import { jsonIn } from "../kernel/json-object.ts";
import type { Agreement } from "../market/agreement.ts";
import type { GeneralJws, Signer } from "../ports/signer.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import {
  didOfKeyId,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
} from "../wire/jws.ts";

/** `typ` of the signature under an erasure's record. */
const erasureType = "comity-erasure+jws";
/** Agreements that a record names as having paid for the same messages. */
export const keptForMax = 100;

const id = Type.String({ minLength: 1, maxLength: 2_000 });
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const time = Type.String({ maxLength: 32 });
const Position = Type.Object(
  { epoch: Type.String({ maxLength: 200 }), position: count },
  { additionalProperties: false },
);
const Counted = Type.Object({ messages: count, bytes: count }, { additionalProperties: false });

/**
 * What a consumer erased of what it was given; in canonical form it is the payload of its
 * signature. It names positions and counts, never topics or payloads.
 */
const ErasureRecord = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Literal("erasure"),
    agreement: id,
    provider: id,
    consumer: id,
    /** In the provider's log: from the first message that came to after the last; absent: none. */
    from: Type.Optional(Position),
    to: Type.Optional(Position),
    erased: Counted,
    /** Of those positions, what other agreements of the two that go on gave as well. */
    kept: Type.Optional(
      Type.Object(
        { messages: count, bytes: count, agreements: Type.Array(id, { maxItems: keptForMax }) },
        { additionalProperties: false },
      ),
    ),
    /** ISO 8601, UTC, by the consumer's clock. */
    endedAt: time,
    erasedAt: time,
  },
  { additionalProperties: false },
);
export type ErasureRecord = Static<typeof ErasureRecord>;

export async function signErasure(record: ErasureRecord, signer: Signer): Promise<GeneralJws> {
  const bytes = canonicalBytes(record);
  return mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, erasureType));
}

/**
 * The record as the agreement's consumer signed it, with the key that was pinned when it agreed.
 * SIGNATURE_INVALID where it is not theirs or about another agreement, BODY_INVALID where it is
 * no such record.
 */
export async function verifiedErasure(
  agreement: Pick<Agreement, "id" | "provider" | "consumer" | "keys">,
  signed: GeneralJws,
): Promise<ErasureRecord> {
  const { consumer, keys } = agreement;
  const what = `the erasure under ${agreement.id}`;
  const keyOf = (kid: string) => (didOfKeyId(kid) === consumer ? keys[consumer] : undefined);
  await verifySignature(signed, keyOf, { what, type: erasureType });
  const bytes = signaturePayload(signed);
  const record = parseMessage(ErasureRecord, jsonIn(bytes));
  if (!Buffer.from(canonicalBytes(record)).equals(bytes)) {
    throw new ComityError("SIGNATURE_INVALID", { what, problem: "its form is not canonical" });
  }
  const isOurs =
    record.agreement === agreement.id &&
    record.provider === agreement.provider &&
    record.consumer === consumer;
  if (!isOurs) {
    throw new ComityError("SIGNATURE_INVALID", { what, problem: "it is about another one" });
  }
  return record;
}
