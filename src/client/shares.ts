/** A link to a product for a partner who runs no node. */
export interface ShareResource {
  readonly id: string;
  readonly product: string;
  readonly offer: string;
  readonly to: string;
  readonly payment: "free" | "prepaid" | "billed";
  /** Where it is billed: what a calendar month costs at most; decimal. */
  readonly ceiling?: string;
  /** What was paid ahead so far; decimal. */
  readonly paid?: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly accepted?: {
    readonly name: string;
    readonly email: string;
    readonly agreement: string;
    readonly at: string;
  };
  readonly revokedAt?: string;
  readonly state: "open" | "unpaid" | "changed" | "expired" | "accepted" | "ended" | "revoked";
}
