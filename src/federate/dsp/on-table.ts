import { ComityError } from "../../kernel/errors.ts";
import type { Negotiation, Written } from "../../market/negotiation.ts";
import { type Delivered, policyDigest, readRules, termsOf } from "../../market/policy.ts";

/** What a negotiation keeps of the offer that was made last, by whoever. */
export type OnTable = Pick<Negotiation, "offer" | "rules" | "digest">;

/**
 * The offer as it will be agreed to: its id as it is, its rules without what does not bind. A
 * profile is named again only where the sender named it, since connectors compare what comes
 * back with what they sent. POLICY_UNENFORCEABLE names what this node cannot hold to.
 */
export function onTable(product: string, offer: { "@id": string }, delivered: Delivered): OnTable {
  const { profile, ...rest } = readRules(offer);
  termsOf({ profile, ...rest });
  const rules: Written = "profile" in offer ? { profile, ...rest } : rest;
  const digest = policyDigest(product, { profile, ...rest }, delivered);
  return { offer: offer["@id"], rules, digest };
}

/** A product's id is a level of the topics its stream stands under here: `from/<peer>/<id>/…`. */
export function assertNameable(product: string): void {
  if (/^[^/+#\p{Cc}]{1,256}$/u.test(product)) return;
  const problem = `the dataset "${product}" has a name that cannot stand in a topic`;
  throw new ComityError("POLICY_UNENFORCEABLE", { problem });
}
