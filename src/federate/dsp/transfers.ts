import { ComityError } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import type { Decisions } from "../../market/decisions.ts";
import type { TransferFormat } from "../../market/formats.ts";
import {
  type HttpSource,
  type StreamAddress,
  type Transfer,
  type TransferAct,
  transferIsOver,
} from "../../market/transfer.ts";
import type { Signer } from "../../ports/signer.ts";
import { TransferProcess } from "../../wire/dsp/messages.ts";
import { matchesMessage } from "../../wire/dsp/parse.ts";
import type { Outgoing } from "../outbox.ts";
import { TransferConsumer } from "./transfer-consumer.ts";
import { TransferDesk, type TransferDeskOptions, type TransferListener } from "./transfer-desk.ts";
import { type KnownToken, TransferProvider } from "./transfer-provider.ts";

export interface TransfersOptions extends TransferDeskOptions {
  readonly signer: Signer;
  readonly entropy: Entropy;
  readonly baseUrl: () => string;
  readonly mqttUrl: () => string;
  readonly decisions: Decisions;
  readonly waitMs?: number;
  readonly tokenLifetimeMs?: number;
}

/** Transfers in both roles: who may fetch a stream here, and where this node fetches its own. */
export class Transfers {
  readonly desk: TransferDesk;
  readonly provider: TransferProvider;
  readonly consumer: TransferConsumer;

  private constructor(desk: TransferDesk, options: TransfersOptions) {
    this.desk = desk;
    this.provider = new TransferProvider(desk, options);
    this.consumer = new TransferConsumer(desk, options);
    options.outbox.handle("transfer", {
      wanted: (outgoing) => this.#isWanted(outgoing),
      compose: (outgoing) => this.provider.compose(outgoing.subject),
      delivered: (outgoing, answer) => this.#delivered(outgoing, answer),
      refused: (outgoing, error) => this.#refused(outgoing, error),
    });
  }

  static async open(options: TransfersOptions): Promise<Transfers> {
    return new Transfers(await TransferDesk.open(options), options);
  }

  /** For the doors: whose connection this is, from memory; undefined where it is nobody's. */
  authenticate(agreement: string, token: string): KnownToken | undefined {
    return this.provider.authenticate(agreement, token);
  }

  /** Consumer: the kept address of the agreement's stream, or a new one from the provider. */
  async start(agreement: string): Promise<StreamAddress> {
    return this.consumer.start(agreement);
  }

  /** Consumer: where it is fetched over HTTP instead. */
  async source(agreement: string): Promise<HttpSource> {
    return this.consumer.source(agreement);
  }

  /** Consumer: asks for a transfer and waits for nothing. */
  async request(agreement: string, format: TransferFormat, address?: string): Promise<Transfer> {
    return this.consumer.request(agreement, format, address);
  }

  /** Consumer: another address and token, where the kept ones no longer open the door. */
  async renew(agreement: string): Promise<StreamAddress> {
    await this.consumer.renew(agreement);
    return this.consumer.start(agreement);
  }

  /** One step of one transfer by its pid here; told to the other. STATE_INVALID names the state. */
  async act(pid: string, act: TransferAct, reason: string): Promise<Transfer> {
    const transfer = await this.need(pid);
    const isOurs = transfer.role === "provider";
    // they ended what we had suspended: from now on they may ask for another
    const isLifted = act === "resume" && isOurs && transferIsOver(transfer.state);
    if (isLifted && this.desk.isHeld(transfer.agreement)) {
      await this.desk.release(transfer.agreement);
      return transfer;
    }
    if (act === "start" || act === "resume") {
      if (isOurs) {
        await this.provider.start(pid);
        await this.desk.release(transfer.agreement);
      } else await this.consumer.resume(pid);
    } else {
      await this.desk.change(pid, act, reason);
      // so that asking for another transfer does not get round our suspension
      if (isOurs && act === "suspend") await this.desk.hold(transfer.agreement, reason);
      else if (isOurs) await this.desk.release(transfer.agreement);
    }
    return this.need(pid);
  }

