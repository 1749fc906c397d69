import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { type Crash, neverCrash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import { jsonIn } from "../kernel/json-object.ts";
import type { Journal } from "../kernel/journal.ts";
import { isNeverDearer } from "../kernel/never-dearer.ts";
import { normalPrice } from "../kernel/normal-price.ts";
import { priceProblem } from "../kernel/price-problem.ts";
import { describePrice } from "../kernel/price-text.ts";
import type { Price } from "../kernel/price.ts";
import { Turns } from "../kernel/turns.ts";
import { type Agreement, partnerOf, type PriceChange } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import { lastPrice, type PriceChangeBody, pricePathOf } from "../market/price-change.ts";
import { priceChangeProblem, priceChangeType } from "../market/price-change.ts";
import type { Peers } from "../ports/peers.ts";
import type { JwsSignature, Signer } from "../ports/signer.ts";
import { priceLeaf } from "../settle/evidence-log/leaf.ts";
import type { Store, Write } from "../ports/store.ts";
import {
  didOfKeyId,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
} from "../wire/jws.ts";
import type { Outbox } from "./outbox.ts";
import { type PriceAnswer, priceAnswer, type PriceLetter, priceLetters } from "./price-routes.ts";

export interface PriceChangesOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: Agreements;
  readonly outbox: Outbox;
  readonly peers: Peers;
  readonly crash?: Crash;
}

/** A price that the provider has signed and the consumer not, or not yet; kind `price-offer`. */
export interface PriceOffer {
  readonly body: PriceChangeBody;
  /** The provider's. */
  readonly signature: JwsSignature;
  readonly state: "waiting" | "refused";
  readonly reason?: string;
}

const kind = "price-offer";

/**
 * Other prices for an agreement that stands: signed by its provider, then by its consumer, before
 * they take effect. A consumer's node signs by itself what can only lower its bills; anything else
 * waits for its owner. What is refused or not answered changes nothing.
 */
export class PriceChanges {
  readonly #options: PriceChangesOptions;
  readonly #turns = new Turns();

  constructor(options: PriceChangesOptions) {
    this.#options = options;
    options.outbox.handle("price-offer", {
      delivered: (letter, answer) => this.#answered(letter.subject, answer),
      refused: (letter, error) => this.#refused(letter.subject, error.message),
    });
    options.outbox.handle("price-answer", {});
  }

  offerOf(id: string): Promise<PriceOffer | undefined> {
    return this.#options.store.get<PriceOffer>(kind, id);
  }

