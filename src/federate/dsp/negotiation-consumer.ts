import { ComityError } from "../../kernel/errors.ts";
import { newUrn } from "../../kernel/id.ts";
import type { Agreement } from "../../market/agreement.ts";
import {
  type AgreementPolicy,
  assertSignedBy,
  assertTermsHold,
  draftOf,
  evidenceOf,
  signAgreement,
} from "../../market/evidence.ts";
import type { Negotiation } from "../../market/negotiation.ts";
import {
  type Delivered,
  deliveredWhole,
  offerIdFor,
  policyDigest,
  productOfOffer,
  readRules,
  type Rules,
  termsOf,
} from "../../market/policy.ts";
import type { GeneralJws, PublicJwk } from "../../ports/signer.ts";
import {
  type ContractAgreementMessage,
  type ContractNegotiationEventMessage,
  Dataset,
  dspPath,
  message,
} from "../../wire/dsp/messages.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import type { Outgoing } from "../outbox.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";

export interface NegotiationConsumerOptions {
  /** This node's public base URL. */
  readonly baseUrl: () => string;
  /** How long `negotiate` waits. */
  readonly waitMs?: number;
}

/** What the catalogue says about an offer: all of it is compared with what is to be signed. */
interface Offered {
  readonly rules: Rules;
  readonly delivered: Delivered;
  readonly title: string | undefined;
}

/** The consumer's side: asks for an offer as the catalogue shows it, signs what it asked for. */
export class NegotiationConsumer {
  readonly #desk: NegotiationDesk;
  readonly #options: NegotiationConsumerOptions;

  constructor(desk: NegotiationDesk, options: NegotiationConsumerOptions) {
    this.#desk = desk;
    this.#options = options;
  }

  /** From offer to agreement; NEGOTIATION_ENDED, POLICY_CHANGED and PEER_… say why not. */
  async negotiate(provider: string, offerId: string): Promise<Agreement> {
    const { peers, signer } = this.#desk.options;
    if (provider === signer.did) {
      throw new ComityError("NEGOTIATION_ENDED", { peer: provider, problem: "it is this node" });
    }
    await peers.learn(provider);
    const address = await peers.dspBase(provider);
    const offered = await this.#offered(provider, address, offerId);
    const pid = newUrn(this.#desk.options.entropy);
    const outcome = this.#desk.outcome(pid);
    outcome.catch(() => undefined); // it may be over before anybody awaits it
    try {
      await this.#ask(pid, provider, address, offerId, offered);
      return await this.#within(pid, outcome);
    } finally {
      this.#desk.forget(pid);
    }
  }

  /** What the catalogue offers under this id; the id itself vouches for the terms. */
  async #offered(provider: string, address: string, offerId: string): Promise<Offered> {
    const { peers } = this.#desk.options;
    const product = productOfOffer(offerId);
    const url = `${address}/catalog/datasets/${encodeURIComponent(product)}`;
    const dataset = parseMessage(Dataset, await peers.fetch(provider, url));
    const policy = dataset.hasPolicy.find((offer) => offer["@id"] === offerId);
    if (!policy) throw new ComityError("NOT_FOUND", { what: "offer", id: offerId });
    const rules = readRules(policy);
    termsOf(rules);
    const title = dataset.comity?.title;
    const delivered: Delivered = { ...deliveredWhole, ...dataset.comity };
    if (offerIdFor(product, rules, delivered) === offerId) return { rules, delivered, title };
    throw new ComityError("POLICY_CHANGED", { where: "catalogue" });
  }

