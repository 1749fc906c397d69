import type { AgreementDetail, ProductResource } from "../client/resources.ts";
import type { ToldTerms } from "../client/terms.ts";
import type { Agreement } from "../market/agreement.ts";
import { compileOffer, readRules, shownOffer, termsOf, termsOfProduct } from "../market/policy.ts";
import { describePolicy, plainPolicy } from "../market/policy/plain.ts";
import type { PolicyTerms } from "../market/policy/rules.ts";
import type { Product } from "../market/product.ts";

/** A product with its policy, as it is offered in ODRL and told in plain English. */
export function toldProduct(product: Product): ProductResource {
  const { conditions: _conditions, ...rest } = product;
  const policy = shownOffer(compileOffer(product));
  return { ...rest, policy, ...told(termsOfProduct(product)) };
}

/** An agreement with what was signed told in plain English. */
export function toldAgreement(agreement: Agreement): AgreementDetail {
  return { ...agreement, ...told(termsOf(readRules(agreement.policy))) };
}

function told(terms: PolicyTerms): ToldTerms {
  return { plain: plainPolicy(terms), promises: describePolicy(terms) };
}
