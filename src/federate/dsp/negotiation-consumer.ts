import { ComityError } from "../../kernel/errors.ts";
import { isFree } from "../../kernel/price.ts";
import { assertInForce } from "../../market/compile.ts";
import {
  type AgreementPolicy,
  assertSignedBy,
  assertTermsHold,
  draftOf,
  evidenceOf,
  signAgreement,
  attestationIn,
} from "../../market/evidence.ts";
import type { Negotiation } from "../../market/negotiation.ts";
import {
  deliveredWhole,
  type Offer,
  policyDigest,
  readRules,
  termsOf,
} from "../../market/policy.ts";
import { assertAttested, type Attestation } from "../../market/attestation.ts";
import type { GeneralJws, PublicJwk } from "../../ports/signer.ts";
import {
  type ContractAgreementMessage,
  type ContractNegotiationEventMessage,
  type ContractOfferMessage,
  message,
} from "../../wire/dsp/messages.ts";
import { baseOf } from "../resolver.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";
import { assertNameable, onTable } from "./on-table.ts";
import { pidFor } from "./pid.ts";

/** How far two clocks may differ. */
const skewMs = 60_000;

/** The consumer's side: what the provider sends, and the moves that answer it. */
export class NegotiationConsumer {
  readonly #desk: NegotiationDesk;

  constructor(desk: NegotiationDesk) {
    this.#desk = desk;
  }

