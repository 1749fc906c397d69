/**
 * The market: what is offered, on which terms, and what was agreed.
 *
 * In come products (from people) and requests, agreements and endings (from other nodes, through
 * federate). Out go offers in ODRL, signed agreements, and the grant that the data plane obeys.
 * A term that cannot be enforced is refused here, never ignored. Nothing in this folder calls
 * another node or touches a message of a stream.
 */
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { compileOffers, type Offer } from "./policy.ts";
import { type NewProduct, productFrom } from "./new-product.ts";
import type { Product } from "./product.ts";

export interface CatalogueOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly productsMax?: number;
}

export type CatalogueListener = (change: "added" | "removed", product: Product) => void;

export class Catalogue {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #productsMax: number;
  readonly #products = new Map<string, Product>();
  readonly #offers = new Map<string, readonly Offer[]>();
  readonly #listeners = new Set<CatalogueListener>();

  private constructor(options: CatalogueOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#productsMax = options.productsMax ?? 10_000;
  }

  static async open(options: CatalogueOptions): Promise<Catalogue> {
    const catalogue = new Catalogue(options);
    for (const { doc } of await options.store.list<Product>("product")) catalogue.#keep(doc);
    return catalogue;
  }

  list(): readonly Product[] {
    return [...this.#products.values()];
  }

  get(id: string): Product | undefined {
    return this.#products.get(id);
  }

  /** The product's offer to whoever attests nothing: its terms compiled to ODRL. */
  offerOf(product: string): Offer | undefined {
    return this.offersOf(product)[0];
  }

  /** That one, and behind it those that need an attestation. */
  offersOf(product: string): readonly Offer[] {
    return this.#offers.get(product) ?? [];
  }

  /** Checks and keeps a product; PRODUCT_INVALID names the first field that is wrong. */
  async add(input: NewProduct): Promise<Product> {
    if (this.#products.size >= this.#productsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: this.#productsMax, what: "products" });
    }
    const product = productFrom(input, this.#clock.now());
    await this.#store.commit([{ op: "add", kind: "product", id: product.id, doc: product }]);
    this.#keep(product);
    for (const listener of this.#listeners) listener("added", product);
    return product;
  }

  /** Withdraws the offer; agreements made under it stand. False where there is none. */
  async remove(id: string): Promise<boolean> {
    const product = this.#products.get(id);
    if (!product) return false;
    await this.#store.commit([{ op: "remove", kind: "product", id }]);
    this.#products.delete(id);
    this.#offers.delete(id);
    for (const listener of this.#listeners) listener("removed", product);
    return true;
  }

  /** Returns the function that stops listening. */
  listen(listener: CatalogueListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #keep(product: Product): void {
    this.#products.set(product.id, product);
    this.#offers.set(product.id, compileOffers(product));
  }
}
