/**
 * The Dataspace Protocol between nodes, in both roles. In come its messages, each from a
 * participant whose identity was checked, and the wishes of our own people (`negotiate`,
 * `start`); out go agreements in the store and messages in the outbox. The state machines stand
 * in `market/`, the shapes in `wire/dsp/`; what a stream carries never comes through here.
 */
import type { Clock } from "../../kernel/clock.ts";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { type Entropy, newUrn } from "../../kernel/id.ts";
import type { Journal } from "../../kernel/journal.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { Agreements } from "../../market/agreements.ts";
import {
  type Negotiation,
  type NegotiationEvent,
  negotiationIsOver,
  nextNegotiation,
  type Role,
} from "../../market/negotiation.ts";
import type { Signer } from "../../ports/signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import { ContractNegotiation, message } from "../../wire/dsp/messages.ts";
import { matchesMessage } from "../../wire/dsp/parse.ts";
import type { Outbox, Outgoing } from "../outbox.ts";
import type { PeerBook } from "../peers.ts";
import { Turns } from "../../kernel/turns.ts";
import { KeptEndings } from "./kept-endings.ts";
import { refusalLeaf } from "../../settle/evidence-log/leaf.ts";

export interface NegotiationDeskOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly journal: Journal;
  readonly peers: PeerBook;
  readonly outbox: Outbox;
  readonly agreements: Agreements;
  /** Of one peer, at a time. */
  readonly openNegotiationsMax?: number;
  /** Of those that ended without an agreement, the newest. */
  readonly endedKeptMax?: number;
}

/** One that did not end within a day is over at the next start. */
const keepOpenMs = 24 * 3_600_000;
/** How long an open one counts towards the limit. */
const countOpenMs = 3_600_000;
/** Of one negotiation: no honest one has so many messages. */
const messagesMax = 64;

interface Waiter {
  resolve(agreement: Agreement): void;
  reject(error: Error): void;
}

/**
 * Where negotiations are kept, in either role. Every change is one commit together with the
 * message that tells the other side of it; messages about one negotiation are taken in turn.
 */
export class NegotiationDesk {
  readonly options: NegotiationDeskOptions;
  readonly turns = new Turns();
  readonly #open = new Map<string, Negotiation>();
  readonly #waiters = new Map<string, Waiter>();
  readonly #ended: KeptEndings;
  /** Asked for our move when the other side has made its own. */
  onTheirMove: (negotiation: Negotiation) => void = () => undefined;

  private constructor(options: NegotiationDeskOptions) {
    this.options = options;
    this.#ended = new KeptEndings(options.endedKeptMax);
    options.outbox.handle("negotiation", {
      wanted: (outgoing) => this.#isWanted(outgoing),
      delivered: (outgoing, answer) => this.#acknowledged(outgoing.subject, answer),
      refused: (outgoing, error) => this.refusedByPeer(outgoing.subject, error),
    });
  }

