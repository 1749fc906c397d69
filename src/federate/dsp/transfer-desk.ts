import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Agreements } from "../../market/agreements.ts";
import type { Role } from "../../market/negotiation.ts";
import {
  nextTransfer,
  type Transfer,
  type TransferEvent,
  transferIsOver,
} from "../../market/transfer.ts";
import type { Store, Write } from "../../ports/store.ts";
import { message } from "../../wire/dsp/messages.ts";
import type { Outbox, Outgoing } from "../outbox.ts";
import type { PeerBook } from "../peers.ts";
import { Turns } from "../../kernel/turns.ts";
import { KeptEndings } from "./kept-endings.ts";

export interface TransferDeskOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly peers: PeerBook;
  readonly outbox: Outbox;
  readonly agreements: Agreements;
  /** Of those that are over, the newest. */
  readonly endedKeptMax?: number;
}

export type TransferListener = (transfer: Transfer) => void;

/** What the other side's message says happened. */
export interface ToldChange {
  readonly event: "suspend" | "complete" | "terminate";
  readonly reason: string;
  /** The message's `@id`, where it has one. */
  readonly id: string | undefined;
}

/** Messages remembered by their id, of one transfer. */
const heardMax = 16;

/** Settings under this prefix name the agreements whose streams the provider holds back. */
const heldPrefix = "suspended/";

const messageOf = {
  suspend: ["/suspension", "TransferSuspensionMessage"],
  complete: ["/completion", "TransferCompletionMessage"],
  terminate: ["/termination", "TransferTerminationMessage"],
} as const;

/** Where transfers are kept, in either role; as negotiations are. */
export class TransferDesk {
  readonly options: TransferDeskOptions;
  readonly turns = new Turns();
  readonly #running = new Map<string, Transfer>();
  readonly #held = new Set<string>();
  readonly #ended: KeptEndings;
  readonly #listeners = new Set<TransferListener>();
  /** Told of the agreement whose stream is held back from now on, or no longer. */
  onHeld: (agreement: string) => void = () => undefined;

