import { ComityError } from "../../kernel/errors.ts";
import { type Entropy, newUrn } from "../../kernel/id.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { TransferFormat } from "../../market/formats.ts";
import type { HttpSource, StreamAddress, Transfer } from "../../market/transfer.ts";
import { dspPath, message, type TransferStartMessage } from "../../wire/dsp/messages.ts";
import type { Outgoing } from "../outbox.ts";
import { fetchedAt } from "./data-address.ts";
import type { TransferDesk } from "./transfer-desk.ts";

export interface TransferConsumerOptions {
  readonly entropy: Entropy;
  readonly baseUrl: () => string;
  /** How long `start` waits. */
  readonly waitMs?: number;
}

/** A token that is as old as that is renewed before it is used. */
const renewBeforeMs = 60_000;

interface Waiter {
  resolve(transfer: Transfer): void;
  reject(error: ComityError): void;
}

/** The consumer's side: asks for the stream, and keeps where and how it is fetched. */
export class TransferConsumer {
  readonly #desk: TransferDesk;
  readonly #options: TransferConsumerOptions;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(desk: TransferDesk, options: TransferConsumerOptions) {
    this.#desk = desk;
    this.#options = options;
    desk.listen((transfer) => this.#tell(transfer));
  }

  /** The address and token of the agreement's stream: the one that is kept, or a new one. */
  async start(agreementId: string): Promise<StreamAddress> {
    const { stream } = await this.#started(agreementId, "Mqtt5-PULL");
    if (!stream) throw new Error(`the transfer under ${agreementId} started without its stream`);
    return stream;
  }

  /** The same where it is fetched over HTTP. */
  async source(agreementId: string): Promise<HttpSource> {
    const { source, counterpart } = await this.#started(agreementId, "HttpData-PULL");
    if (source) return source;
    const peer = this.#desk.options.peers.nameOf(counterpart);
    const problem = "it was started without an address";
    throw new ComityError("TRANSFER_ENDED", { peer, agreement: agreementId, problem });
  }

  /** Asks for a transfer and waits for nothing. `address`: where its provider takes messages. */
  async request(agreementId: string, format: TransferFormat, address?: string): Promise<Transfer> {
    return this.#request(this.#bought(agreementId), format, address);
  }

