import { createHash } from "node:crypto";
import { canonicalBytes } from "../../kernel/canonical.ts";

/**
 * The provider's pid for a consumer's request. Made from the request (RFC 9562 §5.8, version 8),
 * so that the same request finds the process it started, without an index: DSP 2025-1 asks for
 * idempotence by consumerPid. It is no secret; every call is checked against the caller's DID.
 */
export function pidFor(kind: string, provider: string, consumer: string, pid: string): string {
  const seed = canonicalBytes([kind, provider, consumer, pid]);
  const bytes = createHash("sha256").update(seed).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `urn:uuid:${parts.join("-")}-${hex.slice(20)}`;
}
