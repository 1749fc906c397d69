import type { Observation } from "./observation.ts";

/** Resources of one text, before anything is believed of them. */
export interface ReadResources {
  readonly observations: readonly unknown[];
  /** Of other types, or none: how many. */
  readonly others: number;
}

export interface BundleEntry {
  /** Unique in its Bundle (FHIR R4 bdl-7). */
  readonly fullUrl: string;
  readonly resource: Observation;
}

export interface ObservationBundle {
  readonly resourceType: "Bundle";
  readonly type: "collection";
  readonly timestamp: string;
  readonly entry?: readonly BundleEntry[];
}

const entriesMax = 20_000;

/**
 * An Observation, or those of a Bundle of any type (a search's answer, a transaction, a message);
 * in words why it is neither. A Bundle within a Bundle is one of the others.
 */
export function readResources(bytes: Uint8Array): ReadResources | string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // what a parser says of a text quotes it, and this one is about somebody
    return "it is no JSON";
  }
  const { resourceType, entry } = (value ?? {}) as { resourceType?: unknown; entry?: unknown };
  if (resourceType === "Observation") return { observations: [value], others: 0 };
  if (resourceType !== "Bundle") return "it is neither an Observation nor a Bundle";
  if (entry === undefined) return { observations: [], others: 0 };
  if (!Array.isArray(entry)) return "its entries are no list";
  if (entry.length > entriesMax) return `it has more than ${entriesMax} entries`;
  const resources = entry.map((one: unknown) => (one as { resource?: unknown } | null)?.resource);
  const observations = resources.filter(
    (one) => (one as { resourceType?: unknown } | null | undefined)?.resourceType === "Observation",
  );
  return { observations, others: resources.length - observations.length };
}

/** `at`: when it was put together, ISO 8601. FHIR R4 has no empty lists. */
export function bundleOf(entry: readonly BundleEntry[], at: string): ObservationBundle {
  return {
    resourceType: "Bundle",
    type: "collection",
    timestamp: at,
    ...(entry.length > 0 && { entry }),
  };
}
