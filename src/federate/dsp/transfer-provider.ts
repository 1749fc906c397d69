import { ComityError } from "../../kernel/errors.ts";
import { type Entropy, newToken } from "../../kernel/id.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { Transfer } from "../../market/transfer.ts";
import type { Signer } from "../../ports/signer.ts";
import { tokenFits, tokenHash } from "../../things/token.ts";
import {
  message,
  type TransferRequestMessage,
  type TransferStartMessage,
} from "../../wire/dsp/messages.ts";
import { baseOf } from "../resolver.ts";
import { pidFor } from "./pid.ts";
import type { TransferDesk } from "./transfer-desk.ts";

/** The one format served: the consumer connects and subscribes with MQTT 5. */
export const streamFormat = "Mqtt5-PULL";
export const streamEndpointType = "https://w3id.org/comity/mqtt5";

export interface TransferProviderOptions {
  readonly signer: Signer;
  readonly entropy: Entropy;
  /** `mqtt://host:port` under which other organisations reach this node. */
  readonly mqttUrl: () => string;
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

  /** TransferRequestMessage (DSP 2025-1 §9.2.1); the same consumerPid again sends the start again. */
  async request(did: string, request: TransferRequestMessage): Promise<object> {
    const pid = pidFor("transfer", this.#options.signer.did, did, request.consumerPid);
    return this.#desk.turns.take(pid, async () => {
      const known = await this.#desk.get(pid);
      if (known) {
        if (known.state === "STARTED") await this.#start(known);
        return this.#desk.describe(known);
      }
      const agreement = this.#agreementFor(did, request);
      this.#desk.options.peers.assertCallable(did, request.callbackAddress);
      await this.#replace(agreement.id);
      const requested: Transfer = {
        pid,
        role: "provider",
        state: "REQUESTED",
        consumerPid: request.consumerPid,
        providerPid: pid,
        agreement: agreement.id,
        counterpart: did,
        address: baseOf(request.callbackAddress),
        startedAt: new Date(this.#desk.options.clock.now()).toISOString(),
      };
      // one commit for both: the answer tells of the first state, the start message of the next
      await this.#start({ ...requested, state: this.#desk.after(requested, "start", "provider") });
      return this.#desk.describe(requested);
    });
  }

  /** Who may connect with this token; decided from memory. */
  authenticate(
    agreementId: string,
    token: string,
  ): { did: string; agreement: Agreement } | undefined {
    const agreement = this.#desk.options.agreements.get(agreementId);
    if (agreement?.state !== "active" || this.#desk.isHeld(agreementId)) return undefined;
    for (const { role, state, tokenHash: known, counterpart } of this.#desk.of(agreementId)) {
      if (role !== "provider" || state !== "STARTED" || known === undefined) continue;
      if (tokenFits(token, Buffer.from(known, "base64url"))) {
        return { did: counterpart, agreement };
      }
    }
    return undefined;
  }

  /** TransferStartMessage by the consumer: goes on after their suspension (§9.2.2). */
  async startedByConsumer(did: string, pid: string): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.need(pid, did, "provider");
      if (transfer.state === "STARTED") return;
      const { suspendedBy: _, ...rest } = transfer;
      await this.#desk.commit({ ...rest, state: this.#desk.after(transfer, "start", "consumer") });
    });
  }

  /** Goes on after our own suspension. */
  async resume(pid: string): Promise<void> {
    await this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.get(pid);
      if (!transfer) throw new ComityError("NOT_FOUND", { what: "transfer", id: pid });
      const { suspendedBy: _, ...rest } = transfer;
      await this.#start({ ...rest, state: this.#desk.after(transfer, "start", "provider") });
    });
  }

  /** The start message, with the token that is only ever in memory (§9.2.2). */
  async compose(pid: string): Promise<unknown> {
    const token = this.#untold.get(pid) ?? (await this.#renew(pid));
    const transfer = await this.#desk.get(pid);
    if (token === undefined || !transfer) return undefined;
    const property = (name: string, value: string) => {
      return { "@type": "EndpointProperty", name, value } as const;
    };
    const start: TransferStartMessage = message("TransferStartMessage", {
      providerPid: pid,
      consumerPid: transfer.consumerPid,
      dataAddress: {
        "@type": "DataAddress",
        endpointType: streamEndpointType,
        endpoint: this.#options.mqttUrl(),
        endpointProperties: [
          property("authorization", token),
          property("authType", "password"),
          property("username", transfer.agreement),
        ],
      },
    });
    return start;
  }

  told(pid: string): void {
    this.#untold.delete(pid);
  }

  async #start(transfer: Transfer): Promise<void> {
    const token = newToken(this.#options.entropy);
    this.#untold.set(transfer.pid, token);
    const letter = this.#desk.envelope(transfer, "/start", null);
    const endpoint = this.#options.mqttUrl();
    await this.#desk.commit({ ...transfer, endpoint, tokenHash: hashOf(token) }, letter);
  }

  /** This node serves at another address than it told: its consumers are told the new one. */
  async tellNewAddress(): Promise<void> {
    for (const { pid, role } of this.#desk.running()) {
      if (role !== "provider") continue;
      await this.#desk.turns.take(pid, async () => {
        const transfer = await this.#desk.get(pid);
        if (transfer?.state !== "STARTED" || transfer.endpoint === this.#options.mqttUrl()) return;
        await this.#start(transfer);
      });
    }
  }

  /** After a restart the old token is gone: nobody has it, so another takes its place. */
  async #renew(pid: string): Promise<string | undefined> {
    return this.#desk.turns.take(pid, async () => {
      const transfer = await this.#desk.get(pid);
      if (transfer?.state !== "STARTED") return undefined;
      const token = newToken(this.#options.entropy);
      this.#untold.set(pid, token);
      await this.#desk.commit({ ...transfer, tokenHash: hashOf(token) });
      return token;
    });
  }

  #agreementFor(did: string, request: TransferRequestMessage): Agreement {
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
    if (request.format !== streamFormat) {
      const problem = `format "${request.format}" is not served, ${streamFormat} is`;
      throw new ComityError("BODY_INVALID", { problem });
    }
    return agreement;
  }

  /** One transfer an agreement: the newest holds the token. */
  async #replace(agreement: string): Promise<void> {
    for (const { pid, state } of this.#desk.of(agreement)) {
      if (state === "STARTED")
        await this.#desk.change(pid, "complete", "a newer one took its place");
      else await this.#desk.change(pid, "terminate", "a newer one took its place");
    }
  }
}

function hashOf(token: string): string {
  return tokenHash(token).toString("base64url");
}
