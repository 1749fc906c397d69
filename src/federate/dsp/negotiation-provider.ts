import { ComityError } from "../../kernel/errors.ts";
import { newUrn } from "../../kernel/id.ts";
import type { Catalogue } from "../../market/catalogue.ts";
import {
  type AgreementPolicy,
  assertSignedBy,
  draftOf,
  evidenceOf,
  signAgreement,
} from "../../market/evidence.ts";
import type { Negotiation } from "../../market/negotiation.ts";
import {
  type Offer,
  policyDigest,
  productOfOffer,
  readRules,
  type Rules,
  termsOf,
} from "../../market/policy.ts";
import type { Product } from "../../market/product.ts";
import type { GeneralJws } from "../../ports/signer.ts";
import {
  type ContractAgreementVerificationMessage,
  type ContractNegotiationEventMessage,
  type ContractRequestMessage,
  message,
} from "../../wire/dsp/messages.ts";
import { mergeSignatures } from "../../wire/jws.ts";
import { baseOf } from "../resolver.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";
import { pidFor } from "./pid.ts";

/** The provider's side: an offer is agreed to as it stands, or not at all. */
export class NegotiationProvider {
  readonly #desk: NegotiationDesk;
  readonly #catalogue: Catalogue;

  constructor(desk: NegotiationDesk, catalogue: Catalogue) {
    this.#desk = desk;
    this.#catalogue = catalogue;
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
      if (known) return this.#desk.describe(known);
      const negotiation = await this.#taken(did, pid, request);
      // the answer says REQUESTED first; the agreement follows by itself, after this turn
      void this.#agreeLater(negotiation);
      return this.#desk.describe(negotiation);
    });
  }

  /** Goes on with what a stop left behind. */
  resume(): void {
    for (const negotiation of this.#desk.open()) {
      if (negotiation.role === "provider" && negotiation.state === "REQUESTED") {
        void this.#agreeLater(negotiation);
      }
    }
  }

  /** ContractAgreementVerificationMessage (§7.2.4): with the consumer's signature it is final. */
  async verified(
    did: string,
    pid: string,
    verification: ContractAgreementVerificationMessage,
  ): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const negotiation = await this.#desk.need(pid, did, "provider");
      if (negotiation.state === "FINALIZED") return; // told before, and acted on
      const state = this.#desk.after(negotiation, "verify", "consumer");
      const { draft, evidence } = negotiation;
      if (!draft || !evidence) throw new Error(`negotiation ${pid} is AGREED without a draft`);
      try {
        const full = await this.#withConsumer(negotiation, evidence, verification);
        const letter = this.#desk.letter(
          negotiation,
          "/events",
          message("ContractNegotiationEventMessage", {
            providerPid: pid,
            consumerPid: negotiation.consumerPid,
            eventType: "FINALIZED",
          }),
        );
        await this.#desk.options.peers.learn(did);
        await this.#desk.finalize({ ...negotiation, state }, { ...draft, evidence: full }, letter);
      } catch (thrown) {
        if (thrown instanceof ComityError && thrown.code === "SIGNATURE_INVALID") {
          await this.#desk.terminate(negotiation, thrown.message);
        }
        throw thrown;
      }
    });
  }

  /** ACCEPTED answers a counter-offer, and this node makes none (§7.2.5). */
  async event(did: string, pid: string, event: ContractNegotiationEventMessage): Promise<void> {
    const negotiation = await this.#desk.need(pid, did, "provider");
    const act = event.eventType === "ACCEPTED" ? "accept" : "finalize";
    this.#desk.after(negotiation, act, "consumer");
    throw new Error(`negotiation ${pid} is ${negotiation.state}, which this node never enters`);
  }

  async #taken(did: string, pid: string, request: ContractRequestMessage): Promise<Negotiation> {
    if (request.callbackAddress === undefined || request.providerPid !== undefined) {
      const problem = "a first request has a callbackAddress and no providerPid";
      throw new ComityError("BODY_INVALID", { problem });
    }
    this.#desk.options.peers.assertCallable(did, request.callbackAddress);
    const product = productOfOffer(request.offer["@id"]);
    const negotiation: Negotiation = {
      pid,
      role: "provider",
      state: "REQUESTED",
      consumerPid: request.consumerPid,
      providerPid: pid,
      counterpart: did,
      address: baseOf(request.callbackAddress),
      offer: request.offer["@id"],
      product,
      digest: "",
      signs: request.comity !== undefined,
      startedAt: new Date(this.#desk.options.clock.now()).toISOString(),
    };
    const offered = this.#catalogue.get(product);
    const offer = this.#catalogue.offerOf(product);
    if (!offered || !offer) {
      throw new ComityError("NOT_FOUND", { what: "offer", id: request.offer["@id"] });
    }
    await this.#desk.options.peers.meet(did);
    try {
      const digest = digestAsked(request, offer, offered, negotiation.signs);
      const accepted = { ...negotiation, digest };
      await this.#desk.start(accepted);
      return accepted;
    } catch (thrown) {
      if (!(thrown instanceof ComityError) || thrown.status !== 400) throw thrown;
      await this.#desk.start({ ...negotiation, state: "TERMINATED", problem: thrown.message });
      throw thrown;
    }
  }

  async #agreeLater(negotiation: Negotiation): Promise<void> {
    await this.#desk.turns.take(negotiation.pid, async () => {
      const now = await this.#desk.get(negotiation.pid);
      if (now?.state !== "REQUESTED") return;
      try {
        await this.#agree(now);
      } catch (thrown) {
        if (!(thrown instanceof ComityError)) throw thrown;
        if (thrown.code === "STORE_FAILED") return; // the node is stopping; resumed at its start
        await this.#desk.terminate(
          now,
          thrown.message,
          this.#desk.letter(
            now,
            "/termination",
            message("ContractNegotiationTerminationMessage", {
              providerPid: now.pid,
              consumerPid: now.consumerPid,
              code: thrown.code,
              reason: [thrown.message],
            }),
          ),
        );
      }
    });
  }

  /** Signs the agreement and sends it (ContractAgreementMessage, §7.2.3). */
  async #agree(negotiation: Negotiation): Promise<void> {
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

  async #policyFor(negotiation: Negotiation): Promise<AgreementPolicy> {
    const { signer, entropy, clock, peers } = this.#desk.options;
    const product = this.#catalogue.get(negotiation.product);
    const offer = this.#catalogue.offerOf(negotiation.product);
    if (!product || !offer || digestOf(product, rulesIn(offer)) !== negotiation.digest) {
      throw new ComityError("POLICY_CHANGED", { where: "catalogue" });
    }
    const rules = rulesIn(offer);
    const terms = termsOf(rules);
    const keys = negotiation.signs
      ? {
          [signer.did]: signer.publicJwk,
          [negotiation.counterpart]: await peers.keyOf(negotiation.counterpart),
        }
      : { [signer.did]: signer.publicJwk };
    return {
      "@type": "Agreement",
      "@id": newUrn(entropy),
      target: product.id,
      assigner: signer.did,
      assignee: negotiation.counterpart,
      timestamp: new Date(clock.now()).toISOString(),
      ...rules,
      comity: {
        version: 1,
        product: product.id,
        title: product.title,
        delivery: product.delivery,
        topics: product.topics,
        price: terms.price.amount === "0" ? product.terms.price : terms.price,
        keys,
      },
    };
  }

  async #withConsumer(
    negotiation: Negotiation,
    evidence: GeneralJws,
    verification: ContractAgreementVerificationMessage,
  ): Promise<GeneralJws> {
    const signature = verification.comity?.signature;
    if (!negotiation.signs) return evidence;
    const what = `agreement ${negotiation.draft?.id ?? ""}`;
    if (!signature) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "the consumer's is missing" });
    }
    const did = negotiation.counterpart;
    const key = negotiation.draft?.keys[did];
    if (!key) throw new Error(`no key of ${did} is pinned`);
    await assertSignedBy({ payload: evidence.payload, signatures: [signature] }, did, key, what);
    return mergeSignatures(evidence, signature);
  }
}

