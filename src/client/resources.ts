import type { Place } from "../kernel/place.ts";
import type { Quality } from "../kernel/quality.ts";
import type { Price } from "../kernel/price.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { DataSheetResource, MeasuredResource } from "./data-sheet.ts";
import type {
  AttestationResource,
  PricedResource,
  TradeSecretsResource,
  VariantResource,
} from "./attestation.ts";
import type { MarkResource } from "./commissions.ts";
import type { TermsResource, ToldTerms } from "./terms.ts";
import type { SearchQuery } from "../ports/search.ts";
import type { LinkResource } from "./link-resource.ts";

/** The resources of the HTTP API as they travel; times are ISO 8601 UTC unless they say else. */

/** How an agreed stream is handed over, by its pid on this node. */
export interface TransferResource {
  readonly pid: string;
  readonly role: "provider" | "consumer";
  readonly state: "REQUESTED" | "STARTED" | "SUSPENDED" | "COMPLETED" | "TERMINATED";
  readonly format: string;
  readonly agreement: string;
  /** The other participant's DID. */
  readonly counterpart: string;
  readonly startedAt: string;
  readonly problem?: string;
  readonly suspendedBy?: "provider" | "consumer";
  /** Provider: milliseconds since the Unix epoch. */
  readonly tokenExpiresAt?: number;
}

export interface ProductResource extends ToldTerms, PricedResource {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly topics: readonly string[];
  readonly delivery: "live" | "logged";
  readonly sector: string;
  readonly keywords: readonly string[];
  /** UCUM codes. */
  readonly units?: readonly string[];
  readonly place?: Place;
  /** Hash of the vocabulary that it is by, and how it holds to it. */
  readonly conformsTo?: string;
  readonly mark?: MarkResource;
  /** Who agrees to a request: the node by itself (absent), or a person. */
  readonly approval?: "auto" | "manual";
  /** Who thinks of agreeing may see no messages of it before; absent: the last ten. */
  readonly sample?: false;
  /** The only participant that sees it and may agree; absent: every one. */
  readonly reservedFor?: string;
  /** How long a logged one is kept, bytes of payloads; absent: for ever. */
  readonly retention?: { readonly days?: number; readonly bytesMax?: number };
  readonly sheet?: DataSheetResource;
  /** Of a logged product, where one is asked for. */
  readonly measured?: MeasuredResource;
  readonly terms: TermsResource;
  /** What is offered, in ODRL: the terms, and conditions that terms have no words for. */
  readonly policy: object;
  readonly createdAt: string;
  /** What really passed over the last day; absent until a minute of it is known. */
  readonly quality?: Quality;
}

/** The last messages of a product as its offer would let them through, oldest first. */
export interface SampleResource {
  readonly messages: readonly {
    readonly topic: string;
    /** Milliseconds since the Unix epoch. */
    readonly at: number;
    /** As text where it is UTF-8, else in base64. */
    readonly payload?: string;
    readonly payloadBase64?: string;
  }[];
}

/** `title`, `topics` and a price are needed, or a policy; the id then comes from the title. */
export type NewProduct = Pick<ProductResource, "title" | "topics"> &
  Partial<
    Omit<
      ProductResource,
      | "title"
      | "topics"
      | "terms"
      | "createdAt"
      | "quality"
      | "mark"
      | "reservedFor"
      | "measured"
      | keyof ToldTerms
    >
  > & {
    /** What the policy says as well must be the same. */
    readonly terms?: Partial<TermsResource>;
  };

export interface PeerResource {
  readonly did: string;
  readonly name: string;
  readonly url: string;
  readonly title?: string;
  readonly country?: string;
  readonly currency?: string;
  readonly place?: Place;
  /** When its catalogue was last read, and how many offers it held. */
  readonly seenAt?: string;
  readonly offers?: number;
  /** Why it could not be read since. */
  readonly problem?: string;
}

