/**
 * The Dataspace Protocol 2025-1 in plain JSON: each message's shape, checked at the door, and
 * how one is written. Keys that are not named here are ignored, as the protocol asks. Nothing
 * here knows what a message means or who may send it.
 */
import { type Static, Type } from "typebox";
import { type RecipientClass, recipientClasses } from "../../kernel/recipient-class.ts";
import { Price } from "../price.ts";

const dspContext = "https://w3id.org/dspace/2025/1/context.jsonld";
export const dspVersion = "2025-1";
/** `<base>` of every DSP path, behind the node's public URL (DSP 2025-1 §4.3.1). */
export const dspPath = `/dsp/${dspVersion}`;

const pid = Type.String({ minLength: 1, maxLength: 512 });
const url = Type.String({ minLength: 1, maxLength: 2048 });
const json = Type.Record(Type.String(), Type.Unknown());
/** What makes a repeated message recognisable; other connectors send one. */
const messageId = Type.Optional(Type.String({ maxLength: 512 }));
const reasons = Type.Optional(Type.Array(Type.Unknown()));

const jwk = Type.Object({ kty: Type.String(), crv: Type.String(), x: Type.String() });
const signature = Type.Object({ protected: Type.String(), signature: Type.String() });

/** What the consumer attests of itself; what it means is the market's. */
const attested = Type.Optional(
  Type.Object({
    recipientClass: Type.Optional(Type.Unsafe<RecipientClass>({ enum: recipientClasses })),
    measures: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 20 }),
    ),
  }),
);

/** Our member beside DSP's: says that the sender signs agreements, and carries the signature. */
const announcement = Type.Optional(Type.Object({ version: Type.Literal(1), attested }));
const signed = Type.Optional(Type.Object({ version: Type.Literal(1), signature }));

/** Ours beside an offer: what ODRL has no words for. */
const delivered = Type.Optional(
  Type.Object({
    version: Type.Literal(1),
    title: Type.String({ maxLength: 200 }),
    delivery: Type.Union([Type.Literal("live"), Type.Literal("logged")]),
    topics: Type.Array(Type.String()),
  }),
);

/** §7.2.1 */
export const ContractRequestMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("ContractRequestMessage"),
  consumerPid: pid,
  providerPid: Type.Optional(pid),
  offer: Type.Object({
    "@type": Type.Literal("Offer"),
    "@id": pid,
    target: Type.Optional(pid),
  }),
  callbackAddress: Type.Optional(url),
  comity: announcement,
});
export type ContractRequestMessage = Static<typeof ContractRequestMessage>;

/** §7.2.2 */
export const ContractOfferMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("ContractOfferMessage"),
  providerPid: pid,
  consumerPid: Type.Optional(pid),
  offer: Type.Object({ "@type": Type.Literal("Offer"), "@id": pid, target: pid }),
  callbackAddress: Type.Optional(url),
  comity: delivered,
});
export type ContractOfferMessage = Static<typeof ContractOfferMessage>;

/** The member `comity` of an agreement: signed with it. */
const comityTerms = Type.Object({
  version: Type.Literal(1),
  product: pid,
  title: Type.String({ maxLength: 200 }),
  delivery: Type.Union([Type.Literal("live"), Type.Literal("logged")]),
  topics: Type.Array(Type.String()),
  price: Price,
  conformsTo: Type.Optional(Type.String({ maxLength: 64 })),
  attested,
  keys: Type.Record(Type.String(), jwk),
});

/** §7.2.3; `timestamp` is required by its text, not by its schema. */
export const ContractAgreementMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("ContractAgreementMessage"),
  providerPid: pid,
  consumerPid: pid,
  agreement: Type.Object({
    "@type": Type.Literal("Agreement"),
    "@id": pid,
    target: pid,
    assigner: pid,
    assignee: pid,
    timestamp: Type.String({ maxLength: 64 }),
    comity: Type.Optional(comityTerms),
  }),
  comity: signed,
});
export type ContractAgreementMessage = Static<typeof ContractAgreementMessage>;

