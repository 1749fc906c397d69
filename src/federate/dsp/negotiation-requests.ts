import { ComityError } from "../../kernel/errors.ts";
import { newUrn } from "../../kernel/id.ts";
import type { Agreement } from "../../market/agreement.ts";
import { attestationIn } from "../../market/evidence.ts";
import type { Negotiation } from "../../market/negotiation.ts";
import {
  type Delivered,
  deliveredWhole,
  offerIdFor,
  productOfOffer,
  readRules,
  termsOf,
} from "../../market/policy.ts";
import {
  assertAttested,
  offerFor,
  type Attestation,
  attestationOf,
} from "../../market/attestation.ts";
import { Dataset, dspPath, message } from "../../wire/dsp/messages.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";
import { isSameEdcOffer, readEdcOfferId } from "./edc-offer-id.ts";
import { assertNameable, onTable } from "./on-table.ts";

export interface NegotiationRequestsOptions {
  /** This node's public base URL. */
  readonly baseUrl: () => string;
  /** How long `negotiate` waits. */
  readonly waitMs?: number;
}

/** An offer to ask for; without its policy the provider's catalogue is read for it. */
export interface Wanted {
  /** The provider's participant id. */
  readonly provider: string;
  readonly offer: string;
  readonly dataset?: string;
  /** The offer's policy as the provider wrote it. */
  readonly policy?: object;
  /** The provider's versioned DSP base URL, where its own documents are not to be asked. */
  readonly address?: string;
  /** What this side attests of itself. */
  readonly attested?: Attestation | undefined;
}

/** What is known of an offer: all of it is compared with what is to be signed. */
interface Offered {
  /** Its id, where the one for this side's attestation is another than was named. */
  readonly chosen?: string;
  readonly product: string;
  readonly policy: object;
  readonly delivered: Delivered;
  readonly title?: string;
  readonly approval?: "auto" | "manual";
}

/** How a negotiation begins on the consumer's side, and who waits for its end. */
export class NegotiationRequests {
  readonly #desk: NegotiationDesk;
  readonly #options: NegotiationRequestsOptions;

  constructor(desk: NegotiationDesk, options: NegotiationRequestsOptions) {
    this.#desk = desk;
    this.#options = options;
  }

