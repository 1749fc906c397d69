import type { Price } from "../kernel/price.ts";
import type { GeneralJws, PublicJwk } from "../ports/signer.ts";

/**
 * How a partner without a node pays: not at all, ahead for so many messages, or afterwards for what
 * its MQTT client acknowledged, up to a ceiling a month.
 */
export type GuestPayment = "free" | "prepaid" | "billed";

/** How many sides signed: what it proves is told in docs/reference/evidence.md. */
export type EvidenceSides = "two-sided" | "one-sided";

/** A price that both signed after the agreement, and from when it holds. */
export interface PriceChange {
  readonly number: number;
  readonly price: Price;
  /** ISO 8601, UTC. */
  readonly from: string;
  /** The change in canonical form, signed by both. */
  readonly evidence: GeneralJws;
}

/** The DID of who is on the other side of it. */
export function partnerOf({
  role,
  provider,
  consumer,
}: Pick<Agreement, "role" | "provider" | "consumer">): string {
  return role === "provider" ? consumer : provider;
}

/** Both sides hold the same agreement; `role` says which side this node is. */
export interface Agreement {
  /** `urn:uuid:…`, the DSP agreement id. */
  readonly id: string;
  readonly role: "provider" | "consumer";
  /** DIDs. */
  readonly provider: string;
  readonly consumer: string;
  /** The provider's product id and title. */
  readonly product: string;
  readonly title: string;
  readonly delivery: "live" | "logged";
  readonly topics: readonly string[];
  readonly price: Price;
  /** Prices it was changed to since, in order of their numbers: 2, 3 … */
  readonly changes?: readonly PriceChange[];
  /** The ODRL Agreement as it was signed. */
  readonly policy: unknown;
  /** canonicalHash of `policy`. */
  readonly policyHash: string;
  /** The agreement in canonical form, signed by both; verifies against `keys` for ever. */
  readonly evidence: GeneralJws;
  /** Public keys pinned at signing, by DID. */
  readonly keys: Readonly<Record<string, PublicJwk>>;
  /** ISO 8601, UTC. */
  readonly signedAt: string;
  /** The consumer runs no node and signed nothing: this side alone counts, and was paid so. */
  readonly oneSided?: GuestPayment;
  /** Where such a partner is billed: what one calendar month costs at most; decimal. */
  readonly ceiling?: string;
  readonly state: "active" | "ended";
  /** Why and when it ended. */
  readonly ended?: {
    readonly reason: "revoked" | "expired" | "cap";
    readonly by: string;
    readonly at: string;
    /** `{v, agreement, reason, by, at}` in canonical form, signed by who ended it. */
    readonly record?: GeneralJws;
  };
}