  #bought(agreementId: string): Agreement {
    const agreement = this.#desk.options.agreements.need(agreementId);
    if (agreement.role !== "consumer") {
      throw new ComityError("NOT_FOUND", { what: "bought agreement", id: agreementId });
    }
    if (agreement.state === "active") return agreement;
    const reason = agreement.ended?.reason ?? "";
    throw new ComityError("AGREEMENT_ENDED", { agreement: agreementId, reason });
  }

  /** A transfer of the agreement whose key opens the door, or a new one. */
  async #started(agreementId: string, format: TransferFormat): Promise<Transfer> {
    const agreement = this.#bought(agreementId);
    return this.#desk.turns.take(`start ${agreementId} ${format}`, async () => {
      const running = this.#desk.of(agreementId).filter((one) => one.format === format);
      const started = running.find((one) => one.state === "STARTED" && keyOf(one));
      if (started) return this.#expiresSoon(started) ? this.#refresh(agreement, started) : started;
      const suspended = running.find(({ state }) => state === "SUSPENDED");
      if (suspended) {
        const peer = this.#desk.options.peers.nameOf(agreement.provider);
        const problem = `it is suspended (${suspended.problem ?? "no reason given"})`;
        throw new ComityError("TRANSFER_ENDED", { peer, agreement: agreementId, problem });
      }
      const [under] = running.filter(({ state }) => state === "REQUESTED");
      const { pid } = under ?? (await this.#request(agreement, format));
      const known = await this.#desk.get(pid);
      return known?.state === "STARTED" && keyOf(known) ? known : this.#awaited(agreement, pid);
    });
  }

  #expiresSoon(transfer: Transfer): boolean {
    const { expiresAt = Infinity } = keyOf(transfer) ?? {};
    return this.#desk.options.clock.now() > expiresAt - renewBeforeMs;
  }

  /** The same request again: its provider answers with a start message and another token. */
  async #refresh(agreement: Agreement, transfer: Transfer): Promise<Transfer> {
    const renewed = this.#awaited(agreement, transfer.pid);
    await this.#desk.commit(transfer, this.#letter(transfer));
    return renewed;
  }

  /** The node stops: nobody waits any longer. */
  close(): void {
    for (const [pid, waiters] of this.#waiters) {
      const problem = "this node stops; it goes on later";
      const details = { peer: "The provider", agreement: pid, problem };
      for (const waiter of [...waiters]) waiter.reject(new ComityError("TRANSFER_ENDED", details));
    }
  }

  /** A new address and token, where the kept ones no longer open the door. */
  async renew(agreementId: string, format: TransferFormat = "Mqtt5-PULL"): Promise<void> {
    for (const { pid, state, format: other } of this.#desk.of(agreementId)) {
      if (other !== format) continue;
      if (state === "STARTED") await this.#desk.change(pid, "complete", "asking anew");
      else await this.#desk.change(pid, "terminate", "asking anew");
    }
    await this.#started(agreementId, format);
  }

  /** TransferStartMessage (DSP 2025-1 §9.2.2); said again, its address takes the old one's place. */
  async started(did: string, pid: string, start: TransferStartMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.need(pid, did, "consumer");
      if (this.#desk.hasHeard(transfer, start["@id"])) return;
      const again = transfer.state === "STARTED";
      const state = again ? transfer.state : this.#desk.after(transfer, "start", "provider");
      const key = await this.#keyIn(start, transfer);
      const { suspendedBy: _, ...rest } = this.#desk.hearing(transfer, start["@id"]);
      await this.#desk.commit({ ...rest, ...key, state, providerPid: start.providerPid });
      for (const waiter of [...(this.#waiters.get(pid) ?? [])]) {
        waiter.resolve({ ...rest, ...key, state });
      }
    });
  }

  /** An address that is not used ends what it was to start, and whoever waits hears why. */
  async #keyIn(start: TransferStartMessage, transfer: Transfer): Promise<Partial<Transfer>> {
    const { clock, peers } = this.#desk.options;
    try {
      // DSP 2025-1 §9.2.2: a start need not say where; without an address the link cannot be
      if (!start.dataAddress && (keyOf(transfer) || transfer.format !== "Mqtt5-PULL")) return {};
      if (!start.dataAddress) {
        throw new ComityError("BODY_INVALID", { problem: "/dataAddress is missing" });
      }
      const key = fetchedAt(start.dataAddress, transfer, clock.now());
      // what is fetched over HTTP is held to the rules of every call, each time
      if ("stream" in key) peers.streamLookup(transfer.counterpart, key.stream.endpoint);
      return key;
    } catch (error) {
      if (!(error instanceof ComityError) || transfer.state !== "REQUESTED") throw error;
      const waiters = [...(this.#waiters.get(transfer.pid) ?? [])];
      this.#waiters.delete(transfer.pid); // they hear this error itself
      await this.#desk.commit({ ...transfer, state: "TERMINATED", problem: error.message });
      for (const waiter of waiters) waiter.reject(error);
      throw error;
    }
  }

  /** Goes on after our own suspension. */
  async resume(pid: string): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.get(pid);
      if (!transfer) throw new ComityError("NOT_FOUND", { what: "transfer", id: pid });
      const { suspendedBy: _, ...rest } = transfer;
      const state = this.#desk.after(transfer, "start", "consumer");
      const { providerPid, consumerPid } = transfer;
      const body = message("TransferStartMessage", { providerPid, consumerPid });
      await this.#desk.commit({ ...rest, state }, this.#desk.envelope(transfer, "/start", body));
    });
  }

  async #request(agreement: Agreement, format: TransferFormat, at?: string): Promise<Transfer> {
    const pid = newUrn(this.#options.entropy);
    const transfer: Transfer = {
      pid,
      role: "consumer",
      state: "REQUESTED",
      consumerPid: pid,
      agreement: agreement.id,
      format,
      counterpart: agreement.provider,
      address: at ?? (await this.#desk.options.peers.dspBase(agreement.provider)),
      startedAt: new Date(this.#desk.options.clock.now()).toISOString(),
    };
    return this.#desk.commit(transfer, this.#letter(transfer));
  }

  #letter(transfer: Transfer): Omit<Outgoing, "id" | "at"> {
    const body = message("TransferRequestMessage", {
      consumerPid: transfer.pid,
      agreementId: transfer.agreement,
      format: transfer.format,
      callbackAddress: `${this.#options.baseUrl()}${dspPath}`,
    });
    const letter = this.#desk.envelope(transfer, "", body);
    return { ...letter, url: `${transfer.address}/transfers/request` };
  }

  #awaited(agreement: Agreement, pid: string): Promise<Transfer> {
    const waitMs = this.#options.waitMs ?? 30_000;
    const peer = this.#desk.options.peers.nameOf(agreement.provider);
    return new Promise<Transfer>((resolve, reject) => {
      const waiters = this.#waiters.get(pid) ?? new Set();
      const done = () => {
        clearTimeout(timer);
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(pid);
      };
      const waiter: Waiter = {
        resolve(transfer) {
          done();
          resolve(transfer);
        },
        reject(error) {
          done();
          reject(error);
        },
      };
      const problem = `no answer within ${waitMs / 1000} s`;
      const details = { peer, agreement: agreement.id, problem };
      const late = () => waiter.reject(new ComityError("TRANSFER_ENDED", details));
      const timer = setTimeout(late, waitMs);
      this.#waiters.set(pid, waiters.add(waiter));
    });
  }

  /** Whoever waits hears of an end; of a start when its key is kept. */
  #tell(transfer: Transfer): void {
    const waiters = this.#waiters.get(transfer.pid);
    if (!waiters || transfer.state === "REQUESTED" || transfer.state === "STARTED") return;
    const peer = this.#desk.options.peers.nameOf(transfer.counterpart);
    const problem = transfer.problem ?? transfer.state;
    const details = { peer, agreement: transfer.agreement, problem };
    for (const waiter of [...waiters]) waiter.reject(new ComityError("TRANSFER_ENDED", details));
  }
}

/** What opens the door, once the provider has said it. */
function keyOf({ stream, source }: Transfer): StreamAddress | HttpSource | undefined {
  return stream ?? source;
}
