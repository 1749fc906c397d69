/**
 * Commissions: participants that say what data of a sector look like.
 *
 * In comes a vocabulary, written by a person or made of a sector's pack; out goes a document that
 * its issuer signed: messages with members, units and bounds, indicators, a product template.
 * `changes.ts` says what a new version breaks, `departure.ts` whether a message is as the document
 * says; `commissions.ts` keeps documents, `recognitions.ts` whose word this node takes. Messages
 * are described by a closed model and never by JSON Schema: what a stranger wrote is data, compiled
 * nowhere, and costs what its size says. Nothing here calls another node (`federate/issuers.ts`) or
 * looks at a stream (`flow/marks.ts`).
 *
 * This file: the document, its bytes and its signature.
 */
import { type Static, Type } from "typebox";
import { canonicalBytes, canonicalHash } from "../../kernel/canonical.ts";
import { ComityError } from "../../kernel/errors.ts";
import { isObject, jsonIn } from "../../kernel/json-object.ts";
import type { GeneralJws, PublicJwk, Signer } from "../../ports/signer.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import {
  didOfKeyId,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
} from "../../wire/jws.ts";
import { ucumUnit } from "../../wire/units/unit.ts";

/** `typ` of the signature under a document. */
const commissionType = "comity-commission+jws";

/** Of a document in canonical form. */
const documentBytesMax = 262_144;
/** Messages of one document, and indicators. */
const entriesMax = 100;
const membersMax = 200;
const templateDepthMax = 8;

const closed = { additionalProperties: false } as const;
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });

/** Semantic Versioning 2.0.0 §2, without pre-releases. */
export const VersionText = Type.String({
  pattern: "^(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})$",
});
export const SectorName = Type.String({ pattern: "^[a-z0-9-]{1,32}$" });
export const HashText = Type.String({ pattern: "^sha256:[A-Za-z0-9_-]{43}$" });

const Member = Type.Object(
  {
    type: Type.Union([
      Type.Literal("string"),
      Type.Literal("number"),
      Type.Literal("boolean"),
      Type.Literal("object"),
      Type.Literal("array"),
    ]),
    title: Type.Optional(text(500)),
    /** UCUM. */
    unit: Type.Optional(text(64)),
    minimum: Type.Optional(Type.Number()),
    maximum: Type.Optional(Type.Number()),
  },
  closed,
);
export type Member = Static<typeof Member>;

const Message = Type.Object(
  {
    title: text(500),
    /** Where the model is defined. */
    source: text(2_048),
    required: Type.Array(text(128), { maxItems: membersMax }),
    members: Type.Record(Type.String({ maxLength: 128 }), Member),
  },
  closed,
);
export type Message = Static<typeof Message>;

const Indicator = Type.Object(
  {
    title: text(500),
    /** UCUM. */
    unit: text(64),
    formula: text(4_000),
    source: Type.Optional(text(2_048)),
  },
  closed,
);
export type Indicator = Static<typeof Indicator>;

const content = {
  sector: SectorName,
  title: text(200),
  /** By the message's `type`. */
  messages: Type.Record(Type.String({ maxLength: 128 }), Message),
  indicators: Type.Record(Type.String({ maxLength: 128 }), Indicator),
  /** What a product of the sector starts from, as `comity product add --template` takes it. */
  template: Type.Object(
    {
      product: Type.Record(Type.String(), Type.Unknown()),
      terms: Type.Record(Type.String(), Type.Unknown()),
    },
    closed,
  ),
};

/** What is said; the rest is who, when and after what. */
const Content = Type.Object(content);
export type Content = Static<typeof Content>;

/** What a person publishes; without a version it is the next one that the changes ask for. */
export const NewCommission = Type.Object(
  {
    ...content,
    indicators: Type.Optional(content.indicators),
    template: Type.Optional(content.template),
    version: Type.Optional(VersionText),
  },
  closed,
);
export type NewCommission = Static<typeof NewCommission>;

const Document = Type.Object(
  {
    v: Type.Literal(1),
    ...content,
    version: VersionText,
    /** Its DID. */
    issuer: text(512),
    /** ISO 8601, UTC. */
    issuedAt: text(32),
    /** Hash of the version before; absent: it is the first. */
    previous: Type.Optional(HashText),
  },
  closed,
);
export type Document = Static<typeof Document>;

