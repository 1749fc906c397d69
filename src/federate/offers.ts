import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Place } from "../kernel/place.ts";
import type { Price } from "../kernel/price.ts";
import type { Catalogue } from "../market/catalogue.ts";
import { deliveredWhole, readRules, termsOf } from "../market/policy.ts";
import type { Terms } from "../market/product.ts";
import type { Signer } from "../ports/signer.ts";
import { type AboutProduct, Catalog, message } from "../wire/dsp/messages.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import type { PeerBook } from "./peers.ts";

/** An offer that was found, with whose it is. */
export interface FoundOffer {
  readonly offer: string;
  readonly product: string;
  readonly title: string;
  readonly description?: string;
  readonly provider: string;
  readonly providerName: string;
  readonly topics: readonly string[];
  readonly delivery: "live" | "logged";
  readonly sector?: string;
  readonly keywords?: readonly string[];
  readonly place?: Place;
  readonly price: Price;
  readonly fields?: readonly string[];
  readonly notAfter?: string;
  readonly messagesMax?: number;
}

export interface OffersOptions {
  readonly catalogue: Catalogue;
  readonly peers: PeerBook;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly name: string;
  /** How long a peer's catalogue is taken as still true. */
  readonly keepMs?: number;
}

interface Kept {
  readonly at: number;
  readonly offers: Promise<readonly FoundOffer[]>;
}

/** What can be agreed to: own offers, and those of every peer that answers. */
export class Offers {
  readonly #options: OffersOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  async all(): Promise<readonly FoundOffer[]> {
    const peers = this.#options.peers.list();
    const theirs = await Promise.all(peers.map(({ did }) => this.#of(did)));
    return [...this.#own(), ...theirs.flat()];
  }

  /** Whose offer it is, where only one other participant makes it; else NOT_FOUND or why not. */
  async providerOf(offer: string): Promise<string> {
    const { signer } = this.#options;
    const offers = await this.all();
    const found = offers.filter((one) => one.offer === offer && one.provider !== signer.did);
    const [first, ...more] = found;
    if (!first) throw new ComityError("NOT_FOUND", { what: "offer", id: offer });
    if (more.length === 0) return first.provider;
    const problem = `several providers offer ${first.product}; name one with --provider`;
    throw new ComityError("BODY_INVALID", { problem });
  }

  #own(): FoundOffer[] {
    const { catalogue, signer, name } = this.#options;
    return catalogue.list().flatMap((product) => {
      const policy = catalogue.offerOf(product.id);
      if (!policy) return [];
      const { keywords, topics, terms } = product;
      const about = {
        ...product,
        keywords: [...keywords],
        topics: [...topics],
        price: terms.price,
      };
      const whose = { provider: signer.did, providerName: name };
      return [foundOffer(product.id, policy["@id"], termsOf(readRules(policy)), about, whose)];
    });
  }

  async #of(did: string): Promise<readonly FoundOffer[]> {
    const { clock, keepMs = 5_000 } = this.#options;
    const kept = this.#kept.get(did);
    if (kept && clock.monotonic() - kept.at < keepMs) return kept.offers;
    // a peer that does not answer offers nothing just now
    const offers = this.#ask(did).catch(() => []);
    this.#kept.set(did, { at: clock.monotonic(), offers });
    return offers;
  }

  async #ask(did: string): Promise<readonly FoundOffer[]> {
    const { peers } = this.#options;
    const body = message("CatalogRequestMessage", {});
    const url = `${await peers.dspBase(did)}/catalog/request`;
    const catalog = parseMessage(Catalog, await peers.send(did, url, body));
    const whose = { provider: did, providerName: peers.nameOf(did) };
    return (catalog.dataset ?? []).flatMap((dataset) =>
      dataset.hasPolicy.flatMap((policy) => {
        const terms = readable(policy);
        if (!terms) return [];
        const id = dataset["@id"];
        return [foundOffer(id, policy["@id"], terms, dataset.comity ?? { title: id }, whose)];
      }),
    );
  }
}

/** An offer outside the profile cannot be agreed to, so it is not shown. */
function readable(policy: unknown): Terms | undefined {
  try {
    return termsOf(readRules(policy));
  } catch {
    return undefined;
  }
}

function foundOffer(
  product: string,
  offer: string,
  terms: Terms,
  about: AboutProduct,
  whose: { readonly provider: string; readonly providerName: string },
): FoundOffer {
  const { description, sector, keywords, place } = about;
  return {
    offer,
    product,
    title: about.title,
    ...whose,
    topics: terms.topics ?? about.topics ?? deliveredWhole.topics,
    delivery: about.delivery ?? deliveredWhole.delivery,
    // a free offer names no currency in its policy; what its seller says instead costs nothing
    price: terms.price.amount === "0" ? freeIn(about, terms.price) : terms.price,
    ...(description === undefined ? {} : { description }),
    ...(sector === undefined ? {} : { sector }),
    ...(keywords === undefined ? {} : { keywords }),
    ...(place === undefined ? {} : { place }),
    ...(terms.fields === undefined ? {} : { fields: terms.fields }),
    ...(terms.notAfter === undefined ? {} : { notAfter: terms.notAfter }),
    ...(terms.messagesMax === undefined ? {} : { messagesMax: terms.messagesMax }),
  };
}

function freeIn(about: AboutProduct, none: Price): Price {
  return { ...none, currency: about.price?.currency ?? none.currency };
}