  /** From offer to agreement; NEGOTIATION_…, POLICY_CHANGED and PEER_… say why not. */
  async negotiate(provider: string, offer: string, attested?: Attestation): Promise<Agreement> {
    const { address, offered } = await this.#found({ provider, offer, attested });
    const pid = newUrn(this.#desk.options.entropy);
    const outcome = this.#desk.outcome(pid);
    outcome.catch(() => undefined); // it may be over before anybody awaits it
    try {
      const begun = await this.#ask(pid, { provider, offer, attested, address }, offered);
      if (offered.approval === "manual") this.#desk.leave(begun, "a person there decides");
      return await this.#within(pid, outcome);
    } finally {
      this.#desk.forget(pid);
    }
  }

  /** Begins a negotiation; what comes of it is seen in its state. */
  async request(wanted: Wanted): Promise<Negotiation> {
    const { address, offered } = await this.#found(wanted);
    const pid = newUrn(this.#desk.options.entropy);
    return this.#ask(pid, { ...wanted, address }, offered);
  }

  async #found(wanted: Wanted): Promise<{ address: string; offered: Offered }> {
    const { peers, signer } = this.#desk.options;
    const { provider, offer, policy, dataset } = wanted;
    if (provider === signer.did) {
      throw new ComityError("NEGOTIATION_ENDED", { peer: provider, problem: "it is this node" });
    }
    await peers.learn(provider);
    const address = wanted.address ?? (await peers.dspBase(provider));
    peers.assertCallable(provider, address);
    if (policy === undefined) return { address, offered: await this.#offered(wanted, address) };
    const product = dataset ?? productOfOffer(offer);
    return { address, offered: { product, policy, delivered: deliveredWhole } };
  }

  /** What the catalogue offers under this id; an id of ours vouches for the terms. */
  async #offered(wanted: Wanted, address: string): Promise<Offered> {
    const { provider, offer } = wanted;
    const product = wanted.dataset ?? readEdcOfferId(offer)?.asset ?? productOfOffer(offer);
    const url = `${address}/catalog/datasets/${encodeURIComponent(product)}`;
    const dataset = parseMessage(Dataset, await this.#desk.options.peers.fetch(provider, url));
    const named =
      dataset.hasPolicy.find((one) => one["@id"] === offer) ??
      dataset.hasPolicy.find((one) => isSameEdcOffer(one["@id"], offer));
    if (!named) throw new ComityError("NOT_FOUND", { what: "offer", id: offer });
    const policy = policyFor(named, dataset.hasPolicy, wanted.attested);
    const about = dataset.comity;
    const chosen = policy === named ? {} : { chosen: policy["@id"] };
    // another connector's ids say nothing of its terms: they are held to as they are shown
    if (!about) return { ...chosen, product, policy, delivered: deliveredWhole };
    const { delivery = deliveredWhole.delivery, topics = deliveredWhole.topics } = about;
    const delivered: Delivered = { delivery, topics };
    if (offerIdFor(product, readRules(policy), delivered) !== policy["@id"]) {
      throw new ComityError("POLICY_CHANGED", { where: "catalogue" });
    }
    const { title, approval } = about;
    const vouched = { ...chosen, product, policy, delivered, title };
    return { ...vouched, ...(approval === undefined ? {} : { approval }) };
  }

  async #ask(
    pid: string,
    wanted: Wanted & { readonly address: string },
    { chosen, product, policy, delivered, title }: Offered,
  ): Promise<Negotiation> {
    const { provider, address } = wanted;
    const offer = chosen ?? wanted.offer;
    const attested = attestationOf(wanted.attested ?? {});
    assertNameable(product);
    const { clock } = this.#desk.options;
    // other connectors compare what is asked for with what they wrote, so it goes back as it is
    const asked = { ...policy, "@type": "Offer", "@id": offer, target: product };
    const table = onTable(product, asked, delivered);
    const needs = attestationIn(termsOf(readRules(policy)));
    const isJudgedThere = needs.measures !== undefined && attested?.measures !== undefined;
    assertAttested(
      isJudgedThere ? { ...needs, measures: attested.measures } : needs,
      attested,
      offer,
    );
    const negotiation: Negotiation = {
      pid,
      role: "consumer",
      state: "REQUESTED",
      consumerPid: pid,
      counterpart: provider,
      address,
      product,
      delivered,
      ...table,
      asked: table.digest,
      ...(title === undefined ? {} : { title }),
      ...(attested && { attested }),
      signs: true,
      startedAt: new Date(clock.now()).toISOString(),
    };
    const body = message("ContractRequestMessage", {
      "@id": newUrn(this.#desk.options.entropy),
      consumerPid: pid,
      offer: asked,
      callbackAddress: `${this.#options.baseUrl()}${dspPath}`,
      comity: { version: 1, ...(attested && { attested }) },
    });
    const url = `${address}/negotiations/request`;
    await this.#desk.start(negotiation, {
      ...{ did: provider, url, body },
      ...{ kind: "negotiation", subject: pid },
    });
    return negotiation;
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
      if (now?.state === "REQUESTED") await this.#desk.end(now, problem);
      const signed = now?.state === "VERIFIED" ? "; it is signed and goes on by itself" : "";
      return new ComityError("NEGOTIATION_ENDED", { peer, problem: `${problem}${signed}` });
    });
  }
}

type OfferedPolicy = Dataset["hasPolicy"][number];

/** Of a dataset's offers the one for who attests this; other connectors' may be unreadable here. */
function policyFor(
  named: OfferedPolicy,
  all: readonly OfferedPolicy[],
  attested: Attestation = {},
): OfferedPolicy {
  const of = (policy: OfferedPolicy) => ({
    id: policy["@id"],
    needs: attestationIn(termsOf(readRules(policy))),
  });
  if (Object.keys(attested).length === 0) return named;
  return offerFor(named, all.filter(isReadable), of, attested);
}

function isReadable(policy: OfferedPolicy): boolean {
  try {
    readRules(policy);
    return true;
  } catch {
    return false;
  }
}