/** §7.2.4 */
export const ContractAgreementVerificationMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("ContractAgreementVerificationMessage"),
  providerPid: pid,
  consumerPid: pid,
  comity: signed,
});
export type ContractAgreementVerificationMessage = Static<
  typeof ContractAgreementVerificationMessage
>;

/** §7.2.5 */
export const ContractNegotiationEventMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("ContractNegotiationEventMessage"),
  providerPid: pid,
  consumerPid: pid,
  eventType: Type.Union([Type.Literal("ACCEPTED"), Type.Literal("FINALIZED")]),
  comity: announcement,
});
export type ContractNegotiationEventMessage = Static<typeof ContractNegotiationEventMessage>;

/** §7.2.6 */
export const ContractNegotiationTerminationMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("ContractNegotiationTerminationMessage"),
  providerPid: pid,
  consumerPid: pid,
  code: Type.Optional(Type.String()),
  reason: reasons,
});
export type ContractNegotiationTerminationMessage = Static<
  typeof ContractNegotiationTerminationMessage
>;

/** §7.3.1; both roles answer with it. */
export const ContractNegotiation = Type.Object({
  "@type": Type.Literal("ContractNegotiation"),
  providerPid: pid,
  consumerPid: pid,
  state: Type.String(),
});

/** §9.2.1 */
export const TransferRequestMessage = Type.Object({
  "@type": Type.Literal("TransferRequestMessage"),
  consumerPid: pid,
  agreementId: pid,
  format: Type.String({ maxLength: 256 }),
  callbackAddress: url,
  /** Where the provider is to push to; of a pull it says nothing. */
  dataAddress: Type.Optional(Type.Unknown()),
});
export type TransferRequestMessage = Static<typeof TransferRequestMessage>;

export const DataAddress = Type.Object({
  "@type": Type.Literal("DataAddress"),
  endpointType: Type.String(),
  endpoint: Type.Optional(url),
  endpointProperties: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
  ),
});
export type DataAddress = Static<typeof DataAddress>;

/** §9.2.2 */
export const TransferStartMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Literal("TransferStartMessage"),
  providerPid: pid,
  consumerPid: pid,
  dataAddress: Type.Optional(DataAddress),
});
export type TransferStartMessage = Static<typeof TransferStartMessage>;

/** §9.2.3–9.2.5: suspension, completion and termination have one shape. */
export const TransferChangeMessage = Type.Object({
  "@id": messageId,
  "@type": Type.Union([
    Type.Literal("TransferSuspensionMessage"),
    Type.Literal("TransferCompletionMessage"),
    Type.Literal("TransferTerminationMessage"),
  ]),
  providerPid: pid,
  consumerPid: pid,
  code: Type.Optional(Type.String()),
  reason: reasons,
});
export type TransferChangeMessage = Static<typeof TransferChangeMessage>;

/** §9.3.1 */
export const TransferProcess = Type.Object({
  "@type": Type.Literal("TransferProcess"),
  providerPid: pid,
  consumerPid: pid,
  state: Type.String(),
});

/** §5.2.1 */
export const CatalogRequestMessage = Type.Object({
  "@type": Type.Literal("CatalogRequestMessage"),
  /** An array by its schema; EDC sends an object. */
  filter: Type.Optional(Type.Unknown()),
});

/** As its provider measured it: the interface `Quality`. */
const quality = Type.Object({
  minutes: Type.Integer({ minimum: 1, maximum: 1_440 }),
  messages: Type.Integer({ minimum: 0 }),
  perMinuteMedian: Type.Number({ minimum: 0 }),
  minutesWithData: Type.Number({ minimum: 0, maximum: 1 }),
  longestGapSeconds: Type.Integer({ minimum: 0 }),
  completeness: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  lag: Type.Optional(
    Type.Object({
      medianSeconds: Type.Number({ minimum: 0 }),
      p95Seconds: Type.Number({ minimum: 0 }),
    }),
  ),
  lastAt: Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" }),
});

