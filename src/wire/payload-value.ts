/** What JSON knows of values. */
export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

/**
 * `bytes`: octets in CBOR. `other`: what else of CBOR cannot be changed, as tagged items,
 * simple values and numbers that are none.
 */
export type ValueKind = JsonKind | "bytes" | "other";

/** One member of an object: its name as it is meant, and where it stands in the payload. */
export interface Member {
  readonly name: string;
  readonly keyAt: number;
  readonly keyEnd: number;
  readonly valueAt: number;
  readonly valueEnd: number;
}
