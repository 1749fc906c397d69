import { createHash } from "node:crypto";
import canonicalize from "canonicalize";

/** JSON in the canonical form of RFC 8785: the bytes that are hashed and signed. */
export function canonicalBytes(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("only JSON values have a canonical form");
  return Buffer.from(text, "utf8");
}

/** `sha256:<base64url>` over the canonical form. */
export function canonicalHash(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalBytes(value)).digest("base64url")}`;
}
