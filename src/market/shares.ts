import { parseAmount, formatAmount } from "../kernel/amount.ts";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { type Entropy, newToken, newUrn } from "../kernel/id.ts";
import { isCharged, isFree, type UnitPrice } from "../kernel/price.ts";
import { Turns } from "../kernel/turns.ts";
import type { GeneralJws, Signer } from "../ports/signer.ts";
import type { Store, Write } from "../ports/store.ts";
import { tokenFits, tokenHash } from "../things/token.ts";
import type { Agreement, GuestPayment } from "./agreement.ts";
import type { Agreements } from "./agreements.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Product } from "./product.ts";
import {
  type Acceptance,
  addressHashOf,
  guestAgreement,
  type LoggedIn,
  type Partner,
  partnerFrom,
  signAcceptance,
} from "./share-agreement.ts";

/** A link to one product for one partner who runs no node. */
export interface Share {
  /** 12 hexadecimal digits. */
  readonly id: string;
  readonly product: string;
  /** The offer the link is for: other terms are another offer. */
  readonly offer: string;
  /** Whom it is for, in the sharer's words. */
  readonly to: string;
  readonly payment: GuestPayment;
  /** Where it is billed: what a calendar month costs at most, in the price's currency; decimal. */
  readonly ceiling?: string;
  /** What was paid ahead so far, in the price's currency; decimal. */
  readonly paid?: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly accepted?: Partner & { readonly agreement: string; readonly at: string };
  readonly revokedAt?: string;
}

/** What a month may cost a partner who is billed for what it acknowledges. */
export interface Ceiling {
  /** Decimal. */
  readonly amount: string;
  readonly currency: string;
}

export type ShareState =
  | "open"
  | "unpaid"
  | "changed"
  | "expired"
  | "accepted"
  | "ended"
  | "revoked";

export interface SharesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly signer: Signer;
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  readonly sharesMax?: number;
}

export interface SignedAcceptance {
  readonly acceptance: Acceptance;
  readonly signed: GeneralJws;
}

/** What is seen of who accepts, beside what is typed. */
interface Seen {
  readonly address: string;
  readonly openid: LoggedIn | undefined;
}

interface StoredShare {
  readonly share: Share;
  /** SHA-256 of the link's secret, and of the token the partner got; the secrets are never kept. */
  readonly linkHash: string;
  readonly accessHash?: string;
}

const kind = "share";
const lifeDaysMax = 366;

/**
 * Links for partners who run nothing of ours. Whoever has a link may read the terms and accept
 * them once, as they stood when the link was made; from then on the token they got opens the doors
 * of this node under that one agreement. The evidence is one-sided, and says so.
 */
export class Shares {
  readonly #options: SharesOptions;
  readonly #shares = new Map<string, StoredShare>();
  readonly #byLink = new Map<string, string>();
  readonly #byAgreement = new Map<string, string>();
  readonly #turns = new Turns();

  private constructor(options: SharesOptions) {
    this.#options = options;
  }

  static async open(options: SharesOptions): Promise<Shares> {
    const shares = new Shares(options);
    for (const { doc } of await options.store.list<StoredShare>(kind)) shares.#hold(doc);
    return shares;
  }

  /** The newest first. */
  list(): readonly Share[] {
    const all = [...this.#shares.values()].map(({ share }) => share);
    return all.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  }

  need(id: string): Share {
    return this.#need(id).share;
  }

  /** The secret is told here and never again. */
  async create(
    product: string,
    to: string,
    lifeDays: number,
    ceiling?: Ceiling,
  ): Promise<{ readonly share: Share; readonly secret: string }> {
    const { clock, entropy, catalogue, sharesMax = 10_000 } = this.#options;
    const shared = catalogue.get(product);
    const offer = catalogue.offerOf(product);
    if (!shared || !offer) throw new ComityError("NOT_FOUND", { what: "product", id: product });
    if (this.#shares.size >= sharesMax) {
      throw new ComityError("LIMIT_REACHED", { limit: sharesMax, what: "share links" });
    }
    if (!Number.isSafeInteger(lifeDays) || lifeDays < 1 || lifeDays > lifeDaysMax) {
      const problem = `a link lives 1 to ${lifeDaysMax} days, not ${lifeDays}`;
      throw new ComityError("BODY_INVALID", { problem });
    }
    const { name } = partnerFrom({ name: to, email: "someone@example.org" });
    const billed = ceiling === undefined ? undefined : ceilingFor(shared, ceiling);
    const now = clock.now();
    const share: Share = {
      id: Buffer.from(entropy.bytes(6)).toString("hex"),
      ...{ product, offer: offer["@id"], to: name },
      ...(billed ?? { payment: isFree(priceOf(shared)) ? "free" : "prepaid" }),
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + lifeDays * 86_400_000).toISOString(),
    };
    const secret = newToken(entropy);
    const stored = { share, linkHash: hashText(secret) };
    await this.#options.store.commit([{ op: "add", kind, id: share.id, doc: stored }]);
    this.#hold(stored);
    return { share, secret };
  }

