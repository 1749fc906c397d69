import type { AgreementDetail, AgreementResource, ProductResource } from "../client/resources.ts";
import type { ToldTerms } from "../client/terms.ts";
import type { Quality } from "../kernel/quality.ts";
import type { Agreement } from "../market/agreement.ts";
import { attestedIn, conformsToIn, evidenceSides } from "../market/evidence.ts";
import { compileOffer, readRules, shownOffer, termsOf, termsOfProduct } from "../market/policy.ts";
import { describePolicy, plainPolicy } from "../market/policy/plain.ts";
import type { PolicyTerms } from "../market/policy/rules.ts";
import type { Product } from "../market/product.ts";

/** A product with its policy, as it is offered in ODRL and told in plain English. */
export function toldProduct(product: Product, quality?: Quality): ProductResource {
  const { conditions: _conditions, ...rest } = product;
  const policy = shownOffer(compileOffer(product));
  const measured = quality === undefined ? {} : { quality };
  return { ...rest, ...measured, policy, ...told(termsOfProduct(product)) };
}

/** An agreement as lists show it: with how many sides signed it. */
export function agreementResource(agreement: Agreement): AgreementResource {
  const { policy: _policy, keys: _keys, changes, ...rest } = agreement;
  const shown = changes?.map(({ number, price, from }) => ({ number, price, from }));
  return { ...rest, ...(shown && { changes: shown }), evidence: evidenceSides(agreement) };
}

/** An agreement with what was signed, in full and told in plain English. */
export function toldAgreement(agreement: Agreement): AgreementDetail {
  const { policy, keys, evidence: jws } = agreement;
  const attested = attestedIn(agreement);
  const conformsTo = conformsToIn(agreement);
  return {
    ...agreementResource(agreement),
    ...(attested && { attested }),
    ...(conformsTo !== undefined && { conformsTo }),
    policy,
    keys,
    jws,
    ...told(termsOf(readRules(policy))),
  };
}

export function told(terms: PolicyTerms): ToldTerms {
  return { plain: plainPolicy(terms), promises: describePolicy(terms) };
}
