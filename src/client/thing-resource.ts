import type { Place } from "../kernel/place.ts";
import type { ThingAccessResource } from "./data-access.ts";

export interface ThingResource {
  /** Its name: the MQTT username, and the first level of its topics. */
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly place?: Place;
  /** Topic filters it may publish under and subscribe to. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** With which it may come over TLS, instead of its token. */
  readonly certificate?: { readonly fingerprint256?: string; readonly subject?: string };
  readonly access?: ThingAccessResource;
  readonly createdAt: string;
  /** Milliseconds since the Unix epoch. */
  readonly lastAt?: number;
  readonly last?: string;
  /** Properties whose readings are not what its Description says. */
  readonly flagged?: readonly FlaggedProperty[];
}

/** A message a Thing sent, as the node saw it come. */
export interface SeenMessage {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly topic: string;
  /** Of the payload. */
  readonly bytes: number;
  /** How the payload begins. */
  readonly summary: string;
}

export interface FlaggedProperty {
  readonly property: string;
  /** Where in an object: `wind.speed`; absent: the reading as a whole. */
  readonly member?: string;
  /** Of the last reading; absent: it was as described. */
  readonly now?: ReadingFlag;
  /** Since the node started. */
  readonly counts: Readonly<Partial<Record<ReadingFlag, number>>>;
}

/** The gravest that applies, in this order. */
export type ReadingFlag = "unreadable" | "type" | "dimension" | "physical" | "bounds" | "unit";

export interface NewThing extends NewDescription {
  readonly name: string;
  readonly title?: string;
  readonly kind?: string;
  readonly place?: Place;
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  readonly certificate?: { readonly fingerprint256?: string; readonly subject?: string };
  /** Properties of its W3C Thing Description, where no more of one is given. */
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface AddedThing {
  readonly thing: ThingResource;
  /** Told here and never again. */
  readonly token: string;
  /** What its Description says of units that cannot be meant. */
  readonly warnings?: readonly string[];
}

/** What a Thing Description is made of. */
export interface NewDescription {
  /** W3C Thing Description 1.1; the node adds its own forms and security. */
  readonly td?: Readonly<Record<string, unknown>>;
  /** W3C Thing Model to make one of, and its address. */
  readonly model?: Readonly<Record<string, unknown>>;
  readonly href?: string;
  /** Models that it builds on, by their address. */
  readonly models?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly placeholders?: Readonly<Record<string, unknown>>;
  /** Of the model's optional affordances those the Thing has; absent: all. */
  readonly optional?: readonly string[];
}