  /** The link of this secret, whatever its state; finding it takes the secret itself. */
  find(secret: string): Share | undefined {
    const id = this.#byLink.get(hashText(secret));
    return id === undefined ? undefined : this.#shares.get(id)?.share;
  }

  stateOf(share: Share): ShareState {
    const { catalogue, clock, agreements } = this.#options;
    if (share.revokedAt !== undefined) return "revoked";
    if (share.accepted) {
      const ended = agreements.get(share.accepted.agreement)?.state === "ended";
      return ended ? "ended" : "accepted";
    }
    if (clock.now() >= Date.parse(share.expiresAt)) return "expired";
    if (catalogue.offerOf(share.product)?.["@id"] !== share.offer) return "changed";
    return share.payment === "prepaid" && !share.paid ? "unpaid" : "open";
  }

  /** What the partner would agree to: the offer, and what was paid for where it is paid ahead. */
  productOf(share: Share): Product | undefined {
    const product = this.#options.catalogue.get(share.product);
    if (!product || share.paid === undefined) return product;
    const bought = messagesFor(product, share.paid);
    const { messagesMax = Infinity } = product.terms;
    return { ...product, terms: { ...product.terms, messagesMax: Math.min(bought, messagesMax) } };
  }

  /** More was paid ahead; only before it is accepted, for an agreement cannot change. */
  async pay(id: string, amount: string, currency: string): Promise<Share> {
    return this.#turns.take(id, async () => {
      const stored = this.#need(id);
      const { share } = stored;
      const product = this.#options.catalogue.get(share.product);
      const state = this.stateOf(share);
      if (!product || (state !== "open" && state !== "unpaid") || share.payment !== "prepaid") {
        const now = { free: "free of charge", prepaid: state, billed: "billed monthly" }[
          share.payment
        ];
        const act = "recording a payment";
        throw new ComityError("STATE_INVALID", { what: "Share", id, state: now, act });
      }
      const micro = parseAmount(amount);
      if (micro === undefined || micro <= 0n || currency !== product.terms.price.currency) {
        const problem = `"${amount} ${currency}" is no amount in ${product.terms.price.currency}`;
        throw new ComityError("BODY_INVALID", { problem });
      }
      const paid = formatAmount((parseAmount(share.paid ?? "0") ?? 0n) + micro);
      if (messagesFor(product, paid) < 1) {
        throw new ComityError("BODY_INVALID", { problem: `${paid} ${currency} buy no message` });
      }
      return this.#put({ ...stored, share: { ...share, paid } });
    });
  }

  /** Good no more, whether it was accepted or not; its agreement is the caller's to end. */
  async revoke(id: string): Promise<Share> {
    return this.#turns.take(id, async () => {
      const stored = this.#need(id);
      if (stored.share.revokedAt !== undefined) return stored.share;
      const revokedAt = new Date(this.#options.clock.now()).toISOString();
      return this.#put({ ...stored, share: { ...stored.share, revokedAt } });
    });
  }

  /**
   * Makes the agreement, once. `terms` is the offer the partner saw. STATE_INVALID where the link
   * is not open, POLICY_CHANGED where other terms were seen than stand now.
   */
  async accept(
    secret: string,
    terms: string,
    typed: Partner,
    address: string,
    openid?: LoggedIn,
  ): Promise<{ readonly agreement: Agreement; readonly token: string }> {
    const id = this.#byLink.get(hashText(secret)) ?? "";
    return this.#turns.take(id, async () => {
      const stored = this.#shares.get(id);
      if (!stored) throw new ComityError("NOT_FOUND", { what: "share link", id: "with that name" });
      const { share } = stored;
      const state = this.stateOf(share);
      if (state === "changed" || terms !== share.offer) {
        throw new ComityError("POLICY_CHANGED", { where: "page" });
      }
      const product = this.productOf(share);
      if (state !== "open" || !product) {
        const act = "accepting it";
        throw new ComityError("STATE_INVALID", { what: "Share", id, state, act });
      }
      return this.#accept(stored, product, partnerFrom(typed), { address, openid });
    });
  }

  /** What was accepted and the provider's signature under it; NOT_FOUND where nobody accepted. */
  async acceptance(agreement: string): Promise<SignedAcceptance> {
    const found = await this.#options.store.get<SignedAcceptance>("acceptance", agreement);
    if (found) return found;
    throw new ComityError("NOT_FOUND", { what: "acceptance of agreement", id: agreement });
  }

  /** For the doors: whose connection this is, from memory; undefined where it is nobody's. */
  authenticate(agreement: string, token: string): { readonly did: string } | undefined {
    const id = this.#byAgreement.get(agreement);
    const stored = id === undefined ? undefined : this.#shares.get(id);
    const hash = stored?.accessHash;
    const fits = tokenFits(token, hash === undefined ? undefined : Buffer.from(hash, "base64url"));
    if (!fits || !stored || this.stateOf(stored.share) !== "accepted") return undefined;
    return { did: guestOf(stored.share) };
  }

  async #accept(stored: StoredShare, product: Product, partner: Partner, seen: Seen) {
    const { clock, entropy, signer, agreements } = this.#options;
    const { share } = stored;
    const at = new Date(clock.now()).toISOString();
    const parts = { id: newUrn(entropy), guest: guestOf(share), product, at };
    const paying = { payment: share.payment, ceiling: share.ceiling };
    const agreement = await guestAgreement({ ...parts, ...paying }, signer);
    const { id, policyHash } = agreement;
    const { address, openid } = seen;
    const seenOf = { addressHash: addressHashOf(id, address), ...(openid && { openid }) };
    const acceptance: Acceptance = { v: 1, agreement: id, policyHash, ...partner, at, ...seenOf };
    const signed: GeneralJws = await signAcceptance(acceptance, signer);
    const token = newToken(entropy);
    const changed: StoredShare = {
      ...stored,
      share: { ...share, accepted: { ...partner, agreement: id, at } },
      accessHash: hashText(token),
    };
    const also: Write[] = [
      { op: "put", kind, id: share.id, doc: changed },
      { op: "add", kind: "acceptance", id, doc: { acceptance, signed } satisfies SignedAcceptance },
    ];
    // held when it is durable, and before anybody hears of the agreement
    await agreements.add(agreement, also, () => this.#hold(changed));
    return { agreement, token };
  }

  #need(id: string): StoredShare {
    const stored = this.#shares.get(id);
    if (!stored) throw new ComityError("NOT_FOUND", { what: "share", id });
    return stored;
  }

  async #put(stored: StoredShare): Promise<Share> {
    const { id } = stored.share;
    await this.#options.store.commit([{ op: "put", kind, id, doc: stored }]);
    this.#hold(stored);
    return stored.share;
  }

  #hold(stored: StoredShare): void {
    const { id, accepted } = stored.share;
    this.#shares.set(id, stored);
    this.#byLink.set(stored.linkHash, id);
    if (accepted) this.#byAgreement.set(accepted.agreement, id);
  }
}