/** The vocabulary it is by, and how its messages were when its provider looked at them. */
const mark = Type.Object({
  issuer: Type.String({ maxLength: 512 }),
  sector: Type.String({ pattern: "^[a-z0-9-]{1,32}$" }),
  version: Type.String({ maxLength: 32 }),
  hash: Type.String({ maxLength: 64 }),
  state: Type.Union([
    Type.Literal("conforming"),
    Type.Literal("departing"),
    Type.Literal("unchecked"),
  ]),
  checked: Type.Integer({ minimum: 0 }),
  conforming: Type.Integer({ minimum: 0 }),
  since: Type.Optional(Type.String({ maxLength: 32 })),
  until: Type.Optional(Type.String({ maxLength: 32 })),
  departures: Type.Optional(
    Type.Array(
      Type.Object({ text: Type.String({ maxLength: 500 }), count: Type.Integer({ minimum: 1 }) }),
      { maxItems: 10 },
    ),
  ),
});

/** What a product says about itself beyond its policy: our member of a Dataset. */
const aboutProduct = Type.Object({
  title: Type.String(),
  description: Type.Optional(Type.String()),
  delivery: Type.Optional(Type.Union([Type.Literal("live"), Type.Literal("logged")])),
  topics: Type.Optional(Type.Array(Type.String())),
  approval: Type.Optional(Type.Union([Type.Literal("auto"), Type.Literal("manual")])),
  sector: Type.Optional(Type.String()),
  keywords: Type.Optional(Type.Array(Type.String())),
  /** UCUM codes. */
  units: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
  place: Type.Optional(
    Type.Object({ lat: Type.Number(), lon: Type.Number(), name: Type.Optional(Type.String()) }),
  ),
  price: Type.Optional(Price),
  quality: Type.Optional(quality),
  mark: Type.Optional(mark),
  sheet: Type.Optional(
    Type.Object({
      kind: Type.Optional(Type.String({ maxLength: 1_000 })),
      format: Type.Optional(Type.String({ maxLength: 1_000 })),
      messagesPerDay: Type.Optional(Type.Number()),
      bytesPerDay: Type.Optional(Type.Number()),
      retentionDays: Type.Optional(Type.Number()),
      access: Type.Optional(Type.String({ maxLength: 1_000 })),
      tradeSecrets: Type.Optional(Type.Boolean()),
      contact: Type.Optional(Type.String({ maxLength: 1_000 })),
    }),
  ),
  cost: Type.Optional(Price),
  tradeSecrets: Type.Optional(
    Type.Object({
      fields: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 100 }),
      measures: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 20 }),
    }),
  ),
});
export type AboutProduct = Static<typeof aboutProduct>;

/** §5.3.2 */
export const Dataset = Type.Object({
  "@id": pid,
  hasPolicy: Type.Array(Type.Intersect([Type.Object({ "@id": pid }), json])),
  comity: Type.Optional(aboutProduct),
});
export type Dataset = Static<typeof Dataset>;

/** §5.3.1 */
export const Catalog = Type.Object({
  "@type": Type.Literal("Catalog"),
  participantId: Type.Optional(Type.String()),
  dataset: Type.Optional(Type.Array(Dataset)),
});
export type Catalog = Static<typeof Catalog>;

/** §4.3: what a connector tells about itself before anything else. */
export const VersionMetadata = Type.Object({
  protocolVersions: Type.Array(
    Type.Object({ version: Type.String(), path: Type.String({ maxLength: 512 }) }),
    { maxItems: 100 },
  ),
});

const reasonLengthMax = 1_000;

/** Why the other side ended or suspended it, as text: its schema admits anything in the list. */
export function reasonOf(
  { reason = [], code }: { readonly reason?: readonly unknown[]; readonly code?: string },
  otherwise: string,
): string {
  // JSON-LD's text in a language, or text as it is
  const textOf = (part: unknown) => (part as { "@value"?: unknown } | null)?.["@value"] ?? part;
  const texts = reason.map(textOf).filter((part) => typeof part === "string");
  return (texts.join("; ") || code || otherwise).slice(0, reasonLengthMax);
}

/** A message with its context and type in front. */
export function message<T extends string, M extends object>(
  type: T,
  members: M,
): { "@context": readonly string[]; "@type": T } & M {
  return { "@context": [dspContext], "@type": type, ...members };
}
