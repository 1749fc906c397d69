import { ComityError } from "../../kernel/errors.ts";
import { type Entropy, newToken } from "../../kernel/id.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { Decisions } from "../../market/decisions.ts";
import { formatsFor, isTransferFormat, type TransferFormat } from "../../market/formats.ts";
import { type Transfer, transferIsOver } from "../../market/transfer.ts";
import type { Signer } from "../../ports/signer.ts";
import { tokenFits, tokenHash } from "../../things/token.ts";
import {
  message,
  type TransferRequestMessage,
  type TransferStartMessage,
} from "../../wire/dsp/messages.ts";
import { dataAddressOf, type Doors, pushTarget } from "./data-address.ts";
import { baseOf } from "../resolver.ts";
import { pidFor } from "./pid.ts";
import type { TransferDesk } from "./transfer-desk.ts";

const tokenLifetimeMs = 24 * 3_600_000;

export interface TransferProviderOptions extends Doors {
  readonly signer: Signer;
  readonly entropy: Entropy;
  readonly decisions: Decisions;
  /** How long a token opens the door; the consumer gets another by asking again. */
  readonly tokenLifetimeMs?: number;
}

/** Who a token lets in, and under which transfer. */
export interface KnownToken {
  readonly did: string;
  readonly agreement: Agreement;
  readonly transfer: Transfer;
}

/** The provider's side: hands out an address and a token, and knows the token again. */
export class TransferProvider {
  readonly #desk: TransferDesk;
  readonly #options: TransferProviderOptions;
  /** Tokens whose start message has not arrived yet; nowhere else are they kept. */
  readonly #untold = new Map<string, string>();

  constructor(desk: TransferDesk, options: TransferProviderOptions) {
    this.#desk = desk;
    this.#options = options;
  }