/** An offer that was found: its product with whose it is. */
export interface OfferResource extends ToldTerms {
  readonly offer: string;
  readonly product: string;
  readonly title: string;
  readonly description?: string;
  readonly provider: string;
  readonly providerName: string;
  readonly topics?: readonly string[];
  readonly delivery?: "live" | "logged";
  readonly sector?: string;
  readonly keywords?: readonly string[];
  readonly units?: readonly string[];
  readonly place?: Place;
  readonly sheet?: DataSheetResource;
  /** When its provider's catalogue was last read; absent: it is the node's own. */
  readonly seenAt?: string;
  readonly price: Price;
  readonly cost?: Price;
  readonly tradeSecrets?: TradeSecretsResource;
  /** The same product's offers to whoever attests what they need. */
  readonly variants?: readonly VariantResource[];
  readonly recipientClass?: RecipientClass;
  readonly measures?: readonly string[];
  readonly fields?: readonly string[];
  readonly notAfter?: string;
  readonly messagesMax?: number;
  /** As its provider measured it over the last day. */
  readonly quality?: Quality;
  /** As its provider measured it, too. */
  readonly mark?: MarkResource;
}

/** What to find; all that is given must hold. */
export interface FindQuery {
  /** Words, the last one perhaps only begun. */
  readonly q?: string;
  readonly sector?: string;
  readonly delivery?: "live" | "logged";
  /** UCUM code. */
  readonly unit?: string;
  /** A sector: by a vocabulary of it that this node recognises, and holding to it. */
  readonly mark?: string;
  /** Name or DID. */
  readonly provider?: string;
  readonly free?: boolean;
  /** `lat,lon,km`. */
  readonly near?: string;
  /** `south,west,north,east`, degrees. */
  readonly box?: string;
  /** At most so much for one message, with its currency: `0.01 EUR`. */
  readonly priceMax?: string;
  /** Its newest message is not older. */
  readonly newerThanSeconds?: number;
  /** What is asked of a price is asked of the one for this class. */
  readonly as?: RecipientClass;
  /** Asks peers before it answers. */
  readonly fresh?: boolean;
  readonly offset?: number;
  readonly limit?: number;
}

/** What to look for from now on. */
export type NewWant = Omit<FindQuery, "fresh" | "offset" | "limit" | "newerThanSeconds"> & {
  /** Agrees by itself to the first that fits. */
  readonly auto?: boolean;
  /** The most that agreement may cost over its life. */
  readonly spendMax?: { readonly amount: string; readonly currency: string };
};

export interface WantResource {
  readonly id: string;
  readonly query: Omit<SearchQuery, "limit" | "offset">;
  readonly as?: RecipientClass;
  readonly auto: boolean;
  readonly spendMax?: { readonly amount: string; readonly currency: string };
  readonly agreementsMax: number;
  /** The latest offers that fitted, newest last. */
  readonly matches: readonly {
    readonly offer: string;
    readonly provider: string;
    readonly title: string;
    readonly at: string;
    readonly state: "told" | "agreeing" | "agreed" | "refused";
    readonly agreement?: string;
    readonly problem?: string;
  }[];
  readonly createdAt: string;
}

export type EvidenceResource = "two-sided" | "one-sided";

export interface AgreementResource {
  readonly id: string;
  readonly role: "provider" | "consumer";
  readonly provider: string;
  readonly consumer: string;
  readonly product: string;
  readonly title: string;
  readonly delivery: "live" | "logged";
  readonly topics: readonly string[];
  /** As it was agreed; `changes` are what both signed since. */
  readonly price: Price;
  readonly changes?: readonly {
    readonly number: number;
    readonly price: Price;
    readonly from: string;
  }[];
  readonly policyHash: string;
  readonly signedAt: string;
  /** How many sides signed it: docs/reference/evidence.md says what that proves. */
  readonly evidence: EvidenceResource;
  /** The consumer runs no node and signed nothing: the provider alone counts. */
  readonly oneSided?: "free" | "prepaid" | "billed";
  /** Where it is `billed`: what a calendar month costs at most; decimal. */
  readonly ceiling?: string;
  readonly state: "active" | "ended";
  readonly ended?: { readonly reason: string; readonly by: string; readonly at: string };
}

/** With the policy, its signatures, and what was counted. */
export interface AgreementDetail extends AgreementResource, ToldTerms {
  readonly policy: unknown;
  /** What was signed, with the signatures there are. */
  readonly jws: unknown;
  readonly keys: unknown;
  /** What the consumer attests of itself; both signed it. */
  readonly attested?: AttestationResource;
  /** Of what is received, as this node looked at it; absent: no vocabulary was promised. */
  readonly mark?: MarkResource;
  /** Hash of the vocabulary that was promised; both signed it. */
  readonly conformsTo?: string;
  readonly usage?: UsageResource;
}

