import { ComityError } from "../../kernel/errors.ts";
import { type Entropy, newUrn } from "../../kernel/id.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { StreamAddress, Transfer } from "../../market/transfer.ts";
import {
  type DataAddress,
  dspPath,
  message,
  type TransferStartMessage,
} from "../../wire/dsp/messages.ts";
import { credentialProblem } from "../stream-address.ts";
import type { TransferDesk } from "./transfer-desk.ts";
import { streamEndpointType, streamFormat } from "./transfer-provider.ts";

export interface TransferConsumerOptions {
  readonly entropy: Entropy;
  readonly baseUrl: () => string;
  /** How long `start` waits. */
  readonly waitMs?: number;
}

interface Waiter {
  resolve(stream: StreamAddress): void;
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
    const agreement = this.#desk.options.agreements.need(agreementId);
    if (agreement.role !== "consumer") {
      throw new ComityError("NOT_FOUND", { what: "bought agreement", id: agreementId });
    }
    if (agreement.state === "ended") {
      const reason = agreement.ended?.reason ?? "";
      throw new ComityError("AGREEMENT_ENDED", { agreement: agreementId, reason });
    }
    return this.#desk.turns.take(`start ${agreementId}`, async () => {
      const running = this.#desk.of(agreementId);
      const started = running.find(({ state, stream }) => state === "STARTED" && stream);
      if (started?.stream) return started.stream;
      const suspended = running.find(({ state }) => state === "SUSPENDED");
      if (suspended) {
        const peer = this.#desk.options.peers.nameOf(agreement.provider);
        const problem = `it is suspended (${suspended.problem ?? "no reason given"})`;
        throw new ComityError("TRANSFER_ENDED", { peer, agreement: agreementId, problem });
      }
      const [under] = running.filter(({ state }) => state === "REQUESTED");
      return this.#awaited(agreement, under?.pid ?? (await this.#request(agreement)));
    });
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
  async renew(agreementId: string): Promise<StreamAddress> {
    for (const { pid, state } of this.#desk.of(agreementId)) {
      if (state === "STARTED") await this.#desk.change(pid, "complete", "asking anew");
      else await this.#desk.change(pid, "terminate", "asking anew");
    }
    return this.start(agreementId);
  }

  /** TransferStartMessage (DSP 2025-1 §9.2.2); said again, its address takes the old one's place. */
  async started(did: string, pid: string, start: TransferStartMessage): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.need(pid, did, "consumer");
      const again = transfer.state === "STARTED";
      const state = again ? transfer.state : this.#desk.after(transfer, "start", "provider");
      const stream = await this.#streamOf(start, transfer);
      const { suspendedBy: _, ...rest } = transfer;
      await this.#desk.commit({ ...rest, state, providerPid: start.providerPid, stream });
    });
  }

  /** An address that is not used ends what it was to start, and whoever waits hears why. */
  async #streamOf(start: TransferStartMessage, transfer: Transfer): Promise<StreamAddress> {
    try {
      const stream = start.dataAddress ? streamOf(start.dataAddress, transfer) : transfer.stream;
      if (!stream) throw new ComityError("BODY_INVALID", { problem: "/dataAddress is missing" });
      this.#desk.options.peers.streamLookup(transfer.counterpart, stream.endpoint);
      return stream;
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

  async #request(agreement: Agreement): Promise<string> {
    const pid = newUrn(this.#options.entropy);
    const address = await this.#desk.options.peers.dspBase(agreement.provider);
    const body = message("TransferRequestMessage", {
      consumerPid: pid,
      agreementId: agreement.id,
      format: streamFormat,
      callbackAddress: `${this.#options.baseUrl()}${dspPath}`,
    });
    const transfer: Transfer = {
      pid,
      role: "consumer",
      state: "REQUESTED",
      consumerPid: pid,
      agreement: agreement.id,
      counterpart: agreement.provider,
      address,
      startedAt: new Date(this.#desk.options.clock.now()).toISOString(),
    };
    const letter = this.#desk.envelope(transfer, "", body);
    await this.#desk.commit(transfer, { ...letter, url: `${address}/transfers/request` });
    return pid;
  }

  async #awaited(agreement: Agreement, pid: string): Promise<StreamAddress> {
    const waitMs = this.#options.waitMs ?? 30_000;
    const peer = this.#desk.options.peers.nameOf(agreement.provider);
    const known = await this.#desk.get(pid);
    if (known?.state === "STARTED" && known.stream) return known.stream;
    return new Promise<StreamAddress>((resolve, reject) => {
      const waiters = this.#waiters.get(pid) ?? new Set();
      const done = () => {
        clearTimeout(timer);
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(pid);
      };
      const waiter: Waiter = {
        resolve(stream) {
          done();
          resolve(stream);
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

  #tell(transfer: Transfer): void {
    const waiters = this.#waiters.get(transfer.pid);
    if (!waiters || transfer.state === "REQUESTED") return;
    const peer = this.#desk.options.peers.nameOf(transfer.counterpart);
    const problem = transfer.problem ?? transfer.state;
    for (const waiter of [...waiters]) {
      if (transfer.state === "STARTED" && transfer.stream) waiter.resolve(transfer.stream);
      else {
        const details = { peer, agreement: transfer.agreement, problem };
        waiter.reject(new ComityError("TRANSFER_ENDED", details));
      }
    }
  }
}

function streamOf(address: DataAddress, transfer: Transfer): StreamAddress {
  const property = (name: string) =>
    address.endpointProperties?.find((candidate) => candidate.name === name)?.value;
  const token = property("authorization");
  if (address.endpointType !== streamEndpointType || !address.endpoint || token === undefined) {
    const problem = `/dataAddress is no ${streamEndpointType} with endpoint and authorization`;
    throw new ComityError("BODY_INVALID", { problem });
  }
  const username = property("username") ?? transfer.agreement;
  for (const [name, value] of Object.entries({ username, authorization: token })) {
    const problem = credentialProblem(value);
    if (problem === undefined) continue;
    throw new ComityError("BODY_INVALID", { problem: `/dataAddress ${name} ${problem}` });
  }
  return { endpoint: address.endpoint, username, token };
}