  /**
   * TransferRequestMessage (DSP 2025-1 §9.2.1). The answer tells of REQUESTED; what is decided
   * follows it (`decide`). The same consumerPid again is the same transfer: where it has started,
   * its start is sent again, with another token.
   */
  async request(did: string, request: TransferRequestMessage): Promise<Transfer> {
    const pid = pidFor("transfer", this.#options.signer.did, did, request.consumerPid);
    return this.#desk.turns.take(pid, async () => {
      const known = await this.#desk.get(pid);
      if (known) {
        if (known.state === "STARTED") await this.#start(known);
        return known;
      }
      const { agreement, format } = this.#agreementFor(did, request);
      const { peers } = this.#desk.options;
      peers.assertCallable(did, request.callbackAddress);
      const push = format === "Mqtt5-PUSH" ? pushTarget(request.dataAddress) : undefined;
      if (push !== undefined) peers.streamLookup(did, push.endpoint);
      await this.#replace(agreement.id, format);
      return this.#desk.commit({
        pid,
        role: "provider",
        state: "REQUESTED",
        consumerPid: request.consumerPid,
        providerPid: pid,
        agreement: agreement.id,
        format,
        counterpart: did,
        address: baseOf(request.callbackAddress),
        ...(push === undefined ? {} : { push }),
        startedAt: new Date(this.#desk.options.clock.now()).toISOString(),
      });
    });
  }

  /** What is done about a request, once it is answered: by itself, or later by a person. */
  async decide(pid: string): Promise<void> {
    const asked = await this.#desk.get(pid);
    if (asked?.role !== "provider" || asked.state !== "REQUESTED") return;
    const move = await this.#options.decisions.transferRequested(asked);
    if (move.do === "wait") return;
    if (move.do === "terminate") {
      await this.#desk.change(pid, "terminate", move.reason);
      return;
    }
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.get(pid);
      // the consumer may have taken it back meanwhile
      if (transfer?.state === "REQUESTED") await this.#begin(transfer);
    });
  }

  /** Decides what a stop left undecided. */
  async resume(): Promise<void> {
    for (const { pid } of this.#desk.running()) await this.decide(pid);
  }

  /** Who may connect with this token; decided from memory. */
  authenticate(agreementId: string, token: string): KnownToken | undefined {
    const { agreements, clock } = this.#desk.options;
    const agreement = agreements.get(agreementId);
    if (agreement?.state !== "active" || this.#desk.isHeld(agreementId)) return undefined;
    for (const transfer of this.#desk.of(agreementId)) {
      const { role, state, tokenHash: known, tokenExpiresAt = Infinity, counterpart } = transfer;
      if (role !== "provider" || state !== "STARTED" || known === undefined) continue;
      if (clock.now() >= tokenExpiresAt) continue;
      if (tokenFits(token, Buffer.from(known, "base64url"))) {
        return { did: counterpart, agreement, transfer };
      }
    }
    return undefined;
  }

  /** TransferStartMessage by the consumer: goes on after their suspension (§9.2.2). */
  async startedByConsumer(did: string, pid: string, id: string | undefined): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.need(pid, did, "provider");
      if (transfer.state === "STARTED" || this.#desk.hasHeard(transfer, id)) return;
      const { suspendedBy: _, ...rest } = this.#desk.hearing(transfer, id);
      await this.#desk.commit({ ...rest, state: this.#desk.after(transfer, "start", "consumer") });
    });
  }

  /** Starts what was requested, or goes on after our own suspension. */
  async start(pid: string): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.get(pid);
      if (!transfer) throw new ComityError("NOT_FOUND", { what: "transfer", id: pid });
      await this.#begin(transfer);
    });
  }

  /** The start message, with the token that is only ever in memory (§9.2.2). */
  async compose(pid: string): Promise<unknown> {
    const token = this.#untold.get(pid) ?? (await this.#renew(pid));
    const transfer = await this.#desk.get(pid);
    if (token === undefined || !transfer) return undefined;
    const expiresInMs = (transfer.tokenExpiresAt ?? 0) - this.#desk.options.clock.now();
    const start: TransferStartMessage = message("TransferStartMessage", {
      providerPid: pid,
      consumerPid: transfer.consumerPid,
      // §9.2.2: of a push there is nothing to fetch
      ...(transfer.push === undefined && {
        dataAddress: dataAddressOf(transfer, { token, expiresInMs }, this.#options),
      }),
    });
    return start;
  }

  told(pid: string): void {
    this.#untold.delete(pid);
  }

  async #begin(transfer: Transfer): Promise<void> {
    const state = this.#desk.after(transfer, "start", "provider");
    const { suspendedBy: _, ...rest } = transfer;
    await this.#start({ ...rest, state });
  }

  async #start(transfer: Transfer): Promise<void> {
    const { renewed, token } = this.#withToken(transfer);
    this.#untold.set(transfer.pid, token);
    const letter = this.#desk.envelope(transfer, "/start", null);
    const endpoint = this.#endpointOf(transfer);
    await this.#desk.commit({ ...renewed, endpoint }, letter);
  }

  /** This node serves at another address than it told: its consumers are told the new one. */
  async tellNewAddress(): Promise<void> {
    for (const { pid, role } of this.#desk.running()) {
      if (role !== "provider") continue;
      await this.#desk.turns.take(pid, async () => {
        const transfer = await this.#desk.get(pid);
        if (transfer?.state !== "STARTED") return;
        if (transfer.endpoint !== this.#endpointOf(transfer)) await this.#start(transfer);
      });
    }
  }

  /** After a restart the old token is gone: nobody has it, so another takes its place. */
  async #renew(pid: string): Promise<string | undefined> {
    return this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.get(pid);
      if (!transfer || transferIsOver(transfer.state)) return undefined;
      const { renewed, token } = this.#withToken(transfer);
      this.#untold.set(pid, token);
      await this.#desk.commit(renewed);
      return token;
    });
  }

  #withToken(transfer: Transfer): { readonly renewed: Transfer; readonly token: string } {
    const token = newToken(this.#options.entropy);
    const livesMs = this.#options.tokenLifetimeMs ?? tokenLifetimeMs;
    const tokenExpiresAt = this.#desk.options.clock.now() + livesMs;
    return { renewed: { ...transfer, tokenHash: hashOf(token), tokenExpiresAt }, token };
  }

  #endpointOf({ format }: Transfer): string {
    if (format === "Mqtt5-PUSH") return ""; // nobody is told one
    return format === "Mqtt5-PULL" ? this.#options.mqttUrl() : this.#options.baseUrl();
  }

  #agreementFor(
    did: string,
    request: TransferRequestMessage,
  ): { readonly agreement: Agreement; readonly format: TransferFormat } {
    const agreement = this.#desk.options.agreements.get(request.agreementId);
    if (agreement?.role !== "provider" || agreement.consumer !== did) {
      throw new ComityError("NOT_FOUND", { what: "agreement", id: request.agreementId });
    }
    if (agreement.state === "ended") {
      const reason = agreement.ended?.reason ?? "";
      throw new ComityError("AGREEMENT_ENDED", { agreement: agreement.id, reason });
    }
    if (this.#desk.isHeld(agreement.id)) {
      const details = { what: "Transfer under", id: agreement.id, state: "SUSPENDED" };
      throw new ComityError("STATE_INVALID", { ...details, act: "request" });
    }
    const { format } = request;
    const served = formatsFor(agreement.price);
    if (isTransferFormat(format) && served.includes(format)) return { agreement, format };
    const why = isTransferFormat(format) ? ", for it would go unbilled" : "";
    const problem = `format "${format}" is not served${why}; served are ${served.join(", ")}`;
    throw new ComityError("BODY_INVALID", { problem });
  }

  /** One transfer of a format an agreement: the newest holds the token. */
  async #replace(agreement: string, format: TransferFormat): Promise<void> {
    for (const { pid, state, format: other } of this.#desk.of(agreement)) {
      if (other !== format) continue;
      const event = state === "STARTED" ? "complete" : "terminate";
      await this.#desk.change(pid, event, "a newer one took its place");
    }
  }
}

function hashOf(token: string): string {
  return tokenHash(token).toString("base64url");
}