/** What was asked for, checked against the offer; unenforceable terms are named first. */
function digestAsked(
  request: ContractRequestMessage,
  offer: Offer,
  product: Product,
  signs: boolean,
): string {
  const own = digestOf(product, rulesIn(offer));
  const asked = request.offer as Record<string, unknown>;
  // a request may name the offer alone (DSP 2025-1 §7.2.1)
  if (asked["permission"] !== undefined || asked["obligation"] !== undefined) {
    const rules = readRules(asked);
    termsOf(rules);
    if (digestOf(product, rules) !== own) {
      throw new ComityError("POLICY_CHANGED", { where: "request" });
    }
  }
  if (request.offer["@id"] !== offer["@id"]) {
    throw new ComityError("POLICY_CHANGED", { where: "request" });
  }
  if (request.offer.target !== undefined && request.offer.target !== product.id) {
    throw new ComityError("POLICY_CHANGED", { where: "request's target" });
  }
  if (!signs && offer.obligation !== undefined) {
    const problem =
      "what costs money needs two signatures, and the caller does not sign agreements";
    throw new ComityError("POLICY_UNENFORCEABLE", { problem });
  }
  return own;
}

function digestOf(product: Product, rules: Rules): string {
  return policyDigest(product.id, rules, product);
}

function rulesIn(offer: Offer): Rules {
  const { profile, permission, obligation } = offer;
  return { profile, permission, ...(obligation === undefined ? {} : { obligation }) };
}