  async #ask(
    pid: string,
    provider: string,
    address: string,
    offerId: string,
    { rules, delivered, title }: Offered,
  ): Promise<void> {
    const product = productOfOffer(offerId);
    const body = message("ContractRequestMessage", {
      consumerPid: pid,
      offer: { "@type": "Offer", "@id": offerId, target: product, ...rules },
      callbackAddress: `${this.#options.baseUrl()}${dspPath}`,
      comity: { version: 1 },
    });
    const letter: Omit<Outgoing, "id" | "at"> = {
      did: provider,
      url: `${address}/negotiations/request`,
      body,
      kind: "negotiation",
      subject: pid,
    };
    await this.#desk.start(
      {
        pid,
        role: "consumer",
        state: "REQUESTED",
        consumerPid: pid,
        counterpart: provider,
        address,
        offer: offerId,
        product,
        digest: policyDigest(product, rules, delivered),
        ...(title === undefined ? {} : { title }),
        signs: true,
        startedAt: new Date(this.#desk.options.clock.now()).toISOString(),
      },
      letter,
    );
  }

  async #within(pid: string, outcome: Promise<Agreement>): Promise<Agreement> {
    const waitMs = this.#options.waitMs ?? 30_000;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => void this.#giveUp(pid, waitMs).then(reject, reject), waitMs);
    });
    try {
      return await Promise.race([outcome, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Until we signed, we may walk away; afterwards the provider has the last word. */
  async #giveUp(pid: string, waitMs: number): Promise<ComityError> {
    return this.#desk.turns.take(pid, async () => {
      const now = await this.#desk.get(pid);
      const peer = this.#desk.options.peers.nameOf(now?.counterpart ?? "");
      const problem = `no answer within ${waitMs / 1000} s`;
      if (now?.state === "REQUESTED") {
        const { providerPid } = now;
        const letter =
          providerPid === undefined
            ? undefined
            : this.#desk.letter(
                now,
                "/termination",
                message("ContractNegotiationTerminationMessage", {
                  providerPid,
                  consumerPid: pid,
                  reason: [problem],
                }),
              );
        await this.#desk.terminate(now, problem, letter);
      }
      const signed = now?.state === "VERIFIED" ? "; it is signed and goes on by itself" : "";
      return new ComityError("NEGOTIATION_ENDED", { peer, problem: `${problem}${signed}` });
    });
  }

  /** ContractAgreementMessage (DSP 2025-1 §7.2.3): checked, signed, and verified to them. */
  async agreed(did: string, pid: string, offer: ContractAgreementMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const negotiation = await this.#desk.need(pid, did, "consumer");
      const policy = offer.agreement as unknown as AgreementPolicy;
      if (negotiation.draft?.id === policy["@id"] && negotiation.state !== "TERMINATED") return;
      const state = this.#desk.after(negotiation, "agree", "provider");
      try {
        const evidence = await this.#check(negotiation, policy, offer);
        await this.#verify({ ...negotiation, state }, offer.providerPid, policy, evidence);
      } catch (thrown) {
        if (thrown instanceof ComityError && thrown.status < 500) {
          await this.#desk.terminate(negotiation, thrown.message);
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
    if (!signedOnce && rules.obligation !== undefined) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "the provider's is missing" });
    }
    const key: PublicJwk | undefined = signedOnce ? await peers.keyOf(provider) : undefined;
    const keys = { ...(key ? { [provider]: key } : {}), [signer.did]: signer.publicJwk };
    const { product, title } = negotiation;
    assertTermsHold(policy, { provider, consumer: signer.did, product, title, keys });
    const signedAt = Date.parse(policy.timestamp);
    if (Number.isNaN(signedAt) || signedAt > clock.now() + 60_000) {
      throw new ComityError("POLICY_CHANGED", { where: `timestamp ${policy.timestamp}` });
    }
    if (terms.notAfter !== undefined && Date.parse(terms.notAfter) <= clock.now()) {
      throw new ComityError("POLICY_UNENFORCEABLE", { problem: `it ended at ${terms.notAfter}` });
    }
    const evidence = evidenceOf(policy, ...(signature && key ? [signature] : []));
    if (key) await assertSignedBy(evidence, provider, key, what);
    return evidence;
  }

  async #verify(
    agreed: Negotiation,
    providerPid: string,
    policy: AgreementPolicy,
    evidence: GeneralJws,
  ): Promise<void> {
    const { signer } = this.#desk.options;
    const signature = await signAgreement(policy, signer);
    const draft = draftOf(policy, "consumer");
    const keys = { ...draft.keys, [signer.did]: signer.publicJwk };
    const change = {
      providerPid,
      draft: { ...draft, keys },
      evidence: evidenceOf(policy, ...evidence.signatures, signature),
    };
    const letter = this.#desk.letter(
      { ...agreed, providerPid },
      "/agreement/verification",
      message("ContractAgreementVerificationMessage", {
        providerPid,
        consumerPid: agreed.pid,
        comity: { version: 1, signature },
      }),
    );
    await this.#desk.step(agreed, "verify", "consumer", change, letter);
  }
}
