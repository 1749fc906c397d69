import type { JsonObject } from "../kernel/json-object.ts";
import { type Place, placeProblem } from "../kernel/place.ts";
import { filterProblem } from "../kernel/topic.ts";
import { certificateIn, type ThingCertificate } from "./certificate.ts";

const name = /^[a-z0-9-]{1,64}$/;
const filtersMax = 64;
const textMax = 200;

/** A Thing as it is asked for. */
export interface ThingDraft {
  readonly name: string;
  readonly title?: string | undefined;
  readonly kind?: string | undefined;
  readonly place?: Place | undefined;
  readonly publish?: readonly string[] | undefined;
  readonly subscribe?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  /** With which it may come over TLS, instead of its token. */
  readonly certificate?: ThingCertificate | undefined;
  /** Valid, but for forms and security, which the node adds. */
  readonly td?: JsonObject | undefined;
}

/** What is wrong with it, or undefined. */
export function draftProblem(draft: ThingDraft): string | undefined {
  if (!name.test(draft.name)) {
    return `its name "${draft.name}" is not 1 to 64 of a-z, 0-9 and -`;
  }
  for (const text of [draft.title, draft.kind]) {
    if (text !== undefined && (text === "" || text.length > textMax)) {
      return `title and kind have 1 to ${textMax} characters`;
    }
  }
  const certificate = draft.certificate && certificateIn(draft.certificate);
  if (typeof certificate === "string") return certificate;
  const place = draft.place && placeProblem(draft.place);
  if (place !== undefined) return place;
  for (const filters of [draft.publish ?? [], draft.subscribe ?? []]) {
    if (filters.length > filtersMax) return `it has more than ${filtersMax} filters`;
    for (const filter of filters) {
      const wrong = filterProblem(filter);
      if (wrong !== undefined) return `the filter '${filter}' ${wrong}`;
      if (filter.startsWith("$")) return `the filter '${filter}' is the node's own`;
    }
  }
  return undefined;
}

/** A text that a Description may hold where the node keeps a short one. */
export function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, textMax) : undefined;
}
