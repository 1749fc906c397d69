import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { Agreements } from "../../src/market/agreements.ts";
import { Catalogue } from "../../src/market/catalogue.ts";
import {
  type AgreementPolicy,
  draftOf,
  evidenceOf,
  signAgreement,
} from "../../src/market/evidence.ts";
import { compileOffer, type Offer } from "../../src/market/policy.ts";
import type { Product } from "../../src/market/product.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { catalogueDatasets, consumerTransfers } from "./script.ts";
import { providerNegotiations, providerTransfers } from "./script.ts";

/** What a connector under test starts with: offers by dataset. */
export interface Seeded {
  readonly offers: ReadonlyMap<string, Offer>;
}

const free = { amount: "0", currency: "EUR", perMessages: 1 };

/**
 * Puts into a data folder, before its node starts, what would take other cases to come about:
 * a product for every dataset, and agreements with the other side in both roles. They are made
 * by the market's own code, and signed by the node's own key.
 */
export async function seed(dir: string, did: string, other: string): Promise<Seeded> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const store = await openEmbeddedStore({ path: join(dir, "comity.db") });
  try {
    const signer = await openEmbeddedSigner({ dir, did, clock: systemClock });
    const catalogue = await Catalogue.open({ store, clock: systemClock });
    const agreements = await Agreements.open(store);
    const offers = new Map<string, Offer>();
    const add = async (id: string): Promise<Product> => {
      const terms = { price: free };
      const product = await catalogue.add({ id, title: id, topics: [`${id}/#`], terms });
      offers.set(id, compileOffer(product));
      return product;
    };
    for (const id of [...Object.keys(providerNegotiations), ...catalogueDatasets]) await add(id);
    const product = await add("ATP");
    for (const id of Object.keys(providerTransfers)) {
      await agreements.add(
        await made(policyOf(id, product, signer, did, other), signer, "provider"),
      );
    }
    for (const id of Object.keys(consumerTransfers)) {
      const foreign = plainPolicy(id, product, other, did);
      await agreements.add(await made(foreign, signer, "consumer"));
    }
    return { offers };
  } finally {
    await store.close();
  }
}

async function made(policy: AgreementPolicy, signer: Signer, role: "provider" | "consumer") {
  const signature = await signAgreement(policy, signer);
  return { ...draftOf(policy, role), evidence: evidenceOf(policy, signature) };
}

/** An agreement as any connector writes it: without our member. */
function plainPolicy(
  id: string,
  product: Product,
  assigner: string,
  assignee: string,
): AgreementPolicy {
  const { "@type": _, "@id": __, ...rules } = compileOffer(product);
  return {
    "@type": "Agreement",
    "@id": id,
    target: product.id,
    assigner,
    assignee,
    timestamp: new Date(systemClock.now()).toISOString(),
    ...rules,
  };
}

function policyOf(
  id: string,
  product: Product,
  signer: Signer,
  assigner: string,
  assignee: string,
): AgreementPolicy {
  const { title, delivery, topics } = product;
  const { price } = product.terms;
  const keys = { [signer.did]: signer.publicJwk };
  const comity = { version: 1, product: product.id, title, delivery, topics, price, keys } as const;
  return { ...plainPolicy(id, product, assigner, assignee), comity };
}
