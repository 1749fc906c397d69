/** Ends of an agreement that there are words for; what another version calls it is an end like any. */
export function endOf(reason: string): "revoked" | "expired" | "cap" | "other" {
  return reason === "revoked" || reason === "expired" || reason === "cap" ? reason : "other";
}
