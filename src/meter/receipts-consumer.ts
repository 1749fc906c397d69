import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { monthOf } from "../kernel/clock.ts";
import { neverCrash } from "../kernel/crash.ts";
import type { Crash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { Turns } from "../kernel/turns.ts";
import type { Agreement } from "../market/agreement.ts";
import type { JwsSignature, Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import type { Peers } from "../ports/peers.ts";
import { askSignedAfter, signedAfter } from "./both-signed.ts";
import type { ConsumerCounts } from "./consumer-counts.ts";
import { afterPeriod, periodTimes } from "./rated.ts";
import {
  lastReceipt,
  monthStartWrites,
  offeredReceipt,
  receiptAt,
  receiptProblem,
  receiptType,
  receiptWrite,
  requireSignature,
  signedAlready,
} from "./receipt.ts";
import type {
  AgreementBook,
  CosignedPage,
  OfferedReceipt,
  Postings,
  ReceiptBody,
} from "./receipt.ts";

export interface ConsumerReceiptsOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: AgreementBook;
  readonly counts: ConsumerCounts;
  readonly peers: Pick<Peers, "get">;
  /** Prices that both signed and this node lost, from the provider. */
  readonly takePrices: (agreement: string) => Promise<unknown>;
  readonly postings?: Postings;
  readonly crash?: Crash;
}

/**
 * What can be stored here before a period and acknowledged in it, where the line broke between:
 * one window (`flow/log-feed.ts`), however small its messages.
 */
const lateBytesMax = 4_194_304;
const lateMessagesMax = 500_000;
/** How far the two sides' clocks may differ. */
const skewMs = 60_000;

/** Compares the provider's receipts with what was counted here, and co-signs those that agree. */
export class ConsumerReceipts {
  readonly #options: ConsumerReceiptsOptions;
  readonly #crash: Crash;
  /** One at a time for each agreement: two bodies with one number must not both be signed. */
  readonly #turns = new Turns();

  constructor(options: ConsumerReceiptsOptions) {
    this.#options = options;
    this.#crash = options.crash ?? neverCrash;
  }

  /**
   * `from` is the DID of the authenticated caller. Throws BODY_INVALID, NOT_FOUND,
   * SIGNATURE_INVALID or RECEIPT_DISAGREES; asked again it gives the same bytes.
   */
  async cosign(from: string, offered: unknown): Promise<{ signature: JwsSignature }> {
    if (!offeredReceipt.Check(offered)) {
      throw new ComityError("BODY_INVALID", { problem: "it is no receipt of version 1" });
    }
    const id = offered.body.agreement;
    const agreement = await this.#agreementWith(from, id);
    try {
      const signature = await this.#turns.take(id, () => this.#answer(agreement, offered));
      return { signature };
    } catch (problem) {
      if (problem instanceof ComityError) this.#note(agreement, problem);
      throw problem;
    }
  }

  /** What both signed after that number, for the side that lost it. NOT_FOUND as above. */
  signedAfter(from: string, id: string, seq: number): Promise<CosignedPage> {
    return signedAfter(this.#options, from, { id, seq });
  }

  /**
   * Receipts of an agreement that both signed and this node lost, for instance with a disk: from
   * its provider, one by one, as if it had offered them again. Throws as `cosign` does, and where
   * the provider cannot be asked.
   */
  async takeBack(id: string): Promise<void> {
    const { store, agreements, peers, takePrices } = this.#options;
    await takePrices(id);
    const agreement = await agreements.get(id);
    if (agreement?.role !== "consumer")
      throw new ComityError("NOT_FOUND", { what: "agreement", id });
    await this.#turns.take(id, async () => {
      const seq = (await lastReceipt(store, id))?.body.seq ?? 0;
      const lost = askSignedAfter(peers, agreement.provider, { id, seq });
      for await (const { body, signatures } of lost) {
        const [signature, cosignature] = signatures;
        await this.#answer(agreement, { body, signature, cosignature });
      }
    });
  }

  /** Somebody else's agreement is as unknown to the caller as one that does not exist. */
  async #agreementWith(provider: string, id: string): Promise<Agreement> {
    const agreement = await this.#options.agreements.get(id);
    if (agreement?.role === "consumer" && agreement.provider === provider) return agreement;
    throw new ComityError("NOT_FOUND", { what: "agreement", id });
  }

  async #answer(agreement: Agreement, offered: OfferedReceipt): Promise<JwsSignature> {
    const { store } = this.#options;
    const { body } = offered;
    const there = await receiptAt(store, agreement.id, body.seq);
    if (there !== undefined) {
      const [, own] = there.signatures;
      if (own !== undefined && canonicalHash(there.body) === canonicalHash(body)) return own;
      throw disagrees(body, signedAlready(body.seq));
    }
    const before = (await lastReceipt(store, agreement.id))?.body;
    const key = agreement.keys[agreement.provider];
    if (key === undefined) throw new Error(`agreement ${agreement.id} pins no key of its provider`);
    await requireSignature(body, offered.signature, agreement.provider, key);
    const lost = offered.cosignature;
    // What this node signed once it compared then; its counts of that time may be lost as well.
    const problem =
      receiptProblem(body, before, agreement) ??
      (lost === undefined ? await this.#countProblem(body) : undefined) ??
      (lost === undefined ? await this.#periodProblem(agreement, body, before) : undefined);
    if (problem !== undefined) throw disagrees(body, problem);
    if (lost !== undefined) await this.#requireOwn(agreement, body, lost);
    return this.#store(agreement, offered, before);
  }

  async #countProblem(body: ReceiptBody): Promise<string | undefined> {
    const { counts, clock } = this.#options;
    const { epoch, to: position, messages, bytes: payloadBytes } = body;
    const claim = { epoch, position, messages, payloadBytes };
    const problem = await counts.problemOf(body.agreement, claim);
    if (problem !== undefined) return problem;
    const counted = await counts.countAt(body.agreement, epoch, position);
    // A month is the provider's to say, between the messages' arrival here and now.
    const now = clock.now();
    // What was counted later than now was counted by a clock that has been set right since.
    const earliest = monthOf(Math.min(counted?.at ?? 0, now) - skewMs);
    const latest = monthOf(now + skewMs);
    if (body.month >= earliest && body.month <= latest) return undefined;
    return `it is for ${body.month}, and its messages came in ${monthOf(counted?.at ?? 0)}`;
  }

  /** Is it rated by the period in which its messages came? The provider has one window's leeway. */
  async #periodProblem(
    agreement: Agreement,
    body: ReceiptBody,
    before: ReceiptBody | undefined,
  ): Promise<string | undefined> {
    const { counts } = this.#options;
    const { start, end } = periodTimes(agreement, body);
    const counted = await counts.countAt(agreement.id, body.epoch, body.to);
    if ((counted?.at ?? 0) > end + skewMs) {
      return afterPeriod(end);
    }
    const early = counts.countedBefore(agreement.id, start - skewMs);
    if (early === undefined) return undefined;
    const messages = Math.min(early.messages, body.messages) - (before?.messages ?? 0);
    const bytes = Math.min(early.bytes, body.bytes) - (before?.bytes ?? 0);
    if (messages <= lateMessagesMax && bytes <= lateBytesMax) return undefined;
    const came = `${messages} of its messages came before ${new Date(start).toISOString()}`;
    return `${came}, when their period began`;
  }

  async #requireOwn(agreement: Agreement, body: ReceiptBody, own: JwsSignature): Promise<void> {
    const key = agreement.keys[agreement.consumer];
    if (key === undefined) throw new Error(`agreement ${agreement.id} pins no key of this node`);
    await requireSignature(body, own, agreement.consumer, key);
  }

  async #store(
    agreement: Agreement,
    { body, signature, cosignature }: OfferedReceipt,
    before: ReceiptBody | undefined,
  ): Promise<JwsSignature> {
    const { store, signer, counts, postings } = this.#options;
    const own = cosignature ?? (await signer.sign(canonicalBytes(body), receiptType));
    const signatures = [signature, own];
    await store.commit([
      receiptWrite("add", { role: "consumer", body, state: "cosigned", signatures }),
      ...monthStartWrites(body, before),
      ...(postings?.(agreement, body, before) ?? []),
      ...counts.receipted(agreement.id, body.messages),
    ]);
    this.#crash("receipt.cosigned");
    return own;
  }

  #note(agreement: Agreement, problem: ComityError): void {
    const text = `A receipt for ${agreement.title} was not co-signed: ${problem.message}`;
    const at = this.#options.clock.now();
    this.#options.journal.record({ at, kind: "receipt.refused", text, agreement: agreement.id });
  }
}

function disagrees(body: ReceiptBody, problem: string): ComityError {
  const { seq, agreement } = body;
  return new ComityError("RECEIPT_DISAGREES", { seq, agreement, problem });
}
