import { isUtf8 } from "node:buffer";
import { isCborArray, isCborMap } from "../wire/cbor/item.ts";
import { jsonRootOf } from "./json-text.ts";
import { cborForm, jsonForm, type Written } from "./payload-form.ts";
import { type Position, positionOf } from "./position.ts";
import type { PackShaper } from "./senml.ts";
import type { Shaper } from "./shape.ts";

/** A payload that was understood. */
export interface Readable {
  /** Where it says it is; undefined: nowhere. */
  position(): Position | undefined;
  /** What a shape leaves of it; undefined: it cannot be made so. */
  shaped(shapers: Shapers): string | Buffer | undefined;
}

/** How objects are shaped, and SenML packs; packs not at all where the grant has what they cannot. */
export interface Shapers {
  readonly object: Shaper;
  readonly pack: PackShaper | undefined;
}

/**
 * Reads a payload by its first byte, which tells the forms apart whatever its sender calls it: a
 * JSON object, a SenML pack in JSON (an array), a CBOR map or a SenML pack in CBOR. The first bytes
 * of CBOR maps and arrays begin no UTF-8, and so no JSON (RFC 8259 §8.1). Undefined: none of these.
 */
export function readable(payload: Buffer): Readable | undefined {
  const first = payload[0];
  if (first !== undefined && first >= 0x80 && first < 0xc0) {
    const root = isCborMap(payload) ? "object" : isCborArray(payload) ? "array" : undefined;
    return read({ message: payload, form: cborForm }, root);
  }
  if (!isUtf8(payload)) return undefined;
  const message = payload.toString("utf8");
  return read({ message, form: jsonForm }, jsonRootOf(message));
}

function read<T extends string | Buffer>(
  written: Written<T>,
  root: "object" | "array" | undefined,
): Readable | undefined {
  switch (root) {
    case "object":
      return {
        position: () => positionOf(written),
        shaped: ({ object }) => object(written),
      };
    case "array":
      // A pack's position stands in records, if at all: it is not looked for.
      return { position: () => undefined, shaped: ({ pack }) => pack?.(written) };
    default:
      return undefined;
  }
}
