import type { LookupFunction } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import type { StreamAddress } from "../market/transfer.ts";
import { reason } from "../wire/mqtt/protocol.ts";

export interface LinkAddressOutside {
  readonly clock: Clock;
  /** Where the provider serves the agreement's stream now, as far as it has told. */
  readonly addressOf: (agreement: Agreement) => Promise<StreamAddress>;
  /** A fresh address, where the old one is refused. */
  readonly renew: (agreement: Agreement) => Promise<StreamAddress>;
  /** How the endpoint's host is looked up; throws where this node does not connect to it. */
  readonly lookupOf: (agreement: Agreement, endpoint: string) => LookupFunction | undefined;
}

const renewEveryMs = 60_000;

/** Where one agreement's stream is had, and with which token. */
export class LinkAddress {
  readonly #agreement: Agreement;
  readonly #outside: LinkAddressOutside;
  readonly #known = Promise.withResolvers<void>();
  #renewedAt = -Infinity;

  constructor(agreement: Agreement, outside: LinkAddressOutside) {
    this.#agreement = agreement;
    this.#outside = outside;
    this.#known.promise.catch(() => {}); // it is said in the journal, whoever waits
  }

  /** Settles when the provider has said where the stream is, or first failed to. */
  get known(): Promise<void> {
    return this.#known.promise;
  }

  async find(): Promise<{ address: StreamAddress; lookup: LookupFunction | undefined }> {
    const { addressOf, lookupOf } = this.#outside;
    try {
      const address = await addressOf(this.#agreement);
      const lookup = lookupOf(this.#agreement, address.endpoint);
      this.#known.resolve();
      return { address, lookup };
    } catch (error) {
      this.#known.reject(error);
      throw error;
    }
  }

  /** Has the provider given another token, after it refused the kept one? */
  async renewed(error: unknown, isShared: boolean): Promise<boolean> {
    if (!(error instanceof ComityError)) return false;
    // A shared connection is let in without it; there it is SUBSCRIBE that is refused.
    const isOfToken = error.code === (isShared ? "FORBIDDEN" : "CONNECT_FAILED");
    const { reasonCode } = error.details;
    const isRefused =
      reasonCode === reason.badUserNameOrPassword || reasonCode === reason.notAuthorized;
    const now = this.#outside.clock.monotonic();
    if (!isOfToken || !isRefused || now - this.#renewedAt < renewEveryMs) return false;
    this.#renewedAt = now;
    await this.#outside.renew(this.#agreement);
    return true;
  }
}
