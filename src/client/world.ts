import type { Happening } from "../kernel/journal.ts";
import type { Place } from "../kernel/place.ts";
import type { TermsResource } from "./terms.ts";

/** What `GET /api/v1/world` answers and `event: world` of `/api/v1/world/live` carries. */
export interface World {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** DID of the node that tells. */
  readonly self: string;
  readonly nodes: readonly WorldNode[];
  readonly agreements: readonly WorldAgreement[];
  /** Oldest first. */
  readonly happenings: readonly Happening[];
  readonly totals: readonly WorldTotal[];
}

export interface WorldNode {
  readonly did: string;
  readonly name: string;
  readonly title: string;
  /** ISO 3166-1 alpha-2 code. */
  readonly country: string;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly place: Place;
  readonly url: string;
  readonly online: boolean;
  readonly messagesPerSecond: number;
  readonly things: readonly WorldThing[];
}

export interface WorldThing {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly place?: Place;
  readonly lastAt?: number;
  /** Short text of its last message. */
  readonly last?: string;
}

export interface WorldAgreement {
  readonly id: string;
  /** DIDs. */
  readonly provider: string;
  readonly consumer: string;
  readonly product: string;
  readonly title: string;
  readonly sector: string;
  readonly state: "active" | "ended";
  readonly link: LinkState;
  readonly ratePerSecond: number;
  readonly messages: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly latencyMs?: number;
  /** What was agreed, where the telling node knows it. */
  readonly delivery?: "live" | "logged";
  readonly terms?: TermsResource;
  readonly effect?: Effect;
  readonly endedReason?: string;
}

export type LinkState = "up" | "down" | "ended";

/** What the buyer did with the stream, in its own words and figures. */
export interface Effect {
  readonly text: string;
  readonly value: number;
  readonly unit: string;
}

export interface WorldTotal {
  readonly currency: string;
  /** Decimal string: what sellers earned in this currency. */
  readonly amount: string;
  readonly messages: number;
}

/** One node's own part of the world, as its peers read it at `/comity/v1/overview`. */
export interface Overview {
  readonly at: number;
  readonly node: WorldNode;
  readonly agreements: readonly WorldAgreement[];
  readonly happenings: readonly Happening[];
}