export interface UsageResource {
  readonly agreement: string;
  readonly role: "provider" | "consumer";
  readonly product: string;
  readonly title: string;
  /** Of the agreement. */
  readonly evidence: EvidenceResource;
  readonly messages: number;
  readonly bytes: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** What both sides have signed for. */
  readonly receipted?: { readonly seq: number; readonly messages: number };
  /** Messages withheld, by reason. */
  readonly refused?: Readonly<Record<string, number>>;
  /** Handed to clients that keep no checkpoints: counted by the provider alone, not billed. */
  readonly oneSided?: { readonly messages: number; readonly bytes: number };
}

export interface StatementResource {
  readonly agreement: string;
  readonly role: "provider" | "consumer";
  readonly provider: string;
  readonly consumer: string;
  readonly product: string;
  readonly title: string;
  readonly month: string;
  /** Of the agreement. */
  readonly evidence: EvidenceResource;
  readonly messages: number;
  readonly bytes: number;
  readonly amount: string;
  readonly currency: string;
  readonly receipts: number;
  /** What the amount is made of, where charges by the month price it. */
  readonly parts?: readonly {
    readonly charge: "usage" | "month" | "minimum";
    readonly amount: string;
  }[];
}

/** One way in for MQTT clients. */
export interface ListenerResource {
  readonly transport: "tcp" | "tls" | "ws" | "wss" | "unix";
  readonly url: string;
  /** Key exchanges of TLS that are offered, the preferred first. */
  readonly keyExchanges?: readonly string[];
  readonly clientCertificates?: "none" | "optional" | "required";
  /** When the node's own ends. */
  readonly certificateEnds?: string;
}

export interface StatusResource {
  readonly name: string;
  readonly did: string;
  readonly version: string;
  /** `publicUrl`: where others reach it; the same as `url` where no other was named. */
  readonly mqtt: {
    readonly url: string;
    readonly publicUrl: string;
    readonly connections: number;
    readonly listeners: readonly ListenerResource[];
  };
  readonly http: { readonly url: string; readonly publicUrl: string };
  readonly counts: {
    readonly things: number;
    /** Devices that wait to be accepted or refused. */
    readonly pending: number;
    readonly products: number;
    readonly agreements: number;
  };
  readonly links: readonly LinkResource[];
  readonly refusals: Readonly<Record<string, number>>;
  /** Messages given up since the start: a full queue, or a publisher without the right. */
  readonly dropped: number;
  readonly uptimeSeconds: number;
}

export interface LogResource {
  readonly log: string;
  readonly epoch: string;
  /** The position after the last message. */
  readonly end: number;
  readonly messages: number;
  readonly bytes: number;
  /** Messages that were erased; their positions stand. */
  readonly erased?: number;
}

/** One line of `GET /api/v1/logs/…`; the payload as text where it is UTF-8. */
export interface LogLine {
  readonly position: number;
  /** Milliseconds since the Unix epoch: when it was logged. */
  readonly at: number;
  readonly topic: string;
  readonly payload?: string;
  readonly payloadBase64?: string;
}

/** What became of a batch of messages. */
export interface BatchAnswer {
  /** Of a logged stream: they are durable. */
  readonly accepted: number;
  /** Of those, how many the log had under their numbers, whatever they say now; absent: none. */
  readonly repeated?: number;
  /** Lines counted from 1; every other one that is not empty was accepted. */
  readonly refused: readonly {
    readonly line: number;
    readonly code: string;
    readonly message: string;
  }[];
}

/** One event of `GET /api/v1/streams/…`. */
export interface StreamMessage {
  /** Of a logged stream: to go on after it. */
  readonly id?: string;
  /** When it was logged, milliseconds since the Unix epoch. */
  readonly at?: number;
  readonly topic: string;
  readonly payload?: string;
  readonly payloadBase64?: string;
  readonly retain?: boolean;
}

export interface AuditResource {
  readonly id: string;
  readonly at: string;
  readonly who: string;
  readonly act: string;
  readonly what: string;
  /** `done`, `refused: CODE`, `failed: CODE`, or `begun` where the node stopped in the middle. */
  readonly outcome: string;
}

export interface UserResource {
  readonly id: string;
  readonly role: "viewer" | "operator" | "trader" | "owner";
  /** What this user's agreements may cost in a month. */
  readonly budget?: { readonly amount: string; readonly currency: string };
  readonly createdAt: string;
}

export interface HealthResource {
  readonly status: "ok";
  readonly name: string;
  readonly did: string;
  readonly version: string;
}
