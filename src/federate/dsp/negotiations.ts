import { ComityError } from "../../kernel/errors.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { ConsumerMove, Decisions, ProviderMove } from "../../market/decisions.ts";
import { type Negotiation, negotiationIsOver } from "../../market/negotiation.ts";
import type { Attestation } from "../../market/attestation.ts";
import type { NegotiationConsumer } from "./negotiation-consumer.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";
import type { NegotiationProvider, Proposal } from "./negotiation-provider.ts";
import type { NegotiationRequests, Wanted } from "./negotiation-requests.ts";

export interface NegotiationsOptions {
  readonly desk: NegotiationDesk;
  readonly provider: NegotiationProvider;
  readonly consumer: NegotiationConsumer;
  readonly requests: NegotiationRequests;
  readonly decisions: Decisions;
  /** Between tries of a move that the other side's node has to be there for. */
  readonly backOffMs?: { readonly first: number; readonly most: number } | undefined;
}

/** Our moves in both roles: those the node makes by itself, and those people make. */
export class Negotiations {
  readonly #options: NegotiationsOptions;
  readonly #later = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: NegotiationsOptions) {
    this.#options = options;
    options.desk.onTheirMove = (negotiation) => {
      // the answer to their message goes out first
      setImmediate(() => void this.#decide(negotiation));
    };
  }

  /** Those that are not over, and those that were lately, the newest first. */
  list(): Promise<readonly Negotiation[]> {
    return this.#options.desk.list();
  }

  async need(pid: string): Promise<Negotiation> {
    const negotiation = await this.#options.desk.get(pid);
    if (negotiation) return negotiation;
    throw new ComityError("NOT_FOUND", { what: "negotiation", id: pid });
  }

  /** From a peer's offer to a signed agreement. */
  negotiate(provider: string, offer: string, attested?: Attestation): Promise<Agreement> {
    return this.#options.requests.negotiate(provider, offer, attested);
  }

  /** Asks for an offer and does not wait for what comes of it. */
  request(wanted: Wanted): Promise<Negotiation> {
    return this.#options.requests.request(wanted);
  }

  /** Offers a product unasked; what comes of it is seen in its state. */
  propose(proposal: Proposal): Promise<Negotiation> {
    return this.#options.provider.propose(proposal);
  }

  /** A move that a person or a program makes; STATE_INVALID where the protocol does not allow it. */
  async move(pid: string, move: ProviderMove | ConsumerMove): Promise<Negotiation> {
    await this.#options.desk.turns.take(pid, async () => this.#make(await this.need(pid), move));
    return this.need(pid);
  }

  /** Goes on with what a stop left behind. */
  resume(): void {
    for (const negotiation of this.#options.desk.open()) void this.#decide(negotiation);
  }

  /** The node stops: what waits for another try is taken up at its next start. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#later) clearTimeout(timer);
  }

  async #decide(negotiation: Negotiation, tries = 0): Promise<void> {
    const { desk } = this.#options;
    try {
      const move = await this.#ask(negotiation);
      if (move.do === "wait") {
        if (negotiation.role === "consumer" && negotiation.state === "OFFERED") {
          const wasAsked = negotiation.asked !== undefined;
          desk.leave(negotiation, wasAsked ? "it offers other terms" : "an offer came unasked");
        }
        return;
      }
      await desk.turns.take(negotiation.pid, async () => {
        const now = await desk.get(negotiation.pid);
        // somebody else moved while this was thought over
        if (now && isSameTable(now, negotiation)) await this.#try(now, move);
      });
    } catch (thrown) {
      if (thrown instanceof ComityError && thrown.code === "PEER_UNREACHABLE") {
        this.#again(negotiation, tries);
      }
      // a node that stops goes on at its next start; what else fails here is left to a person
      if (tries === 0) desk.note(negotiation, thrown);
    }
  }

  /** The other side has to be there for this move, and is not just now. */
  #again(negotiation: Negotiation, tries: number): void {
    if (this.#closed) return;
    const { first, most } = this.#options.backOffMs ?? { first: 100, most: 60_000 };
    const timer = setTimeout(
      () => {
        this.#later.delete(timer);
        void this.#decide(negotiation, tries + 1);
      },
      Math.min(first * 2 ** tries, most),
    );
    this.#later.add(timer.unref());
  }

  /** A move of ours that turns out impossible ends the negotiation, with the reason told. */
  async #try(negotiation: Negotiation, move: ProviderMove | ConsumerMove): Promise<void> {
    try {
      await this.#make(negotiation, move);
    } catch (thrown) {
      if (!(thrown instanceof ComityError) || thrown.status >= 500) throw thrown;
      if (negotiationIsOver(negotiation.state)) throw thrown;
      await this.#options.desk.end(negotiation, thrown.message, thrown.code);
    }
  }

  async #ask(negotiation: Negotiation): Promise<ProviderMove | ConsumerMove> {
    const { decisions } = this.#options;
    switch (`${negotiation.role} ${negotiation.state}`) {
      case "provider REQUESTED":
        return decisions.requested(negotiation);
      case "provider ACCEPTED":
        return decisions.accepted(negotiation);
      case "provider VERIFIED":
        return decisions.verified(negotiation);
      case "consumer OFFERED":
        return decisions.offered(negotiation);
      case "consumer AGREED":
        return decisions.agreed(negotiation);
      default:
        return { do: "wait" }; // it is their move
    }
  }

  async #make(negotiation: Negotiation, move: ProviderMove | ConsumerMove): Promise<void> {
    const { desk, provider, consumer } = this.#options;
    const { role, pid, state } = negotiation;
    switch (move.do) {
      case "wait":
        return;
      case "terminate":
        return desk.end(negotiation, move.reason);
      case "agree":
        if (role === "provider") return provider.agree(negotiation);
        break;
      case "offer":
        if (role === "provider") return provider.offer(negotiation, move.offer);
        break;
      case "finalize":
        if (role === "provider") return provider.finalize(negotiation);
        break;
      case "accept":
        if (role === "consumer") return consumer.accept(negotiation, move.attested);
        break;
      case "request":
        if (role === "consumer") return consumer.counter(negotiation, move.offer);
        break;
      case "verify":
        if (role === "consumer") return consumer.verify(negotiation);
        break;
      default:
        move satisfies never;
    }
    const seen = `${state}, seen from its ${role}'s side`;
    const details = { what: "Negotiation", id: pid, state: seen, act: move.do };
    throw new ComityError("STATE_INVALID", details);
  }
}

/** Is our move still about the same? Their pid or a message said again changes nothing in it. */
function isSameTable(now: Negotiation, before: Negotiation): boolean {
  return now.state === before.state && now.digest === before.digest && now.offer === before.offer;
}