/** A document with its identity, the hash of its bytes, and the signature that was verified. */
export interface Commission {
  readonly hash: string;
  readonly document: Document;
  readonly signed: GeneralJws;
}

export async function signCommission(document: Document, signer: Signer): Promise<Commission> {
  assertDocument(document);
  const bytes = canonicalBytes(document);
  const signed = mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, commissionType));
  return { hash: canonicalHash(document), document, signed };
}

/** Another participant's; SIGNATURE_INVALID or COMMISSION_INVALID says what is wrong with it. */
export async function readCommission(
  signed: GeneralJws,
  issuer: string,
  key: PublicJwk,
): Promise<Commission> {
  const what = `the vocabulary of ${issuer}`;
  const keyOf = (kid: string) => (didOfKeyId(kid) === issuer ? key : undefined);
  await verifySignature(signed, keyOf, { what, type: commissionType });
  const bytes = signaturePayload(signed);
  if (bytes.length > documentBytesMax) throw tooLarge(bytes.length);
  const document = jsonIn(bytes);
  assertDocument(document);
  if (document.issuer !== issuer) {
    throw new ComityError("SIGNATURE_INVALID", { what, problem: `it is ${document.issuer}'s` });
  }
  // one document, one hash: what says the same in other bytes is not taken for it
  if (!Buffer.from(canonicalBytes(document)).equals(bytes)) {
    throw new ComityError("SIGNATURE_INVALID", { what, problem: "it is not in canonical form" });
  }
  return { hash: canonicalHash(document), document, signed };
}

function assertDocument(value: unknown): asserts value is Document {
  let document: Document;
  try {
    document = parseMessage(Document, value);
  } catch (thrown) {
    if (!(thrown instanceof ComityError)) throw thrown;
    throw invalid(String(thrown.details["problem"]));
  }
  const problem = documentProblem(document);
  if (problem !== undefined) throw invalid(problem);
  const { length } = canonicalBytes(document);
  if (length > documentBytesMax) throw tooLarge(length);
}

function documentProblem({ messages, indicators, template, issuedAt }: Document) {
  if (Number.isNaN(Date.parse(issuedAt))) return `issuedAt "${issuedAt}" is no time`;
  if (Object.keys(messages).length === 0) return "it has no messages";
  for (const [what, entries] of Object.entries({ messages, indicators })) {
    if (Object.keys(entries).length > entriesMax) return `${what} are more than ${entriesMax}`;
  }
  for (const [name, message] of Object.entries(messages)) {
    const problem = messageProblem(message);
    if (problem !== undefined) return `${name}: ${problem}`;
  }
  for (const [name, { unit }] of Object.entries(indicators)) {
    if (!ucumUnit(unit)) return `${name}: the unit "${unit}" is not UCUM`;
  }
  return depthOf(template) > templateDepthMax
    ? `the template is nested deeper than ${templateDepthMax}`
    : undefined;
}

function messageProblem({ members, required }: Message): string | undefined {
  if (Object.keys(members).length > membersMax) return `members are more than ${membersMax}`;
  const unknown = required.find((name) => !Object.hasOwn(members, name));
  if (unknown !== undefined) return `it requires ${unknown}, which is no member`;
  for (const [name, { type, unit, minimum, maximum }] of Object.entries(members)) {
    if (unit !== undefined && !ucumUnit(unit)) return `${name}: the unit "${unit}" is not UCUM`;
    const isNumeric = unit === undefined && minimum === undefined && maximum === undefined;
    if (type !== "number" && !isNumeric) return `${name} is a ${type}, and has unit or bounds`;
    if ((minimum ?? -Infinity) > (maximum ?? Infinity)) return `${name} has no value within bounds`;
  }
  return undefined;
}

function depthOf(value: unknown): number {
  const below = isObject(value) ? Object.values(value) : Array.isArray(value) ? value : [];
  return below.length === 0 ? 0 : 1 + Math.max(...below.map(depthOf));
}

function tooLarge(bytes: number): ComityError {
  return invalid(`it has ${bytes} bytes, at most ${documentBytesMax} are taken`);
}

function invalid(problem: string): ComityError {
  return new ComityError("COMMISSION_INVALID", { problem });
}