  private constructor(options: TransferDeskOptions) {
    this.options = options;
    this.#ended = new KeptEndings(options.endedKeptMax);
    options.agreements.onEnded(({ id }) => void this.#agreementEnded(id).catch(ignoreStop));
  }

  static async open(options: TransferDeskOptions): Promise<TransferDesk> {
    const desk = new TransferDesk(options);
    const kept = await options.store.list<Transfer>("transfer");
    const all = kept.map(({ doc }) => doc).sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
    await options.store.commit(all.flatMap((doc) => desk.#forgotten(doc)));
    for (const doc of all) if (!transferIsOver(doc.state)) desk.#running.set(doc.pid, doc);
    const held = await options.store.list("setting", { prefix: heldPrefix });
    for (const { id } of held) desk.#held.add(id.slice(heldPrefix.length));
    return desk;
  }

  /** As provider: is the agreement's stream held back, whichever transfer asks for it? */
  isHeld(agreement: string): boolean {
    return this.#held.has(agreement);
  }

  /** Outlives every transfer, so that asking for another one does not get round it. */
  async hold(agreement: string, reason: string): Promise<void> {
    this.#held.add(agreement);
    const id = `${heldPrefix}${agreement}`;
    await this.options.store.commit([{ op: "put", kind: "setting", id, doc: { reason } }]);
    this.onHeld(agreement);
  }

  async release(agreement: string): Promise<void> {
    const id = `${heldPrefix}${agreement}`;
    await this.options.store.commit([{ op: "remove", kind: "setting", id }]);
    this.#held.delete(agreement);
    this.onHeld(agreement);
  }

  /** Ends what outlived its agreement because the node stopped in between. */
  async resume(): Promise<void> {
    for (const { agreement } of this.running()) {
      if (this.options.agreements.get(agreement)?.state === "ended") {
        await this.#agreementEnded(agreement);
      }
    }
  }

  running(): readonly Transfer[] {
    return [...this.#running.values()];
  }

  /** The newest first, those that are over included. */
  async list(limit: number): Promise<readonly Transfer[]> {
    const stored = await this.options.store.list<Transfer>("transfer");
    const byStart = (a: Transfer, b: Transfer) => b.startedAt.localeCompare(a.startedAt);
    return stored
      .map(({ doc }) => doc)
      .sort(byStart)
      .slice(0, limit);
  }

  /** Those of an agreement that are not over. */
  of(agreement: string): readonly Transfer[] {
    return this.running().filter((transfer) => transfer.agreement === agreement);
  }

  async get(pid: string): Promise<Transfer | undefined> {
    return this.#running.get(pid) ?? this.options.store.get<Transfer>("transfer", pid);
  }

  /** Somebody else's transfer is not found, not forbidden (DSP 2025-1 §10.1.4). */
  async need(pid: string, did: string, role?: Role): Promise<Transfer> {
    const transfer = await this.get(pid);
    if (transfer?.counterpart === did && (role ?? transfer.role) === transfer.role) return transfer;
    throw new ComityError("NOT_FOUND", { what: "transfer", id: pid });
  }

  /** Hears of every change of state, when it is durable. Returns what stops it. */
  listen(listener: TransferListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  after(from: Transfer, event: TransferEvent, by: Role): Transfer["state"] {
    const state = nextTransfer(from.state, event, by);
    const mayStart = from.suspendedBy === undefined || from.suspendedBy === by;
    if (state !== undefined && (event !== "start" || mayStart)) return state;
    const details = { what: "Transfer", id: from.pid, state: from.state, act: event };
    throw new ComityError("STATE_INVALID", details);
  }

  async commit(
    transfer: Transfer,
    outgoing?: Omit<Outgoing, "id" | "at">,
    also: readonly Write[] = [],
  ): Promise<Transfer> {
    const letter = outgoing && this.options.outbox.prepare(outgoing);
    const put: Write = { op: "put", kind: "transfer", id: transfer.pid, doc: transfer };
    const more = [...also, ...this.#forgotten(transfer), ...(letter ? [letter.write] : [])];
    await this.options.store.commit([put, ...more]);
    if (transferIsOver(transfer.state)) this.#running.delete(transfer.pid);
    else this.#running.set(transfer.pid, transfer);
    // the agreement may have ended while this was written: what began too late ends as well
    const { agreements } = this.options;
    if (!transferIsOver(transfer.state) && agreements.get(transfer.agreement)?.state === "ended") {
      void this.#agreementEnded(transfer.agreement).catch(ignoreStop);
    }
    for (const listener of this.#listeners) listener(transfer);
    letter?.send();
    return transfer;
  }

  /** What is forgotten because this one is over: of a push also how far it came. */
  #forgotten({ pid, state }: Transfer): Write[] {
    const pids = transferIsOver(state) ? this.#ended.add(pid) : [];
    return pids.flatMap((id) => [
      { op: "remove", kind: "transfer", id },
      { op: "remove", kind: "push", id },
    ]);
  }

  /** Suspension, completion or termination that the other side told us of; twice is once. */
  async changedByPeer(did: string, pid: string, told: ToldChange): Promise<void> {
    const { event, reason, id } = told;
    await this.turns.take(pid, async () => {
      const transfer = await this.need(pid, did);
      const goal = { suspend: "SUSPENDED", complete: "COMPLETED", terminate: "TERMINATED" }[event];
      if (transfer.state === goal || this.hasHeard(transfer, id)) return;
      const by = transfer.role === "provider" ? "consumer" : "provider";
      const state = this.after(transfer, event, by);
      await this.commit(changed(this.hearing(transfer, id), state, by, reason));
    });
  }

  /** Has that message been acted on before? It may come late, after the one that followed it. */
  hasHeard({ heard = [] }: Transfer, id: string | undefined): boolean {
    return id !== undefined && heard.includes(id);
  }

  /** The transfer with that message remembered. */
  hearing(transfer: Transfer, id: string | undefined): Transfer {
    if (id === undefined) return transfer;
    return { ...transfer, heard: [...(transfer.heard ?? []), id].slice(-heardMax) };
  }

  /** The same of our own accord, told to the other side. */
  async change(
    pid: string,
    event: "suspend" | "complete" | "terminate",
    reason: string,
  ): Promise<void> {
    await this.turns.take(pid, async () => {
      const transfer = await this.get(pid);
      if (!transfer) throw new ComityError("NOT_FOUND", { what: "transfer", id: pid });
      const state = this.after(transfer, event, transfer.role);
      const letter = this.letter(transfer, event, reason);
      await this.commit(changed(transfer, state, transfer.role, reason), letter);
    });
  }

  letter(
    transfer: Transfer,
    event: "suspend" | "complete" | "terminate",
    reason: string,
  ): Omit<Outgoing, "id" | "at"> | undefined {
    const { providerPid, consumerPid } = transfer;
    if (providerPid === undefined) return undefined;
    const [path, type] = messageOf[event];
    const because = event === "complete" ? {} : { reason: [reason] };
    return this.envelope(transfer, path, message(type, { providerPid, consumerPid, ...because }));
  }

  envelope(to: Transfer, path: string, body: unknown): Omit<Outgoing, "id" | "at"> {
    const theirs = to.role === "provider" ? to.consumerPid : (to.providerPid ?? "");
    const url = `${to.address}/transfers/${encodeURIComponent(theirs)}${path}`;
    return { did: to.counterpart, url, body, kind: "transfer", subject: to.pid };
  }

  /** DSP's own words for it (DSP 2025-1 §9.3.1). */
  describe(transfer: Transfer): object {
    const { providerPid = "", consumerPid, state } = transfer;
    return message("TransferProcess", { providerPid, consumerPid, state });
  }

  /** Whoever ended the agreement tells of the transfer's end; the other side knows by then. */
  async #agreementEnded(id: string): Promise<void> {
    const agreement = this.options.agreements.get(id);
    for (const { pid } of this.of(id)) {
      await this.turns.take(pid, async () => {
        const transfer = this.#running.get(pid);
        if (!transfer) return;
        const reason = agreement?.ended?.reason ?? "ended";
        const ours = agreement?.ended?.by !== transfer.counterpart;
        const letter = ours ? this.letter(transfer, "terminate", reason) : undefined;
        await this.commit(changed(transfer, "TERMINATED", transfer.role, reason), letter);
      });
    }
  }
}

function changed(
  transfer: Transfer,
  state: Transfer["state"],
  by: Role,
  problem: string,
): Transfer {
  const { suspendedBy: _, ...rest } = transfer;
  return { ...rest, state, problem, ...(state === "SUSPENDED" ? { suspendedBy: by } : {}) };
}

/** A node that stops while it tidies up does so again at its start. */
function ignoreStop(thrown: unknown): void {
  if (!(thrown instanceof ComityError) || thrown.code !== "STORE_FAILED") throw thrown;
}
