import { formatAmount } from "../kernel/amount.ts";
import type { Agreement, EvidenceSides } from "../market/agreement.ts";
import { evidenceSides } from "../market/evidence.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Owed } from "../meter/owed.ts";
import { lastCosigned } from "../meter/receipt.ts";
import type { Meter } from "../meter/usage.ts";
import { noUsage, type Refusal } from "../ports/usage.ts";
import type { Store } from "../ports/store.ts";

/** What one agreement has used so far, as this side counted it. */
export interface UsageView {
  readonly agreement: string;
  readonly role: "provider" | "consumer";
  readonly product: string;
  readonly title: string;
  /** How many sides signed the agreement. */
  readonly evidence: EvidenceSides;
  readonly messages: number;
  readonly bytes: number;
  readonly amount: string;
  readonly currency: string;
  /** What both sides have signed for. */
  readonly receipted?: { readonly seq: number; readonly messages: number };
  /** Messages withheld, by reason; known to the provider. */
  readonly refused?: Readonly<Partial<Record<Refusal, number>>>;
  /** Handed to clients that keep no checkpoints: counted here alone and not billed. */
  readonly oneSided?: { readonly messages: number; readonly bytes: number };
}

interface Counting {
  readonly store: Store;
  readonly meter: Meter;
  readonly counts: ConsumerCounts;
  readonly owed: Owed;
}

export async function usageOf(agreement: Agreement, rooms: Counting): Promise<UsageView> {
  const { id, role, product, title, price } = agreement;
  const counted = role === "provider" ? rooms.meter.acknowledged(id) : await rooms.counts.last(id);
  const { messages, payloadBytes: bytes } = counted ?? noUsage;
  const signed = await lastCosigned(rooms.store, id);
  const { refused, handedOver } = rooms.meter.tally(id);
  return {
    agreement: id,
    role,
    product,
    title,
    evidence: evidenceSides(agreement),
    messages,
    bytes,
    amount: formatAmount(rooms.owed.micro(agreement, { messages, bytes })),
    currency: price.currency,
    ...(signed === undefined
      ? {}
      : { receipted: { seq: signed.body.seq, messages: signed.body.messages } }),
    ...(role === "provider" ? { refused } : {}),
    ...(handedOver.messages > 0 ? { oneSided: handedOver } : {}),
  };
}
