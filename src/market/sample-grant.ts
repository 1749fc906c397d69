import { grantOf } from "./compile.ts";
import { draftOf } from "./evidence.ts";
import type { Grant } from "./grant.ts";
import { compileOffer } from "./policy.ts";
import type { Product } from "./product.ts";

/**
 * What an agreement on the offer would let through were it signed now, compiled as one, of which
 * nothing is kept. Pseudonyms are made under a key of the sample's own.
 */
export function sampleGrant(product: Product, now: number, sample = `sample:${product.id}`): Grant {
  const { "@id": _id, "@type": _type, ...rules } = compileOffer(product);
  const { id, title, delivery, topics, terms } = product;
  const timestamp = new Date(now).toISOString();
  const comity = { version: 1, product: id, title, delivery, topics, price: terms.price } as const;
  const policy = { "@type": "Agreement", "@id": sample, target: id, ...rules } as const;
  const parties = { assigner: "", assignee: "sample", timestamp };
  const draft = draftOf({ ...policy, ...parties, comity: { ...comity, keys: {} } }, "provider");
  return grantOf({ ...draft, evidence: { payload: "", signatures: [] } });
}
