import { ComityError } from "../../kernel/errors.ts";
import { newUrn } from "../../kernel/id.ts";
import type { Agreements } from "../../market/agreements.ts";
import type { Catalogue } from "../../market/catalogue.ts";
import { assertInForce } from "../../market/compile.ts";
import {
  type AgreementPolicy,
  assertSignedBy,
  draftOf,
  evidenceOf,
  signAgreement,
} from "../../market/evidence.ts";
import type { Negotiation } from "../../market/negotiation.ts";
import {
  amendedRules,
  compileOffer,
  type Offer,
  offerIdFor,
  policyDigest,
  shownOffer,
  productOfOffer,
  readRules,
  type Rules,
  termsOf,
} from "../../market/policy.ts";
import { isOfferedTo, type Product, type Terms } from "../../market/product.ts";
import type { GeneralJws } from "../../ports/signer.ts";
import {
  type ContractAgreementVerificationMessage,
  type ContractNegotiationEventMessage,
  type ContractRequestMessage,
  dspPath,
  message,
} from "../../wire/dsp/messages.ts";
import { mergeSignatures } from "../../wire/jws.ts";
import { baseOf } from "../resolver.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";
import { pidFor } from "./pid.ts";
import { onTable } from "./on-table.ts";
import { assertSecretsKept, assertSellable, pricedIn, saidIn, tableAsked } from "./sellable.ts";

export interface NegotiationProviderOptions {
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  /** Under how many agreements one participant may receive at a time. */
  readonly agreementsPerPeerMax?: number;
  /** This node's public base URL. */
  readonly baseUrl: () => string;
  /** Trade secrets were asked for without the measures that keep them: a refusal is signed. */
  readonly secretsWithheld?: (asked: SecretsAsked) => Promise<unknown>;
}

export interface SecretsAsked {
  readonly asker: string;
  readonly product: string;
  readonly reason: string;
}

/** An offer made unasked. */
export interface Proposal {
  /** The consumer's participant id. */
  readonly consumer: string;
  readonly product: string;
  /** Where they differ from the product's. */
  readonly terms?: Partial<Terms>;
}

/** The provider's side: what the consumer sends, and the moves that answer it. */
export class NegotiationProvider {
  readonly #desk: NegotiationDesk;
  readonly #catalogue: Catalogue;
  readonly #agreements: Agreements;
  readonly #agreementsPerPeerMax: number;
  readonly #baseUrl: () => string;
  readonly #secretsWithheld: NegotiationProviderOptions["secretsWithheld"];

  constructor(desk: NegotiationDesk, options: NegotiationProviderOptions) {
    this.#desk = desk;
    this.#catalogue = options.catalogue;
    this.#agreements = options.agreements;
    this.#agreementsPerPeerMax = options.agreementsPerPeerMax ?? 1_000;
    this.#baseUrl = options.baseUrl;
    this.#secretsWithheld = options.secretsWithheld;
  }