  static async open(options: NegotiationDeskOptions): Promise<NegotiationDesk> {
    const desk = new NegotiationDesk(options);
    const oldest = options.clock.now() - keepOpenMs;
    const kept = await options.store.list<Negotiation>("negotiation");
    const all = kept.map(({ doc }) => doc).sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
    await options.store.commit(all.flatMap((doc) => desk.#forgotten(doc)));
    for (const doc of all) {
      if (negotiationIsOver(doc.state)) continue;
      desk.#open.set(doc.pid, doc);
      // what we signed and sent back is the provider's to close; the rest nobody waits for
      if (doc.state === "VERIFIED" || Date.parse(doc.startedAt) > oldest) continue;
      await desk.terminate(doc, "it was left open for a day");
    }
    return desk;
  }

  open(): readonly Negotiation[] {
    return [...this.#open.values()];
  }

  /** All that are kept, the newest first. */
  async list(): Promise<readonly Negotiation[]> {
    const kept = await this.options.store.list<Negotiation>("negotiation");
    const all = kept.map(({ doc }) => doc);
    return all.sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  async get(pid: string): Promise<Negotiation | undefined> {
    return this.#open.get(pid) ?? this.options.store.get<Negotiation>("negotiation", pid);
  }

  /** Somebody else's negotiation is not found, not forbidden (DSP 2025-1 §8.1.4). */
  async need(pid: string, did: string, role?: Role): Promise<Negotiation> {
    const negotiation = await this.get(pid);
    if (negotiation?.counterpart === did && (role ?? negotiation.role) === negotiation.role) {
      return negotiation;
    }
    throw new ComityError("NOT_FOUND", { what: "negotiation", id: pid });
  }

  /** A new one; `send` goes out once it is durable. */
  async start(negotiation: Negotiation, outgoing?: Omit<Outgoing, "id" | "at">): Promise<void> {
    const { counterpart, role, state } = negotiation;
    const limit = this.options.openNegotiationsMax ?? 100;
    const since = this.options.clock.now() - countOpenMs;
    const open = this.open().filter(
      (other) => other.counterpart === counterpart && Date.parse(other.startedAt) > since,
    );
    const isTheirs = role === (state === "OFFERED" ? "consumer" : "provider");
    if (isTheirs && open.length >= limit && !negotiationIsOver(state)) {
      throw new ComityError("LIMIT_REACHED", { limit, what: "open negotiations of one peer" });
    }
    await this.#commit(negotiation, outgoing);
    if (isTheirs && !negotiationIsOver(state)) this.onTheirMove(negotiation);
  }

  /** Was this very message taken before? Those without an id are told apart by the state alone. */
  wasTaken({ taken = [] }: Negotiation, message: { readonly "@id"?: string }): boolean {
    return message["@id"] !== undefined && taken.includes(message["@id"]);
  }

  /** What a negotiation keeps of a message, so that it is taken once. */
  take(of: Negotiation, message: { readonly "@id"?: string }): Pick<Negotiation, "taken"> {
    const taken = [...(of.taken ?? []), ...(message["@id"] === undefined ? [] : [message["@id"]])];
    if (taken.length <= messagesMax) return taken.length === 0 ? {} : { taken };
    throw new ComityError("LIMIT_REACHED", { limit: messagesMax, what: "messages about it" });
  }

  /** The next state by the table, or STATE_INVALID; then kept, and told. */
  async step(
    from: Negotiation,
    event: NegotiationEvent,
    by: Role,
    change: Partial<Negotiation> = {},
    outgoing?: Omit<Outgoing, "id" | "at">,
  ): Promise<Negotiation> {
    const next = { ...from, ...change, state: this.after(from, event, by) };
    await this.#commit(next, outgoing);
    if (by !== from.role) this.onTheirMove(next);
    return next;
  }

  after(from: Negotiation, event: NegotiationEvent, by: Role): Negotiation["state"] {
    const state = nextNegotiation(from.state, event, by);
    if (state !== undefined) return state;
    const details = { what: "Negotiation", id: from.pid, state: from.state, act: event };
    throw new ComityError("STATE_INVALID", details);
  }

  /** FINALIZED and the agreement become durable in one commit. */
  async finalize(
    from: Negotiation,
    agreement: Agreement,
    outgoing?: Omit<Outgoing, "id" | "at">,
  ): Promise<void> {
    const done: Negotiation = { ...from, state: "FINALIZED", evidence: agreement.evidence };
    const message = outgoing && this.options.outbox.prepare(outgoing);
    const also: Write[] = [putOf(done), ...(message ? [message.write] : [])];
    await this.options.agreements.add(agreement, also);
    this.#open.delete(done.pid);
    message?.send();
    this.#tell("agreement.finalized", `${agreement.title} agreed with `, done, agreement.id);
    this.#settle(done.pid)?.resolve(agreement);
  }

  /** Over without an agreement. */
  async terminate(
    from: Negotiation,
    problem: string,
    outgoing?: Omit<Outgoing, "id" | "at">,
  ): Promise<void> {
    const at = new Date(this.options.clock.now()).toISOString();
    const leaf = refusalLeaf(from.pid, problem, at);
    await this.#commit({ ...from, state: "TERMINATED", problem }, outgoing, [leaf]);
    this.#tell("negotiation.terminated", `${from.product}: ${problem}; with `, from);
    const peer = this.options.peers.nameOf(from.counterpart);
    this.#settle(from.pid)?.reject(new ComityError("NEGOTIATION_ENDED", { peer, problem }));
  }

  /** Ends it by our own move, and tells the other side where it can be told. */
  async end(from: Negotiation, reason: string, code?: string): Promise<void> {
    this.after(from, "terminate", from.role);
    const isKnown = from.providerPid !== undefined && from.consumerPid !== "";
    await this.terminate(from, reason, isKnown ? this.#goodbye(from, reason, code) : undefined);
  }

  #goodbye(to: Negotiation, reason: string, code?: string): Omit<Outgoing, "id" | "at"> {
    const { consumerPid, providerPid } = to;
    const members = { providerPid, consumerPid, ...(code === undefined ? {} : { code }) };
    const body = message("ContractNegotiationTerminationMessage", { ...members, reason: [reason] });
    return this.letter(to, "/termination", body);
  }

  /** The other side ended it (DSP 2025-1 §7.2.6); said again, it stays ended. */
  async terminatedByPeer(did: string, pid: string, reason: string): Promise<void> {
    await this.turns.take(pid, async () => {
      const negotiation = await this.need(pid, did);
      if (negotiation.state === "TERMINATED") return;
      const by = negotiation.role === "provider" ? "consumer" : "provider";
      this.after(negotiation, "terminate", by);
      await this.terminate(negotiation, reason);
    });
  }

  /** A message of ours was turned down: without its acknowledgement there is no next state. */
  async refusedByPeer(pid: string, error: ComityError): Promise<void> {
    await this.turns.take(pid, async () => {
      const negotiation = await this.get(pid);
      if (!negotiation || negotiationIsOver(negotiation.state)) return;
      await this.terminate(negotiation, error.message);
    });
  }

  /** Resolves with the agreement, or rejects when there will be none. */
  outcome(pid: string): Promise<Agreement> {
    return new Promise((resolve, reject) => this.#waiters.set(pid, { resolve, reject }));
  }

  /** It goes on without whoever waited for it: it is for people now. */
  leave(negotiation: Negotiation, problem: string): void {
    const { pid, product, counterpart } = negotiation;
    this.#tell("negotiation.waits", `${product}: ${problem}; with `, negotiation);
    const peer = this.options.peers.nameOf(counterpart);
    this.#settle(pid)?.reject(new ComityError("NEGOTIATION_WAITS", { id: pid, peer, problem }));
  }

  /** For people: a move that was not made. */
  note(negotiation: Negotiation, thrown: unknown): void {
    if (thrown instanceof ComityError && thrown.code === "STORE_FAILED") return;
    this.#tell(
      "negotiation.waits",
      `${negotiation.product}: ${problemOf(thrown)}; with `,
      negotiation,
    );
  }

  /** The node stops: nobody waits any longer, while the negotiations go on at the next start. */
  close(): void {
    for (const waiter of this.#waiters.values()) {
      const details = { peer: "The other side", problem: "this node stops; it goes on later" };
      waiter.reject(new ComityError("NEGOTIATION_ENDED", details));
    }
    this.#waiters.clear();
  }

  forget(pid: string): void {
    this.#waiters.delete(pid);
  }

  /** DSP's own words for it, as answer and as state (DSP 2025-1 §7.3.1). */
  describe(negotiation: Negotiation): object {
    const { providerPid = "", consumerPid, state } = negotiation;
    return message("ContractNegotiation", { providerPid, consumerPid, state });
  }

  /** A DSP message to the other side of this negotiation. */
  letter(to: Negotiation, path: string, body: object): Omit<Outgoing, "id" | "at"> {
    const theirs = to.role === "provider" ? to.consumerPid : (to.providerPid ?? "");
    const url = `${to.address}/negotiations/${encodeURIComponent(theirs)}${path}`;
    const named = { "@id": newUrn(this.options.entropy), ...body };
    return { did: to.counterpart, url, body: named, kind: "negotiation", subject: to.pid };
  }

  /** The other side's pid comes with its answer to our first message, or with its next message. */
  async #acknowledged(pid: string, answer: unknown): Promise<void> {
    if (!matchesMessage(ContractNegotiation, answer)) return;
    await this.turns.take(pid, async () => {
      const now = await this.get(pid);
      if (now?.state === "REQUESTED" && now.providerPid === undefined) {
        await this.#commit({ ...now, providerPid: answer.providerPid });
      } else if (now?.role === "provider" && now.consumerPid === "") {
        const known = { ...now, consumerPid: answer.consumerPid };
        // ended while the offer was on its way: only now can the consumer be told
        const isOver = known.state === "TERMINATED";
        await this.#commit(known, isOver ? this.#goodbye(known, known.problem ?? "") : undefined);
      }
    });
  }

  #settle(pid: string): Waiter | undefined {
    const waiter = this.#waiters.get(pid);
    this.#waiters.delete(pid);
    return waiter;
  }

  async #commit(
    negotiation: Negotiation,
    outgoing?: Omit<Outgoing, "id" | "at">,
    more: readonly Write[] = [],
  ): Promise<void> {
    const message = outgoing && this.options.outbox.prepare(outgoing);
    const also = [...this.#forgotten(negotiation), ...(message ? [message.write] : []), ...more];
    await this.options.store.commit([putOf(negotiation), ...also]);
    if (negotiationIsOver(negotiation.state)) this.#open.delete(negotiation.pid);
    else this.#open.set(negotiation.pid, negotiation);
    message?.send();
  }

  /** A request whose negotiation is over meanwhile need not go out; its ending must. */
  async #isWanted(outgoing: Outgoing): Promise<boolean> {
    const negotiation = await this.get(outgoing.subject);
    if (!negotiation) return false;
    return negotiation.state !== "TERMINATED" || outgoing.url.endsWith("/termination");
  }

  /** What is forgotten because this one ended. */
  #forgotten({ pid, state }: Negotiation): Write[] {
    const pids = state === "TERMINATED" ? this.#ended.add(pid) : [];
    return pids.map((id) => ({ op: "remove", kind: "negotiation", id }));
  }

  #tell(kind: string, text: string, { counterpart }: Negotiation, agreement?: string): void {
    this.options.journal.record({
      at: this.options.clock.now(),
      kind,
      text: `${text}${this.options.peers.nameOf(counterpart)}`,
      ...(agreement === undefined ? {} : { agreement }),
    });
  }
}

function putOf(negotiation: Negotiation): Write {
  return { op: "put", kind: "negotiation", id: negotiation.pid, doc: negotiation };
}
