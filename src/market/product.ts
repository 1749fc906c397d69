import type { Place } from "../kernel/place.ts";
import type { Price } from "../kernel/price.ts";

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
  readonly place?: Place;
  readonly terms: Terms;
  /** Who agrees to a request: the node by itself (absent), or a person. */
  readonly approval?: "auto" | "manual";
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** What is offered, all of it enforced on every message. */
export interface Terms {
  readonly price: Price;
  /** Topic filters, where less than the product is sold; absent: all its topics. */
  readonly topics?: readonly string[];
  /** Top-level JSON members that are let through; absent: the payload as it is. */
  readonly fields?: readonly string[];
  /** ISO 8601, UTC: nothing is delivered from then on. */
  readonly notAfter?: string;
  /** At most so many messages over the agreement's life. */
  readonly messagesMax?: number;
}