  /** ContractOfferMessage unasked (DSP 2025-1 §7.2.2); the same providerPid again changes nothing. */
  async offeredFirst(did: string, offer: ContractOfferMessage): Promise<object> {
    if (offer.callbackAddress === undefined || offer.consumerPid !== undefined) {
      const problem = "a first offer has a callbackAddress and no consumerPid";
      throw new ComityError("BODY_INVALID", { problem });
    }
    const { callbackAddress } = offer;
    const { signer, peers, clock } = this.#desk.options;
    const pid = pidFor("negotiation", did, signer.did, offer.providerPid);
    return this.#desk.turns.take(pid, async () => {
      const known = await this.#desk.get(pid);
      if (known) return this.#desk.describe(known);
      peers.assertCallable(did, callbackAddress);
      assertNameable(offer.offer.target);
      const delivered = offer.comity ?? deliveredWhole;
      const negotiation: Negotiation = {
        pid,
        role: "consumer",
        state: "OFFERED",
        consumerPid: pid,
        providerPid: offer.providerPid,
        counterpart: did,
        address: baseOf(callbackAddress),
        product: offer.offer.target,
        delivered: { delivery: delivered.delivery, topics: delivered.topics },
        ...onTable(offer.offer.target, offer.offer, delivered),
        ...(offer.comity === undefined ? {} : { title: offer.comity.title }),
        signs: true,
        startedAt: new Date(clock.now()).toISOString(),
      };
      await peers.meet(did);
      const begun = { ...negotiation, ...this.#desk.take(negotiation, offer) };
      await this.#desk.start(begun);
      return this.#desk.describe(begun);
    });
  }

  /** The same message in answer to a request of ours: other terms are offered. */
  async offered(did: string, pid: string, offer: ContractOfferMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const now = await this.#desk.need(pid, did, "consumer");
      if (this.#desk.wasTaken(now, offer)) return;
      this.#desk.after(now, "offer", "provider");
      if (offer.offer.target !== now.product) {
        throw new ComityError("POLICY_CHANGED", { where: "offer's target" });
      }
      const { delivery, topics } = offer.comity ?? now.delivered;
      const delivered = { delivery, topics };
      const table = onTable(now.product, offer.offer, delivered);
      const { providerPid } = offer;
      const change = { providerPid, delivered, ...table, ...this.#desk.take(now, offer) };
      await this.#desk.step(now, "offer", "provider", change);
    });
  }

  /** ContractAgreementMessage (§7.2.3), checked against what is on the table. */
  async agreed(did: string, pid: string, offer: ContractAgreementMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const now = await this.#desk.need(pid, did, "consumer");
      const policy = offer.agreement as unknown as AgreementPolicy;
      if (now.draft?.id === policy["@id"] && now.state !== "TERMINATED") return;
      if (this.#desk.wasTaken(now, offer)) return;
      this.#desk.after(now, "agree", "provider");
      try {
        const evidence = await this.#check(now, policy, offer);
        const draft = draftOf(policy, "consumer");
        const { signer } = this.#desk.options;
        const keys = { ...draft.keys, [signer.did]: signer.publicJwk };
        const { providerPid } = offer;
        const change = { providerPid, draft: { ...draft, keys }, evidence };
        const taken = this.#desk.take(now, offer);
        await this.#desk.step(now, "agree", "provider", { ...change, ...taken });
      } catch (thrown) {
        if (thrown instanceof ComityError && thrown.status < 500) {
          await this.#desk.terminate(now, thrown.message);
        }
        throw thrown;
      }
    });
  }

  /** ContractNegotiationEventMessage FINALIZED (§7.2.5). */
  async finalized(did: string, pid: string, event: ContractNegotiationEventMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const negotiation = await this.#desk.need(pid, did, "consumer");
      if (negotiation.state === "FINALIZED" && event.eventType === "FINALIZED") return;
      if (event.eventType !== "FINALIZED") {
        this.#desk.after(negotiation, "accept", "provider"); // never allowed: names the state
      }
      this.#desk.after(negotiation, "finalize", "provider");
      const { draft, evidence } = negotiation;
      if (!draft || !evidence) throw new Error(`negotiation ${pid} is VERIFIED without a draft`);
      await this.#desk.finalize(negotiation, { ...draft, evidence });
    });
  }

  /** Takes the offer as it stands (ContractNegotiationEventMessage ACCEPTED, §7.2.5). */
  async accept(negotiation: Negotiation, said?: Attestation): Promise<void> {
    this.#desk.after(negotiation, "accept", "consumer");
    const { pid, providerPid, rules, offer } = negotiation;
    const attested = said ?? negotiation.attested;
    assertAttested(attestationIn(termsOf(readRules(rules))), attested, offer);
    const event = { providerPid, consumerPid: pid, eventType: "ACCEPTED" } as const;
    const comity = { version: 1, ...(attested && { attested }) };
    const body = message("ContractNegotiationEventMessage", { ...event, comity });
    const letter = this.#desk.letter(negotiation, "/events", body);
    const change = attested === undefined ? {} : { attested };
    await this.#desk.step(negotiation, "accept", "consumer", change, letter);
  }

  /** Asks for other terms instead (ContractRequestMessage, §7.2.1). */
  async counter(negotiation: Negotiation, offer: Offer): Promise<void> {
    this.#desk.after(negotiation, "request", "consumer");
    const { pid, providerPid, product, delivered, attested } = negotiation;
    const named = { "@type": "Offer", "@id": offer["@id"], target: product } as const;
    const table = onTable(product, { ...offer, ...named }, delivered);
    const body = message("ContractRequestMessage", {
      providerPid,
      consumerPid: pid,
      offer: { ...named, ...table.rules },
      comity: { version: 1, ...(attested && { attested }) },
    });
    const letter = this.#desk.letter(negotiation, "/request", body);
    const change = { ...table, asked: table.digest };
    await this.#desk.step(negotiation, "request", "consumer", change, letter);
  }

  /** Signs the agreement as well (ContractAgreementVerificationMessage, §7.2.4). */
  async verify(negotiation: Negotiation): Promise<void> {
    this.#desk.after(negotiation, "verify", "consumer");
    const { pid, providerPid, draft, evidence } = negotiation;
    if (!draft || !evidence) throw new Error(`negotiation ${pid} is AGREED without a draft`);
    const signature = await signAgreement(draft.policy, this.#desk.options.signer);
    const signatures = [...evidence.signatures, signature];
    const letter = this.#desk.letter(
      negotiation,
      "/agreement/verification",
      message("ContractAgreementVerificationMessage", {
        providerPid,
        consumerPid: pid,
        comity: { version: 1, signature },
      }),
    );
    const change = { evidence: evidenceOf(draft.policy, ...signatures) };
    await this.#desk.step(negotiation, "verify", "consumer", change, letter);
  }

  async #check(
    negotiation: Negotiation,
    policy: AgreementPolicy,
    offer: ContractAgreementMessage,
  ): Promise<GeneralJws> {
    const { signer, peers, clock } = this.#desk.options;
    const provider = negotiation.counterpart;
    const rules = readRules(policy);
    const digest = policyDigest(policy.target, rules, policy.comity ?? deliveredWhole);
    if (digest !== negotiation.digest) {
      throw new ComityError("POLICY_CHANGED", { where: "agreement" });
    }
    const terms = termsOf(rules);
    const what = `agreement ${policy["@id"]}`;
    const signature = offer.comity?.signature;
    const signedOnce = signature !== undefined && policy.comity !== undefined;
    if (!signedOnce && !isFree(terms.price)) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "the provider's is missing" });
    }
    const key: PublicJwk | undefined = signedOnce ? await peers.keyOf(provider) : undefined;
    const keys = { ...(key ? { [provider]: key } : {}), [signer.did]: signer.publicJwk };
    const { product, title, attested } = negotiation;
    assertTermsHold(policy, { provider, consumer: signer.did, product, title, attested, keys });
    const signedAt = Date.parse(policy.timestamp);
    const begunAt = Date.parse(negotiation.startedAt);
    // terms run from it, so a clock that is off must not lengthen or shorten them
    if (!(signedAt <= clock.now() + skewMs && signedAt >= begunAt - skewMs)) {
      throw new ComityError("POLICY_CHANGED", { where: `timestamp ${policy.timestamp}` });
    }
    const { topics } = policy.comity ?? deliveredWhole;
    assertInForce(terms, { topics, signedAt: policy.timestamp, now: clock.now() });
    const evidence = evidenceOf(policy, ...(signature && key ? [signature] : []));
    if (key) await assertSignedBy(evidence, provider, key, what);
    return evidence;
  }
}