/** How the agreement names who has no DID. */
function guestOf({ id }: Share): string {
  return `guest:${id}`;
}

function hashText(secret: string): string {
  return tokenHash(secret).toString("base64url");
}

/** BODY_INVALID where charges by the month price it: who runs no node is asked for messages. */
function priceOf({ id, terms: { price } }: Product): UnitPrice {
  if (!isCharged(price)) return price;
  const problem = `${id} is priced by the month; a link is sold at a price for messages alone`;
  throw new ComityError("BODY_INVALID", { problem });
}

/** BODY_INVALID where it could not be billed on acknowledgements, or would never deliver. */
function ceilingFor(product: Product, { amount, currency }: Ceiling) {
  const price = priceOf(product);
  const micro = parseAmount(amount);
  const refused = (problem: string) => new ComityError("BODY_INVALID", { problem });
  if (isFree(price)) throw refused(`${product.id} is free: there is nothing to bill`);
  if (product.delivery !== "logged") {
    throw refused(`${product.id} is live: only positions in a log tell a message sent again`);
  }
  if (micro === undefined || micro <= 0n || currency !== price.currency) {
    throw refused(`"${amount} ${currency}" is no amount in ${price.currency}`);
  }
  const ceiling = formatAmount(micro);
  if (messagesFor(product, ceiling) < 1) throw refused(`${ceiling} ${currency} buy no message`);
  return { payment: "billed", ceiling } as const;
}

/** How many messages an amount pays for: as many as cost no more. */
function messagesFor(product: Product, paid: string): number {
  const price = priceOf(product);
  const each = parseAmount(price.amount) ?? 0n;
  const micro = parseAmount(paid) ?? 0n;
  if (each === 0n) return 0;
  return Math.min(Number.MAX_SAFE_INTEGER, Number((micro * BigInt(price.perMessages)) / each));
}
