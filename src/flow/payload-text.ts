import { isUtf8 } from "node:buffer";

/** A payload as JSON can carry it: as text where it is UTF-8, else in base64. */
export function payloadText(
  payload: Uint8Array,
): { readonly payload: string } | { readonly payloadBase64: string } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isUtf8(bytes)) return { payload: bytes.toString("utf8") };
  return { payloadBase64: bytes.toString("base64") };
}
