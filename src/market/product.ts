import type { Place } from "../kernel/place.ts";
import type { GeoPolygon } from "../kernel/polygon.ts";
import type { Price } from "../kernel/price.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { DataSheet } from "./data-sheet.ts";
import type { Condition, Rate } from "./grant.ts";

export type { Place };

/** A named set of streams that other organisations can agree to receive (a DCAT Dataset). */
export interface Product {
  /** `[A-Za-z0-9._-]{1,64}`, no dot in front, unique on its node. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Topic filters, at least one. */
  readonly topics: readonly string[];
  /** `logged`: durable, positions, resumable; `live`: as it comes. */
  readonly delivery: "live" | "logged";
  readonly sector: string;
  readonly keywords: readonly string[];
  /** UCUM codes of what is measured. */
  readonly units?: readonly string[];
  readonly place?: Place;
  /** Hash of the vocabulary that its messages are by. */
  readonly conformsTo?: string;
  readonly terms: Terms;
  /** Beside the terms' price, which is everybody's: other prices, at most one a class. */
  readonly tariffs?: readonly Tariff[];
  /** The direct cost of making it available, as its owner states it (Data Act, Art. 9(2)(a)). */
  readonly cost?: Price;
  readonly tradeSecrets?: TradeSecrets;
  /** How long a logged one is kept; absent: for ever. */
  readonly retention?: Retention;
  /** What is told before an agreement. */
  readonly sheet?: DataSheet;
  /** What its policy says beyond the terms. */
  readonly conditions?: Conditions;
  /** Who agrees to a request: the node by itself (absent), or a person. */
  readonly approval?: "auto" | "manual";
  /** Who thinks of agreeing sees no messages of it before; absent: the last few. */
  readonly sample?: false;
  /** The only participant that sees it and may agree; absent: every one. */
  readonly reservedFor?: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** What is older, and the oldest of what is more, is given up; the newest block always stays. */
export interface Retention {
  readonly days?: number;
  /** Of payloads. */
  readonly bytesMax?: number;
}

export function isOfferedTo({ reservedFor }: Product, participant: string): boolean {
  return reservedFor === undefined || reservedFor === participant;
}

/** What a buyer pays who states to be of that class. */
export interface Tariff {
  readonly class: RecipientClass;
  readonly price: Price;
}

/** Let out only to whoever agrees to the measures (Data Act, Art. 4(6) and 5(9)). */
export interface TradeSecrets {
  /** Members; dotted: members of members. */
  readonly fields: readonly string[];
  /** What keeps them, in the owner's names: `nda`, `restricted-access`. */
  readonly measures: readonly string[];
}

/** What depends on each message, for which terms have no words. */
export interface Conditions {
  /** A message is let through only if this holds for it. */
  readonly when?: Condition;
  /** A message is withheld if one of these holds for it. */
  readonly unless?: readonly Condition[];
}

/**
 * What is offered. Times are ISO 8601 in UTC; names of JSON members may be dotted (`position.lat`
 * is the member `lat` of the member `position`). All but the last group is enforced on every
 * message; the last is promised by the buyer.
 */
export interface Terms {
  readonly price: Price;
  /** Topic filters, where less than the whole product is sold; absent: all its topics. */
  readonly topics?: readonly string[];
  /** JSON members that are let through; absent: the payload as it is. */
  readonly fields?: readonly string[];
  /** JSON members that are left out. */
  readonly drop?: readonly string[];
  /** Numbers rounded to a step, by member: `{"lat": 0.01}`. */
  readonly round?: Readonly<Record<string, number>>;
  /** Members whose value is replaced by a keyed hash, another key under each agreement. */
  readonly pseudonymise?: readonly string[];
  /** Dates moved by whole days, by member, at most so many: one number for all that belongs together. */
  readonly shift?: Readonly<Record<string, number>>;
  /** What belongs together has the same value here; absent: all of the agreement. */
  readonly shiftBy?: string;
  /** Nothing is delivered before `notBefore`, and nothing from `notAfter` on. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Nothing is delivered later than so long after the agreement was signed. */
  readonly lifeSeconds?: number;
  /** The data's own time, by when it was logged: from `dataFrom` on, and before `dataUntil`. */
  readonly dataFrom?: string;
  readonly dataUntil?: string;
  /** Over the agreement's life: messages, and bytes of their payloads. */
  readonly messagesMax?: number;
  readonly bytesMax?: number;
  /** By log time: the first so many messages of each window. */
  readonly rate?: Rate;
  /** By the position that stands in each message. */
  readonly area?: GeoPolygon;

  readonly purposes?: readonly string[];
  /** Who may receive it: participants' ids or names. */
  readonly recipients?: readonly string[];
  /** Where the data may be used: ISO 3166 codes, `NL` or `NL-ZH`. */
  readonly jurisdictions?: readonly string[];
  /** It may not be passed on. */
  readonly noResharing?: boolean;
  /** Each message is deleted at most so long after it was received. */
  readonly deleteAfterSeconds?: number;
  /** How the source is to be named. */
  readonly attribution?: string;
}
