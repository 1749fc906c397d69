import { Type } from "typebox";
import type { PublicJwk } from "../ports/signer.ts";

/** Members of what two participants sign about money; closed, so that every byte is evidence. */
export const strict = { additionalProperties: false };
export const Did = Type.String({ minLength: 1, maxLength: 512 });
/** A decimal in the one spelling that it has. */
export const Amount = Type.String({ pattern: "^(0|[1-9][0-9]{0,17})(\\.[0-9]{0,5}[1-9])?$" });
export const Currency = Type.String({ pattern: "^[A-Z]{3}$" });
/** ISO 8601, UTC, to the millisecond. */
export const Time = Type.String({ pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z$" });
export const Hash = Type.String({ pattern: "^sha256:[\\w-]{43}$" });

/** The same text for the same key, whatever else a JWK says of it. */
export function keyText({ kty, crv, x }: PublicJwk): string {
  return `${kty} ${crv} ${x}`;
}