  /** ContractRequestMessage (DSP 2025-1 §7.2.1); the same consumerPid again changes nothing. */
  async request(did: string, request: ContractRequestMessage): Promise<object> {
    const own = this.#desk.options.signer.did;
    const pid = pidFor("negotiation", own, did, request.consumerPid);
    return this.#desk.turns.take(pid, async () => {
      const known = await this.#desk.get(pid);
      if (known?.problem !== undefined && known.draft === undefined) {
        throw new ComityError("STATE_INVALID", {
          what: "Negotiation",
          id: pid,
          state: `TERMINATED (${known.problem})`,
          act: "request",
        });
      }
      return this.#desk.describe(known ?? (await this.#begin(did, pid, request)));
    });
  }

  /** The same message in answer to an offer of ours: other terms are asked for (§7.2.1). */
  async counter(did: string, pid: string, request: ContractRequestMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const now = await this.#desk.need(pid, did, "provider");
      if (this.#desk.wasTaken(now, request)) return;
      this.#desk.after(now, "request", "consumer");
      const { target = now.product } = request.offer;
      if (target !== now.product) {
        throw new ComityError("POLICY_CHANGED", { where: "request's target" });
      }
      const table = onTable(now.product, request.offer, now.delivered);
      const said = saidIn(now, request.comity);
      const { consumerPid } = request;
      const change = { ...table, consumerPid, ...said, ...this.#desk.take(now, request) };
      await this.#desk.step(now, "request", "consumer", change);
    });
  }

  /** ContractNegotiationEventMessage ACCEPTED (§7.2.5): our last offer stands. */
  async accepted(did: string, pid: string, event: ContractNegotiationEventMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const now = await this.#desk.need(pid, did, "provider");
      if (this.#desk.wasTaken(now, event)) return;
      const act = event.eventType === "ACCEPTED" ? "accept" : "finalize";
      this.#desk.after(now, act, "consumer");
      const said = saidIn(now, event.comity);
      const change = { consumerPid: event.consumerPid, ...said, ...this.#desk.take(now, event) };
      await this.#desk.step(now, act, "consumer", change);
    });
  }

  /** ContractAgreementVerificationMessage (§7.2.4), with the consumer's signature. */
  async verified(
    did: string,
    pid: string,
    verification: ContractAgreementVerificationMessage,
  ): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const now = await this.#desk.need(pid, did, "provider");
      // told before, and acted on
      if (now.state === "FINALIZED" || this.#desk.wasTaken(now, verification)) return;
      this.#desk.after(now, "verify", "consumer");
      try {
        const evidence = await this.#withConsumer(now, verification);
        const change = { evidence, ...this.#desk.take(now, verification) };
        await this.#desk.step(now, "verify", "consumer", change);
      } catch (thrown) {
        if (thrown instanceof ComityError && thrown.code === "SIGNATURE_INVALID") {
          await this.#desk.terminate(now, thrown.message);
        }
        throw thrown;
      }
    });
  }

  /** Signs what is on the table and sends it (ContractAgreementMessage, §7.2.3). */
  async agree(negotiation: Negotiation): Promise<void> {
    this.#desk.after(negotiation, "agree", "provider");
    const { signer } = this.#desk.options;
    const policy = await this.#policyFor(negotiation);
    const signature = await signAgreement(policy, signer);
    const letter = this.#desk.letter(
      negotiation,
      "/agreement",
      message("ContractAgreementMessage", {
        providerPid: negotiation.pid,
        consumerPid: negotiation.consumerPid,
        agreement: policy,
        comity: { version: 1, signature },
      }),
    );
    const change = { draft: draftOf(policy, "provider"), evidence: evidenceOf(policy, signature) };
    await this.#desk.step(negotiation, "agree", "provider", change, letter);
  }

  /** Other terms, ours (ContractOfferMessage, §7.2.2). */
  async offer(negotiation: Negotiation, offer: Rules & Partial<Offer>): Promise<void> {
    this.#desk.after(negotiation, "offer", "provider");
    const { pid: providerPid, consumerPid, counterpart } = negotiation;
    const product = this.#need(negotiation.product);
    const { table, said } = this.#made(product, offer, counterpart);
    const body = message("ContractOfferMessage", { providerPid, consumerPid, ...said });
    const letter = this.#desk.letter(negotiation, "/offers", body);
    await this.#desk.step(negotiation, "offer", "provider", table, letter);
  }

  /** The same message unasked begins a negotiation (§7.2.2). */
  async propose({ consumer, product: id, terms = {} }: Proposal): Promise<Negotiation> {
    const { peers, signer, entropy, clock } = this.#desk.options;
    const product = this.#catalogue.get(id);
    if (!product) throw new ComityError("NOT_FOUND", { what: "product", id });
    const ended = (problem: string) =>
      new ComityError("NEGOTIATION_ENDED", { peer: consumer, problem });
    if (consumer === signer.did) throw ended("it is this node");
    if (!isOfferedTo(product, consumer)) throw ended(`it is reserved for ${product.reservedFor}`);
    const rules = amendedRules(compileOffer(product), terms);
    const { table, said } = this.#made(product, rules, consumer);
    await peers.learn(consumer);
    const address = await peers.dspBase(consumer);
    peers.assertCallable(consumer, address);
    const pid = newUrn(entropy);
    const negotiation: Negotiation = {
      pid,
      role: "provider",
      state: "OFFERED",
      consumerPid: "",
      providerPid: pid,
      counterpart: consumer,
      address,
      product: id,
      delivered: { delivery: product.delivery, topics: product.topics },
      ...table,
      proposed: true,
      signs: false, // until it says that it does
      startedAt: new Date(clock.now()).toISOString(),
    };
    const callbackAddress = `${this.#baseUrl()}${dspPath}`;
    const first = { "@id": newUrn(entropy), providerPid: pid, callbackAddress, ...said };
    const body = message("ContractOfferMessage", first);
    const url = `${address}/negotiations/offers`;
    const about = { kind: "negotiation", subject: pid } as const;
    await this.#desk.start(negotiation, { did: consumer, url, body, ...about });
    return negotiation;
  }

  /** What is offered to somebody: as this side keeps it, and as the other is told. */
  #made(product: Product, offer: Rules & Partial<Offer>, assignee: string) {
    const rules = readRules(offer);
    this.#assertInForce(rules, product);
    assertSecretsKept(termsOf(rules), product.tradeSecrets);
    const { id, title, delivery, topics } = product;
    const offerId = offer["@id"] ?? offerIdFor(id, rules, product);
    const shown = shownOffer({ "@type": "Offer", "@id": offerId, ...rules });
    const parties = { target: id, assigner: this.#desk.options.signer.did, assignee };
    return {
      table: onTable(id, shown, { delivery, topics }),
      said: { offer: { ...shown, ...parties }, comity: { version: 1, title, delivery, topics } },
    } as const;
  }

  /** The agreement stands (ContractNegotiationEventMessage FINALIZED, §7.2.5). */
  async finalize(negotiation: Negotiation): Promise<void> {
    this.#desk.after(negotiation, "finalize", "provider");
    const { pid, draft, evidence, consumerPid, counterpart } = negotiation;
    if (!draft || !evidence) throw new Error(`negotiation ${pid} is VERIFIED without a draft`);
    const event = { providerPid: pid, consumerPid, eventType: "FINALIZED" } as const;
    const body = message("ContractNegotiationEventMessage", event);
    await this.#desk.options.peers.learn(counterpart);
    const letter = this.#desk.letter(negotiation, "/events", body);
    await this.#desk.finalize(negotiation, { ...draft, evidence }, letter);
  }

  async #begin(did: string, pid: string, request: ContractRequestMessage): Promise<Negotiation> {
    if (request.callbackAddress === undefined || request.providerPid !== undefined) {
      const problem = "a first request has a callbackAddress and no providerPid";
      throw new ComityError("BODY_INVALID", { problem });
    }
    const { peers, clock } = this.#desk.options;
    peers.assertCallable(did, request.callbackAddress);
    const id = productOfOffer(request.offer["@id"]);
    const product = this.#catalogue.get(id);
    const offers = this.#catalogue.offersOf(id);
    const offer = offers.find((one) => one["@id"] === request.offer["@id"]) ?? offers[0];
    if (!product || !offer || !isOfferedTo(product, did)) {
      throw new ComityError("NOT_FOUND", { what: "offer", id: request.offer["@id"] });
    }
    this.#assertRoomFor(did);
    const { delivery, topics } = product;
    const delivered = { delivery, topics };
    const negotiation: Negotiation = {
      pid,
      role: "provider",
      state: "REQUESTED",
      consumerPid: request.consumerPid,
      providerPid: pid,
      counterpart: did,
      address: baseOf(request.callbackAddress),
      product: id,
      delivered,
      ...onTable(id, shownOffer(offer), delivered),
      ...saidIn({ signs: false }, request.comity),
      startedAt: new Date(clock.now()).toISOString(),
    };
    await peers.meet(did);
    try {
      const table = tableAsked(request, offer, product, negotiation);
      const begun = { ...negotiation, ...table, ...this.#desk.take(negotiation, request) };
      await this.#desk.start(begun);
      return begun;
    } catch (thrown) {
      if (!(thrown instanceof ComityError) || thrown.status !== 400) throw thrown;
      await this.#desk.start({ ...negotiation, state: "TERMINATED", problem: thrown.message });
      if (thrown.code === "TRADE_SECRETS") {
        const reason = String(thrown.details["problem"]);
        await this.#secretsWithheld?.({ asker: did, product: id, reason });
      }
      throw thrown;
    }
  }

  #assertRoomFor(did: string): void {
    const limit = this.#agreementsPerPeerMax;
    if (this.#agreements.standingWith(did) < limit) return;
    throw new ComityError("LIMIT_REACHED", { limit, what: "agreements of one participant" });
  }

  async #policyFor(negotiation: Negotiation): Promise<AgreementPolicy> {
    const { signer, entropy, peers } = this.#desk.options;
    const { rules: written, digest, signs, counterpart, attested } = negotiation;
    const product = this.#need(negotiation.product);
    const rules = readRules(written);
    if (policyDigest(product.id, rules, product) !== digest) {
      throw new ComityError("POLICY_CHANGED", { where: "catalogue" });
    }
    const signedAt = this.#assertInForce(rules, product);
    const terms = assertSellable(rules, product, negotiation);
    const keys = signs
      ? { [signer.did]: signer.publicJwk, [counterpart]: await peers.keyOf(counterpart) }
      : { [signer.did]: signer.publicJwk };
    return {
      "@type": "Agreement",
      "@id": newUrn(entropy),
      target: product.id,
      assigner: signer.did,
      assignee: counterpart,
      timestamp: signedAt,
      ...written,
      comity: {
        version: 1,
        product: product.id,
        title: product.title,
        delivery: product.delivery,
        topics: product.topics,
        price: pricedIn(terms, product),
        ...(product.conformsTo !== undefined && { conformsTo: product.conformsTo }),
        ...(attested && { attested }),
        keys,
      },
    };
  }

  /** Were it signed now, would it hold, and of topics that the product has? The time it is. */
  #assertInForce(rules: Rules, { topics }: Product): string {
    const now = this.#desk.options.clock.now();
    const signedAt = new Date(now).toISOString();
    assertInForce(termsOf(rules), { topics, signedAt, now });
    return signedAt;
  }

  #need(id: string): Product {
    const product = this.#catalogue.get(id);
    if (product) return product;
    throw new ComityError("POLICY_CHANGED", { where: "catalogue" });
  }

  async #withConsumer(
    { pid, draft, evidence, signs, counterpart: did }: Negotiation,
    verification: ContractAgreementVerificationMessage,
  ): Promise<GeneralJws> {
    if (!draft || !evidence) throw new Error(`negotiation ${pid} is AGREED without a draft`);
    if (!signs) return evidence;
    const signature = verification.comity?.signature;
    const what = `agreement ${draft.id}`;
    if (!signature) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "the consumer's is missing" });
    }
    const key = draft.keys[did];
    if (!key) throw new Error(`no key of ${did} is pinned`);
    await assertSignedBy({ payload: evidence.payload, signatures: [signature] }, did, key, what);
    return mergeSignatures(evidence, signature);
  }
}