  /** As provider. Signed and kept when it resolves; the consumer is asked until it answers. */
  offer(id: string, price: Price, from: string): Promise<PriceOffer> {
    return this.#turns.take(id, async () => {
      const { signer, store, outbox, crash = neverCrash } = this.#options;
      const agreement = this.#standing(id, "provider");
      const wrong = priceProblem(price);
      if (wrong !== undefined) throw invalid(`price: ${wrong}`);
      const { number } = lastPrice(agreement);
      const { policyHash } = agreement;
      const body: PriceChangeBody = {
        ...{ v: 1, agreement: id, policyHash, number: number + 1 },
        ...{ price: normalPrice(price), from },
      };
      this.#require(body, agreement);
      const known = await this.offerOf(id);
      if (known?.state === "waiting" && Date.parse(known.body.from) > this.#options.clock.now()) {
        if (canonicalHash(known.body) === canonicalHash(body)) return known;
        throw invalid(`price ${body.number} from ${known.body.from} waits for an answer`);
      }
      const signature = await signer.sign(canonicalBytes(body), priceChangeType);
      const offer: PriceOffer = { body, signature, state: "waiting" };
      const letter = this.#letter(outbox, agreement, "price-offer", { body, signature });
      await store.commit([{ op: "put", kind, id, doc: offer }, letter.write]);
      crash("price.offered");
      letter.send();
      return offer;
    });
  }

  /** As consumer: what its provider asks. The same again gets the same bytes. */
  receive(from: string, id: string, letter: PriceLetter): Promise<PriceAnswer> {
    return this.#turns.take(id, async () => {
      const { agreements, store } = this.#options;
      const agreement = agreements.get(id);
      if (agreement?.role !== "consumer" || agreement.provider !== from) {
        throw new ComityError("NOT_FOUND", { what: "agreement", id });
      }
      const { body, signature } = letter;
      await this.#requireSigned(agreement, body, signature, agreement.provider);
      const signed = this.#signedAlready(agreement, body);
      if (signed !== undefined) return { signature: signed };
      if (letter.cosignature !== undefined) {
        // this node signed it once, and lost that since, for instance with a disk
        await this.#requireSigned(agreement, body, letter.cosignature, agreement.consumer);
        await this.#keep(agreement, body, [signature, letter.cosignature]);
        return { signature: letter.cosignature };
      }
      this.#standing(id, "consumer");
      this.#require(body, agreement);
      const { price } = lastPrice(agreement);
      if (isNeverDearer(body.price, price)) {
        return { signature: await this.#sign(agreement, body, signature) };
      }
      const known = await this.offerOf(id);
      if (known !== undefined && canonicalHash(known.body) === canonicalHash(body)) {
        return known.state === "refused" ? { refused: true } : { waiting: true };
      }
      const offer: PriceOffer = { body, signature, state: "waiting" };
      await store.commit([{ op: "put", kind, id, doc: offer }]);
      const told = `${describePrice(body.price)} from ${body.from}`;
      const answer = `answer with comity agreement price ${id} --accept`;
      this.#note(agreement, "price.offered", `is offered at another price: ${told}; ${answer}`);
      return { waiting: true };
    });
  }

  /** As consumer, by its owner: signs what waits, or says no. */
  decide(id: string, accepts: boolean): Promise<void> {
    return this.#turns.take(id, async () => {
      const { store, outbox } = this.#options;
      const agreement = this.#standing(id, "consumer");
      const offer = await this.offerOf(id);
      if (offer?.state !== "waiting") throw new ComityError("NOT_FOUND", { what: "price", id });
      const { body, signature } = offer;
      if (accepts) {
        this.#require(body, agreement);
        await this.#sign(agreement, body, signature, true);
        return;
      }
      const refused: PriceOffer = { ...offer, state: "refused" };
      const letter = this.#letter(outbox, agreement, "price-answer", { body, signature });
      await store.commit([{ op: "put", kind, id, doc: refused }, letter.write]);
      letter.send();
    });
  }

  /** As provider: what the consumer's owner decided. */
  settle(from: string, id: string, letter: PriceLetter): Promise<void> {
    return this.#turns.take(id, async () => {
      const agreement = this.#options.agreements.get(id);
      if (agreement?.role !== "provider" || agreement.consumer !== from) {
        throw new ComityError("NOT_FOUND", { what: "agreement", id });
      }
      const { body, signature, cosignature } = letter;
      await this.#requireSigned(agreement, body, signature, agreement.provider);
      if (cosignature === undefined) return this.#refuse(agreement, body, "its consumer said no");
      if (this.#signedAlready(agreement, body) !== undefined) return;
      await this.#requireSigned(agreement, body, cosignature, agreement.consumer);
      await this.#keep(agreement, body, [signature, cosignature]);
    });
  }

  /** What both have signed. NOT_FOUND unless the other side asks. */
  signedWith(from: string, id: string): { prices: PriceLetter[] } {
    const agreement = this.#options.agreements.get(id);
    if (agreement === undefined || partnerOf(agreement) !== from) {
      throw new ComityError("NOT_FOUND", { what: "agreement", id });
    }
    return { prices: (agreement.changes ?? []).map(letterOf) };
  }

  /** What both have signed and this node lost; false where the other side shows none. */
  takeBack(id: string): Promise<boolean> {
    return this.#turns.take(id, async () => {
      const { agreements, peers } = this.#options;
      const known = agreements.need(id);
      const answer = await peers.get(partnerOf(known), pricePathOf(id));
      if (!priceLetters.Check(answer)) return false;
      let isTaken = false;
      for (const { body, signature, cosignature } of answer.prices) {
        const agreement = agreements.need(id);
        if (body.number <= lastPrice(agreement).number || cosignature === undefined) continue;
        // only what this node signed itself once, and the other side too
        await this.#requireSigned(agreement, body, signature, agreement.provider);
        await this.#requireSigned(agreement, body, cosignature, agreement.consumer);
        await this.#keep(agreement, body, [signature, cosignature]);
        isTaken = true;
      }
      return isTaken;
    });
  }

  #answered(id: string, answer: unknown): Promise<void> {
    return this.#turns.take(id, async () => {
      const offer = await this.offerOf(id);
      const agreement = this.#options.agreements.get(id);
      if (offer === undefined || agreement === undefined) return;
      if (!priceAnswer.Check(answer)) return;
      const { body } = offer;
      if (answer.refused === true) await this.#refuse(agreement, body, "its consumer said no");
      if (answer.signature === undefined) return;
      await this.#requireSigned(agreement, body, answer.signature, agreement.consumer);
      await this.#keep(agreement, body, [offer.signature, answer.signature]);
    });
  }

  #refused(id: string, reason: string): Promise<void> {
    return this.#turns.take(id, async () => {
      const offer = await this.offerOf(id);
      const agreement = this.#options.agreements.get(id);
      if (offer && agreement) await this.#refuse(agreement, offer.body, reason);
    });
  }

  async #refuse(agreement: Agreement, body: PriceChangeBody, reason: string): Promise<void> {
    const { id } = agreement;
    const offer = await this.offerOf(id);
    if (offer === undefined || canonicalHash(offer.body) !== canonicalHash(body)) return;
    const doc: PriceOffer = { ...offer, state: "refused", reason };
    await this.#options.store.commit([{ op: "put", kind, id, doc }]);
    this.#note(agreement, "price.refused", `keeps its price: ${reason}`);
  }

  /** Signed and kept in one commit with the letter that tells of it, before it is sent. */
  async #sign(
    agreement: Agreement,
    body: PriceChangeBody,
    signature: JwsSignature,
    tells = false,
  ): Promise<JwsSignature> {
    const { signer, outbox } = this.#options;
    const cosignature = await signer.sign(canonicalBytes(body), priceChangeType);
    const signed = { body, signature, cosignature };
    const letter = tells ? this.#letter(outbox, agreement, "price-answer", signed) : undefined;
    await this.#keep(agreement, body, [signature, cosignature], letter && [letter.write]);
    letter?.send();
    return cosignature;
  }

  async #keep(
    agreement: Agreement,
    body: PriceChangeBody,
    signatures: readonly [JwsSignature, JwsSignature],
    also: readonly Write[] = [],
  ): Promise<void> {
    const { agreements, crash = neverCrash } = this.#options;
    const problem = priceChangeProblem(body, agreement);
    if (problem !== undefined) throw invalid(problem);
    const { number, price, from } = body;
    const evidence = mergeSignatures(unsignedJws(canonicalBytes(body)), ...signatures);
    const change: PriceChange = { number, price, from, evidence };
    await agreements.changePrice(agreement.id, change, [
      { op: "remove", kind, id: agreement.id },
      priceLeaf(body),
      ...also,
    ]);
    crash("price.signed");
    const told = `${describePrice(price)} from ${from}, as both signed`;
    this.#note(agreement, "price.changed", `costs ${told}`);
  }

  /** The consumer's signature under the same; BODY_INVALID where both signed another. */
  #signedAlready({ changes = [] }: Agreement, body: PriceChangeBody): JwsSignature | undefined {
    const known = changes.find(({ number }) => number === body.number);
    if (known === undefined) return undefined;
    const payload = Buffer.from(canonicalBytes(body)).toString("base64url");
    const [, own] = known.evidence.signatures;
    if (known.evidence.payload === payload && own !== undefined) return own;
    throw invalid(`another price ${body.number} is signed already`);
  }

  #standing(id: string, role: Agreement["role"]): Agreement {
    const agreement = this.#options.agreements.need(id);
    const { consumer, keys, state } = agreement;
    if (agreement.role !== role) throw invalid(`this node is not its ${role}`);
    if (state !== "active") throw invalid("the agreement has ended");
    if (keys[consumer] === undefined) throw invalid("its price changes with two signatures alone");
    return agreement;
  }

  #require(body: PriceChangeBody, agreement: Agreement): void {
    const problem = priceChangeProblem(body, agreement);
    if (problem !== undefined) throw invalid(problem);
    if (Date.parse(body.from) > this.#options.clock.now()) return;
    throw invalid(`from ${body.from}: a price takes effect after both have signed it`);
  }

  async #requireSigned(
    { id, keys }: Agreement,
    body: PriceChangeBody,
    signature: JwsSignature,
    did: string,
  ): Promise<void> {
    const jws = mergeSignatures(unsignedJws(canonicalBytes(body)), signature);
    const pinned = (kid: string) => (didOfKeyId(kid) === did ? keys[did] : undefined);
    const what = `price ${body.number} of ${id}`;
    await verifySignature(jws, pinned, { what, type: priceChangeType });
  }

  #letter(outbox: Outbox, agreement: Agreement, name: string, body: PriceLetter) {
    const { id, role } = agreement;
    const path = pricePathOf(id);
    return outbox.prepare({
      did: partnerOf(agreement),
      url: role === "provider" ? path : `${path}/answer`,
      ...{ body, kind: name, subject: id },
    });
  }

  #note({ id, title }: Agreement, what: string, text: string): void {
    const at = this.#options.clock.now();
    this.#options.journal.record({ at, kind: what, text: `${title} ${text}`, agreement: id });
  }
}

function letterOf({ evidence }: PriceChange): PriceLetter {
  const [signature, cosignature] = evidence.signatures;
  const body = jsonIn(signaturePayload(evidence));
  return { body, signature, cosignature } as PriceLetter;
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}
