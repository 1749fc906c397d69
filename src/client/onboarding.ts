import type { Place } from "../kernel/place.ts";
import type { ThingResource } from "./thing-resource.ts";

/** A code that unknown devices may come with; times are ISO 8601 UTC. */
export interface ClaimResource {
  readonly id: string;
  readonly state: "open" | "used up" | "expired" | "revoked";
  /** How many devices may become Things by it, how many did, and how many wait. */
  readonly devicesMax: number;
  readonly accepted: number;
  readonly pending: number;
  readonly topicPrefix?: string;
  readonly by: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

export interface NewClaim {
  readonly seconds?: number;
  readonly devicesMax?: number;
  /** Nothing else of the devices is looked at. */
  readonly topicPrefix?: string;
}

/** A device that waits for a decision, with a sample of what it sends. */
export interface PendingResource {
  readonly id: string;
  readonly claim: string;
  /** What it calls itself. */
  readonly name: string;
  /** The name it is accepted under unless another is given. */
  readonly suggestedName: string;
  readonly door: "MQTT" | "HTTP";
  /** More than one: the code or the name is used in several places. */
  readonly addresses: readonly string[];
  readonly connected: boolean;
  /** It is told its token when it is accepted; over HTTP every device is. */
  readonly listens: boolean;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly messages: number;
  /** Messages outside the code's topics. */
  readonly outside: number;
  /** Messages on more topics than are kept apart. */
  readonly beyond: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly messages: number;
    /** Of the last payload. */
    readonly bytes: number;
    readonly at: string;
    /** How the last payload begins. */
    readonly preview: string;
  }[];
  /** The filters it is accepted with unless others are given. */
  readonly publish: readonly string[];
  /** Why these are not given unasked: another Thing has them. */
  readonly shared?: string;
}

export interface PendingDetail extends PendingResource {
  /** Drafted from the sample. */
  readonly td: Readonly<Record<string, unknown>>;
}

export interface AcceptWish {
  readonly name?: string;
  readonly title?: string;
  readonly kind?: string;
  readonly place?: Place;
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  /** The drafted Description becomes its Description. */
  readonly describe?: boolean;
  /** The code stays its password; only for a code that is for one device. */
  readonly keepsCode?: boolean;
}

export interface AcceptedDevice {
  readonly thing: ThingResource;
  /** It is told its token; else somebody gives it one, or its messages end with the code. */
  readonly listens: boolean;
  /** When the code ends. */
  readonly until: string;
}