  async need(pid: string): Promise<Transfer> {
    const transfer = await this.desk.get(pid);
    if (transfer) return transfer;
    throw new ComityError("NOT_FOUND", { what: "transfer", id: pid });
  }

  /** Either side; told to the other. */
  async suspend(agreement: string, reason: string): Promise<void> {
    const { role } = this.desk.options.agreements.need(agreement);
    if (role === "provider") await this.desk.hold(agreement, reason);
    for (const { pid, state } of this.desk.of(agreement)) {
      if (state === "STARTED") await this.desk.change(pid, "suspend", reason);
    }
  }

  /** Goes on after our own suspension. */
  async resume(agreement: string): Promise<void> {
    if (this.desk.isHeld(agreement)) await this.desk.release(agreement);
    for (const { pid, role, state, suspendedBy } of this.desk.of(agreement)) {
      if (state !== "SUSPENDED" || suspendedBy !== role) continue;
      await (role === "provider" ? this.provider.start(pid) : this.consumer.resume(pid));
    }
  }

  /** Hears of every change of state of a transfer, when it is durable. */
  listen(listener: TransferListener): () => void {
    return this.desk.listen(listener);
  }

  /** The agreement's transfer that is not over. */
  of(agreement: string): Transfer | undefined {
    return this.desk.of(agreement).at(-1);
  }

  /** What no longer counts need not go out; an ending must. */
  async #isWanted(outgoing: Outgoing): Promise<boolean> {
    const transfer = await this.desk.get(outgoing.subject);
    if (!transfer) return false;
    // before a suspension can be told, the start that it suspends must be
    if (outgoing.url.endsWith("/start")) return /^(STARTED|SUSPENDED)$/.test(transfer.state);
    if (outgoing.url.endsWith("/request")) return /^(REQUESTED|STARTED)$/.test(transfer.state);
    return true;
  }

  async #delivered(outgoing: Outgoing, answer: unknown): Promise<void> {
    const pid = outgoing.subject;
    if (outgoing.url.endsWith("/start")) this.provider.told(pid);
    if (!outgoing.url.endsWith("/request") || !matchesMessage(TransferProcess, answer)) return;
    await this.desk.turns.take(pid, async () => {
      const transfer = await this.desk.get(pid);
      if (transfer?.state !== "REQUESTED" || transfer.providerPid !== undefined) return;
      await this.desk.commit({ ...transfer, providerPid: answer.providerPid });
    });
  }

  /**
   * What was not acknowledged did not happen; an ending happened on this side all the same. A
   * start that met a suspension or an ending under way says nothing: theirs is what counts.
   */
  async #refused(outgoing: Outgoing, error: ComityError): Promise<void> {
    if (!/\/(start|request)$/.test(outgoing.url)) return;
    const theirs = outgoing.url.endsWith("/start") ? await this.#stateThere(outgoing) : undefined;
    await this.desk.turns.take(outgoing.subject, async () => {
      const transfer = await this.desk.get(outgoing.subject);
      if (transfer?.state !== "STARTED" && transfer?.state !== "REQUESTED") return;
      if (theirs === "STARTED") return;
      const suspendedBy = transfer.role === "provider" ? "consumer" : "provider";
      await this.desk.commit({
        ...transfer,
        problem: error.message,
        ...(theirs === "SUSPENDED" ? { state: theirs, suspendedBy } : { state: "TERMINATED" }),
      });
    });
  }

  /** How the other side sees the transfer (DSP 2025-1 §10.2.1); undefined where it does not say. */
  async #stateThere({ did, url }: Outgoing): Promise<string | undefined> {
    try {
      const answer = await this.desk.options.peers.fetch(did, url.replace(/\/start$/, ""));
      return matchesMessage(TransferProcess, answer) ? answer.state : undefined;
    } catch {
      return undefined;
    }
  }
}
