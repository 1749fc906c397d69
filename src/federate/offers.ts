import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { Catalogue } from "../market/catalogue.ts";
import { productOfOffer } from "../market/policy.ts";
import {
  type FoundEntry,
  pageMax,
  type SearchEntry,
  type SearchIndex,
  type SearchQuery,
  totalMax,
} from "../ports/search.ts";
import type { Signer } from "../ports/signer.ts";
import { Crawler, type CrawlState } from "./crawler.ts";
import {
  costsAtMost,
  entryOf,
  type FoundOffer,
  type MeasuredQuality,
  offerOfId,
  ownOffer,
  priceFor,
  type ProductMarks,
} from "./found-offer.ts";
import type { PeerBook } from "./peers.ts";

export interface OffersOptions {
  readonly catalogue: Catalogue;
  readonly peers: PeerBook;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly search: SearchIndex;
  readonly quality: MeasuredQuality;
  readonly marks: ProductMarks;
  readonly name: string;
  /** Between two readings of a peer's catalogue, about. */
  readonly crawlMs?: number;
}

export interface OffersFound {
  readonly offers: readonly FoundOffer[];
  /** How many fit, counted up to a thousand. */
  readonly total: number;
}

/** How long an answer waits for peers that are asked anew. */
const freshWithinMs = 3_000;
/** Own products looked at before others of this node have their turn. */
const productsPerTurn = 200;

/**
 * What can be agreed to: own offers, and those of every peer as its catalogue was last read. Both
 * stand in one index. Own ones are in it as soon as they are made.
 */
export class Offers {
  readonly #options: OffersOptions;
  readonly #crawler: Crawler;
  /** The latest change of own offers on its way into the index. */
  #own: Promise<unknown> = Promise.resolve();

  constructor(options: OffersOptions) {
    this.#options = options;
    const { crawlMs: everyMs } = options;
    this.#crawler = new Crawler({ ...options, ...(everyMs !== undefined && { everyMs }) });
    options.catalogue.listen(() => this.#syncOwn());
    options.quality.onTold(() => this.#syncOwn());
    options.marks.onTold(() => this.#syncOwn());
  }

  /** Begins to read peers' catalogues; called once the node can be asked back. */
  start(): void {
    this.#syncOwn();
    this.#crawler.start();
  }

  async close(): Promise<void> {
    await this.#crawler.close();
    await this.#own;
  }

  /**
   * From the index. Peers are asked first where `fresh` is wanted, and where nothing was found:
   * what somebody has just offered is not missed for being young.
   */
  async find(query: SearchQuery, fresh = false, as?: RecipientClass): Promise<OffersFound> {
    if (fresh) await this.#crawler.now(freshWithinMs);
    await this.#own;
    let page = await this.known(query, as);
    if (page.total === 0 && !fresh) {
      await this.#crawler.now(freshWithinMs);
      page = await this.known(query, as);
    }
    return page;
  }

  /**
   * From the index alone. `as`: what is asked of a price is asked of that class's, where there is
   * one; the index knows everybody's price alone.
   */
  async known(query: SearchQuery, as?: RecipientClass): Promise<OffersFound> {
    const { free, priceMax, ...other } = query;
    if (as === undefined || (free === undefined && priceMax === undefined)) {
      const { found, total } = await this.#options.search.find(query);
      return { offers: found.map((entry) => this.#shown(entry)), total };
    }
    const fitting: FoundOffer[] = [];
    for (let offset = 0; offset < totalMax; offset += pageMax) {
      const page = await this.#options.search.find({ ...other, offset, limit: pageMax });
      const offers = page.found.map((entry) => this.#shown(entry));
      fitting.push(...offers.filter((one) => costsAtMost(priceFor(one, as), { free, priceMax })));
      if (page.found.length < pageMax) break;
    }
    const { offset = 0, limit } = query;
    return { offers: fitting.slice(offset, offset + limit), total: fitting.length };
  }

  /** One provider's offer; NOT_FOUND where it does not make it now. */
  async need(offer: string, provider: string): Promise<FoundOffer> {
    const find = async (): Promise<FoundEntry | undefined> => {
      const entries = await this.#entries(offer);
      return entries.find((entry) => entry.provider === provider);
    };
    let found = await find();
    if (found === undefined) {
      await this.#crawler.now(freshWithinMs);
      found = await find();
    }
    if (found === undefined) throw new ComityError("NOT_FOUND", { what: "offer", id: offer });
    return offerOfId(this.#shown(found), offer);
  }

  /** Whose offer it is, where only one other participant makes it; else NOT_FOUND or why not. */
  async providerOf(offer: string): Promise<string> {
    let found = await this.#others(offer);
    if (found.length === 0) {
      await this.#crawler.now(freshWithinMs);
      found = await this.#others(offer);
    }
    const [first, ...more] = found;
    if (!first) throw new ComityError("NOT_FOUND", { what: "offer", id: offer });
    if (more.length === 0) return first.provider;
    const problem = `several providers make the offer ${offer}; name one with --provider`;
    throw new ComityError("BODY_INVALID", { problem });
  }

  /** Hears of peers' offers that are new or have changed. */
  onFound(listener: (offers: readonly FoundOffer[]) => void): () => void {
    return this.#crawler.onFound(listener);
  }

  crawlState(peer: string): CrawlState {
    return this.#crawler.state(peer);
  }

  /** With the peer goes all it offers. */
  async forget(peer: string): Promise<void> {
    await this.#crawler.forget(peer);
  }

  async #others(offer: string): Promise<readonly FoundEntry[]> {
    const entries = await this.#entries(offer);
    return entries.filter(({ provider }) => provider !== this.#options.signer.did);
  }

  /** Who makes an offer of that id; one that needs an attestation stands with its product's. */
  async #entries(offer: string): Promise<readonly FoundEntry[]> {
    const { search } = this.#options;
    const entries = await search.offer(offer);
    if (entries.length > 0) return entries;
    const { found } = await search.find({ text: productOfOffer(offer), limit: pageMax });
    return found.filter(({ doc }) => {
      return (doc as FoundOffer).variants?.some((one) => one.offer === offer) === true;
    });
  }

  #shown({ doc, provider, seenAt }: FoundEntry): FoundOffer {
    const found = doc as FoundOffer;
    if (provider === this.#options.signer.did) return found;
    return { ...found, seenAt: new Date(seenAt).toISOString() };
  }

  /** A failure is the index's, and is told by whoever asks it next. */
  #syncOwn(): void {
    this.#own = this.#own.then(() => this.#putOwn()).catch(() => undefined);
  }

  async #putOwn(): Promise<void> {
    const { catalogue, signer, name, search, quality, marks, clock } = this.#options;
    const whose = { provider: signer.did, providerName: name };
    const known = (await search.known(signer.did))?.digests ?? new Map<string, string>();
    const entries: SearchEntry[] = [];
    for (const [at, product] of catalogue.list().entries()) {
      if (at % productsPerTurn === productsPerTurn - 1) await turn();
      const offers = ownOffer(product, { catalogue, quality, marks }, whose);
      entries.push(...offers.map((found) => entryOf(found)));
    }
    const ids = new Set(entries.map(({ offer }) => offer));
    const put = entries.filter(({ offer, digest }) => known.get(offer) !== digest);
    const remove = [...known.keys()].filter((offer) => !ids.has(offer));
    if (put.length === 0 && remove.length === 0) return;
    await search.change(signer.did, { put, remove, seenAt: clock.now() });
  }
}
