import type { Mark } from "../kernel/mark.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import { conformsToIn } from "../market/evidence.ts";
import type { Product } from "../market/product.ts";
import { sampleGrant } from "../market/sample-grant.ts";
import { Conformity } from "./conformity.ts";
import type { Flow } from "./flow.ts";
import type { Samples } from "./samples.ts";

export interface MarksOptions {
  readonly flow: Flow;
  readonly samples: Samples;
  readonly commissions: Commissions;
  /** Between two messages of one stream that are looked at; ten seconds where absent. */
  readonly everyMs?: number | undefined;
}

/**
 * Marks: products that say they are as a vocabulary says, and what is bought under that promise.
 * A product is looked at as its offer lets it through, at first its last messages, then one now and
 * then; what is received is looked at likewise. Nothing is withheld for it: a mark is told.
 */
export class Marks {
  readonly #options: MarksOptions;
  /** By product, and by agreement that is received. */
  readonly #products = new Map<string, Conformity>();
  readonly #received = new Map<string, Conformity>();
  readonly #listeners = new Set<() => void>();

  constructor(options: MarksOptions) {
    this.#options = options;
  }

  /** A product's; undefined where it claims none. */
  of(product: string): Mark | undefined {
    return this.#products.get(product)?.mark;
  }

  /** Of what is received; undefined where nothing was promised, or by an unknown vocabulary. */
  received(agreement: string): Mark | undefined {
    return this.#received.get(agreement)?.mark;
  }

  /** Looks at its last messages first, where it has some. */
  async follow(product: Product): Promise<void> {
    const { flow, samples, commissions, everyMs } = this.#options;
    const { clock } = flow.outside;
    const { id, conformsTo } = product;
    const commission = conformsTo === undefined ? undefined : commissions.get(conformsTo);
    if (commission === undefined || this.#products.has(id)) return;
    const grant = sampleGrant(product, clock.now());
    const conformity = new Conformity(flow, {
      ...{ commission, everyMs, filters: grant.filters, passage: flow.grants.preview(grant) },
      onTold: () => this.#tell(),
    });
    this.#products.set(id, conformity);
    this.#tell();
    for (const { payload } of await samples.of(grant)) conformity.look(payload, clock.now());
  }

  /** What comes under an agreement, below that prefix. */
  followReceived(agreement: Agreement, prefix: string): void {
    const { flow, commissions, everyMs } = this.#options;
    const hash = conformsToIn(agreement);
    const commission = hash === undefined ? undefined : commissions.get(hash);
    if (commission === undefined || this.#received.has(agreement.id)) return;
    const filters = [`${prefix}#`];
    const received = new Conformity(flow, { commission, everyMs, filters, onTold: () => {} });
    this.#received.set(agreement.id, received);
  }

  forget(product: string): void {
    this.#products.get(product)?.close();
    if (this.#products.delete(product)) this.#tell();
  }

  /** What was received stays told. */
  endReceived(agreement: string): void {
    this.#received.get(agreement)?.close();
  }

  /** Hears when a product's mark says something else. */
  onTold(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const one of [...this.#products.values(), ...this.#received.values()]) one.close();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
