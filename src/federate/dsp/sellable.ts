/** What a provider holds a request to: its offer, the statement it needs, the secrets it keeps. */
import { ComityError } from "../../kernel/errors.ts";
import { isFree, type Price } from "../../kernel/price.ts";
import { attestationIn } from "../../market/evidence.ts";
import type { Negotiation } from "../../market/negotiation.ts";
import { type Offer, readRules, type Rules, shownOffer, termsOf } from "../../market/policy.ts";
import type { PolicyTerms } from "../../market/policy/rules.ts";
import { secretsLetOut } from "../../market/policy/trade-secrets.ts";
import type { Product } from "../../market/product.ts";
import { assertAttested, attestationOf } from "../../market/attestation.ts";
import type { ContractRequestMessage } from "../../wire/dsp/messages.ts";
import { onTable } from "./on-table.ts";

/** What was asked for; unenforceable terms are named first. */
export function tableAsked(
  request: ContractRequestMessage,
  offer: Offer,
  product: Product,
  said: Pick<Negotiation, "signs" | "attested">,
): ReturnType<typeof onTable> {
  const own = onTable(product.id, shownOffer(offer), product);
  // a request may name the offer alone (DSP 2025-1 §7.2.1)
  const isNamed = !["permission", "obligation", "prohibition"].some((key) => key in request.offer);
  const asked = isNamed ? own : onTable(product.id, request.offer, product);
  const { target = product.id } = request.offer;
  if (target !== product.id) {
    throw new ComityError("POLICY_CHANGED", { where: "request's target" });
  }
  assertSellable(readRules(asked.rules), product, { ...said, offer: asked.offer });
  // where a person decides, other terms may be proposed from the first
  if (product.approval === "manual") return asked;
  if (asked.digest !== own.digest || request.offer["@id"] !== offer["@id"]) {
    throw new ComityError("POLICY_CHANGED", { where: "request" });
  }
  return own; // as the catalogue shows it, however the request spells it
}

/** Terms under which this product may go to who says so much of itself. */
export function assertSellable(
  rules: Rules,
  { tradeSecrets }: Product,
  { signs, attested, offer }: Pick<Negotiation, "signs" | "attested" | "offer">,
): PolicyTerms {
  const terms = termsOf(rules);
  if (!signs && !isFree(terms.price)) {
    const problem =
      "what costs money needs two signatures, and the caller does not sign agreements";
    throw new ComityError("POLICY_UNENFORCEABLE", { problem });
  }
  assertSecretsKept(terms, tradeSecrets);
  assertAttested(attestationIn(terms), attested, offer);
  return terms;
}

/** TRADE_SECRETS where they would go out without the measures that keep them, whoever says so. */
export function assertSecretsKept(terms: PolicyTerms, tradeSecrets: Product["tradeSecrets"]): void {
  const letOut = tradeSecrets ? secretsLetOut(terms, tradeSecrets) : [];
  if (letOut.length === 0) return;
  const problem = `these terms would show ${letOut.join(", ")} without the measures for it`;
  throw new ComityError("TRADE_SECRETS", { problem });
}

/** What the consumer's member `comity` says: that it signs, and what it attested of itself. */
export function saidIn(
  before: Pick<Negotiation, "signs" | "attested">,
  comity: ContractRequestMessage["comity"],
): Pick<Negotiation, "signs" | "attested"> {
  const attested = comity?.attested ? attestationOf(comity.attested) : before.attested;
  return { signs: before.signs || comity !== undefined, ...(attested && { attested }) };
}

/** A free policy names no currency: the product's is said with it. */
export function pricedIn({ price }: PolicyTerms, { terms }: Product): Price {
  if (!isFree(price)) return price;
  const { currency, perMessages = 1 } = terms.price;
  return { amount: "0", currency, perMessages };
}
