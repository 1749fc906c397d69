import { canonicalBytes, canonicalHash } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { monthOf } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import { jsonIn } from "../kernel/json-object.ts";
import type { Agreement } from "../market/agreement.ts";
import { pricePathOf } from "../market/price-change.ts";
import type { Peers } from "../ports/peers.ts";
import type { JwsSignature, PublicJwk, Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import { signaturePayload } from "../wire/jws.ts";
import { askSignedAfter, receiptsPath } from "./both-signed.ts";
import {
  cosignedAnswer,
  lackedReceipt,
  lastCosigned,
  lastReceipt,
  monthStartWrites,
  receiptAt,
  receiptProblem,
  receiptType,
  receiptWrite,
  requireSignature,
  signedAlready,
} from "./receipt.ts";
import type {
  AgreementBook,
  CosignedReceipt,
  Postings,
  ReceiptBody,
  ReceiptRecord,
} from "./receipt.ts";
import { priceNumberAt } from "./prices-in-force.ts";
import { isPriceLeft, noPrice, periodText, rate } from "./rated.ts";
import { endOfPeriod, joinedRows, lastRowWithin } from "./usage-rows.ts";
import type { UsageRow } from "./usage-rows.ts";

export interface ChainTools {
  readonly store: Store;
  readonly signer: Signer;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly crash: Crash;
  readonly postings: Postings;
  readonly agreements: AgreementBook;
  /** Prices that both signed and this node lost, from the consumer; false where there are none. */
  readonly takePrices: (agreement: string) => Promise<boolean>;
}

/**
 * The provider's receipts of one agreement, each built on the one before. A body is stored
 * before it is signed and its signature before it is sent, so that wherever the process stops
 * the same bytes go out again. The next is built only when both have signed the last. One that
 * the consumer refused is built again only where this node's clock had put it in a wrong month.
 */
export class ReceiptChain {
  #agreement: Agreement;
  readonly #tools: ChainTools;
  #last: ReceiptRecord | undefined;
  #cosigned: ReceiptRecord | undefined;

  private constructor(
    agreement: Agreement,
    tools: ChainTools,
    last: ReceiptRecord | undefined,
    cosigned: ReceiptRecord | undefined,
  ) {
    this.#agreement = agreement;
    this.#tools = tools;
    this.#last = last;
    this.#cosigned = cosigned;
  }

  static async load(agreement: Agreement, tools: ChainTools): Promise<ReceiptChain> {
    const last = await lastReceipt(tools.store, agreement.id);
    const cosigned =
      last?.state === "cosigned" ? last : await lastCosigned(tools.store, agreement.id);
    return new ReceiptChain(agreement, tools, last, cosigned);
  }

  get agreement(): Agreement {
    return this.#agreement;
  }

  /** The last one that both signed. */
  get cosigned(): ReceiptBody | undefined {
    return this.#cosigned?.body;
  }

  /** Stored and not yet signed by both. */
  get unfinished(): ReceiptRecord | undefined {
    return this.#last === this.#cosigned ? undefined : this.#last;
  }

  /**
   * One receipt further: the unfinished one, else the next over usage rows up to `upTo`. Returns
   * what both have now signed, or undefined where nothing is left. Throws what the consumer's
   * node answered instead of a signature, and marks the receipt disputed where that was a no.
   */
  async advance(upTo: number): Promise<ReceiptBody | undefined> {
    // its price may have been changed since
    this.#agreement = (await this.#tools.agreements.get(this.agreement.id)) ?? this.agreement;
    const record = this.#standing() ?? (await this.#build(upTo));
    if (record === undefined) return undefined;
    const signed = record.state === "open" ? await this.#sign(record) : record;
    let theirs: JwsSignature | undefined;
    try {
      theirs = await this.#exchange(signed);
    } catch (problem) {
      if (isRefusal(problem)) await this.#dispute(signed, problem.message);
      throw problem;
    }
    if (theirs === undefined) return this.cosigned;
    await this.#finish(signed, theirs);
    return signed.body;
  }

  /**
   * The unfinished one, unless it must be built again: a clock that was wrong gave it a month
   * that has not come, or was before the agreement, or its node had lost a price that both had
   * signed; and the consumer has not signed it.
   */
  #standing(): ReceiptRecord | undefined {
    const record = this.unfinished;
    if (record === undefined || record.state === "signed") return record;
    const number = priceNumberAt(this.agreement, Date.parse(record.body.at));
    if (number > (record.body.price ?? 1)) return undefined;
    return this.#monthFor(record.body.month) === record.body.month ? record : undefined;
  }

  /** Months go up from what both have signed, and none is billed before it comes. */
  #monthFor(month: string): string {
    const now = monthOf(this.#tools.clock.now());
    const floor = this.#cosigned?.body.month ?? this.agreement.signedAt.slice(0, now.length);
    const past = month > now ? now : month;
    return past < floor ? floor : past;
  }

  async #build(upTo: number): Promise<ReceiptRecord | undefined> {
    const { store, clock, crash } = this.#tools;
    const { agreement } = this;
    const before = this.#cosigned?.body;
    const end = await this.#nextEnd(upTo);
    if (end === undefined) return undefined;
    const window = { ...end, month: this.#monthFor(end.month) };
    const body = nextBody(agreement, before, window, clock.now());
    const problem = receiptProblem(body, before, agreement);
    if (problem !== undefined) throw new Error(`built a wrong receipt: ${problem}`);
    const usageTo = end.seq;
    const record: ReceiptRecord = {
      role: "provider",
      body,
      state: "open",
      signatures: [],
      usageTo,
    };
    await store.commit([receiptWrite(this.unfinished === undefined ? "add" : "put", record)]);
    this.#last = record;
    crash("receipt.stored");
    return record;
  }

  /** Positions that were all withheld, or are signed for already, need no receipt of their own. */
  async #nextEnd(upTo: number): Promise<UsageRow | undefined> {
    const { store } = this.#tools;
    const { body, usageTo = 0 } = this.#cosigned ?? {};
    const period = (row: UsageRow): string => periodText(this.agreement, row);
    let end = await endOfPeriod(store, this.agreement.id, { after: usageTo, upTo }, period);
    while (end !== undefined && end.totalMessages <= (body?.messages ?? 0)) {
      end = await endOfPeriod(store, this.agreement.id, { after: end.seq, upTo }, period);
    }
    return end;
  }

  async #sign(record: ReceiptRecord): Promise<ReceiptRecord> {
    const { store, signer, crash } = this.#tools;
    const signature = await signer.sign(canonicalBytes(record.body), receiptType);
    const signed: ReceiptRecord = { ...record, state: "signed", signatures: [signature] };
    await store.commit([receiptWrite("put", signed)]);
    this.#last = signed;
    crash("receipt.signed");
    return signed;
  }

  /**
   * A consumer that lost receipts, such as one restored from a backup, gets them again first.
   * Where it is this node that lost them they are taken back, and nothing is returned: the next
   * receipt goes on from there.
   */
  async #exchange(signed: ReceiptRecord): Promise<JwsSignature | undefined> {
    try {
      return await this.#send(signed);
    } catch (problem) {
      if (!isRefusal(problem)) throw problem;
      const lost = isPriceLeft(problem.message) || problem.message.includes("signed already");
      if (lost && (await this.#tools.takePrices(this.agreement.id))) {
        const { agreements } = this.#tools;
        this.#agreement = (await agreements.get(this.agreement.id)) ?? this.agreement;
      }
      if (problem.message.includes(signedAlready(signed.body.seq))) {
        if (await this.#takeBack()) return undefined;
        throw problem;
      }
      if (problem.message.includes(noPrice(signed.body.price ?? 1))) {
        await this.#showPrices();
        return await this.#send(signed);
      }
      const lacked = lackedReceipt(problem.message);
      if (lacked === undefined || lacked >= signed.body.seq) throw problem;
      await this.#showPrices();
      await this.#sendAgain(lacked, signed.body.seq);
      return await this.#send(signed);
    }
  }

  /** A consumer that lost what it signed of prices, such as one restored from a backup. */
  async #showPrices(): Promise<void> {
    const { changes = [], consumer, id } = this.agreement;
    const path = pricePathOf(id);
    for (const { evidence } of changes) {
      const [signature, cosignature] = evidence.signatures;
      const body = jsonIn(signaturePayload(evidence));
      await this.#tools.peers.post(consumer, path, { body, signature, cosignature });
    }
  }

  async #sendAgain(from: number, end: number): Promise<void> {
    const { store, peers } = this.#tools;
    const { consumer, id } = this.agreement;
    for (let seq = from; seq < end; seq++) {
      const record = await receiptAt(store, id, seq);
      const [signature, cosignature] = record?.signatures ?? [];
      if (record === undefined || cosignature === undefined) {
        throw new Error(`receipt ${seq} of ${id} is missing`);
      }
      await peers.post(consumer, receiptsPath, { body: record.body, signature, cosignature });
    }
  }

  /** What both have signed after the last one here; false where the consumer shows none. */
  async #takeBack(): Promise<boolean> {
    const { consumer, id } = this.agreement;
    const seq = this.#cosigned?.body.seq ?? 0;
    for await (const receipt of askSignedAfter(this.#tools.peers, consumer, { id, seq })) {
      await this.#restore(receipt);
    }
    return (this.#cosigned?.body.seq ?? 0) > seq;
  }

  /** Only what this node signed itself once, and the consumer too, and continues the chain. */
  async #restore({ body, signatures: [own, theirs] }: CosignedReceipt): Promise<void> {
    const { agreement } = this;
    const { provider, consumer, id } = agreement;
    const before = this.#cosigned;
    const problem = receiptProblem(body, before?.body, agreement);
    if (problem !== undefined) throw this.#invalid(body.seq, problem);
    await requireSignature(body, own, provider, this.#keyOf(provider));
    await requireSignature(body, theirs, consumer, this.#keyOf(consumer));
    const { store } = this.#tools;
    const usageTo = await lastRowWithin(store, id, before?.usageTo ?? 0, body.messages);
    const signed = { role: "provider", body, state: "signed", signatures: [own], usageTo } as const;
    await this.#finish(signed, theirs);
  }

  #keyOf(did: string): PublicJwk {
    const key = this.agreement.keys[did];
    if (key === undefined) throw new Error(`agreement ${this.agreement.id} pins no key of ${did}`);
    return key;
  }

  #invalid(seq: number, problem: string): ComityError {
    const what = `receipt ${seq} of ${this.agreement.id}`;
    return new ComityError("SIGNATURE_INVALID", { what, problem });
  }

  async #send({ body, signatures: [signature] }: ReceiptRecord): Promise<JwsSignature> {
    const { consumer } = this.agreement;
    const answer = await this.#tools.peers.post(consumer, receiptsPath, { body, signature });
    this.#tools.crash("receipt.answered");
    if (!cosignedAnswer.Check(answer)) throw this.#invalid(body.seq, "the answer has none");
    await requireSignature(body, answer.signature, consumer, this.#keyOf(consumer));
    return answer.signature;
  }

  async #dispute(record: ReceiptRecord, reason: string): Promise<void> {
    if (record.reason === reason) return;
    const disputed: ReceiptRecord = { ...record, state: "disputed", reason };
    await this.#tools.store.commit([receiptWrite("put", disputed)]);
    this.#last = disputed;
  }

  async #finish(record: ReceiptRecord, theirs: JwsSignature): Promise<void> {
    const { store, postings } = this.#tools;
    const { body, usageTo = 0 } = record;
    const before = this.#cosigned;
    const cosigned: ReceiptRecord = {
      role: "provider",
      body,
      state: "cosigned",
      signatures: [...record.signatures, theirs],
      usageTo,
    };
    await store.commit([
      receiptWrite("put", cosigned),
      ...monthStartWrites(body, before?.body),
      ...postings(this.agreement, body, before?.body),
      ...(await joinedRows(store, this.agreement.id, before?.usageTo ?? 0, usageTo)),
    ]);
    this.#last = cosigned;
    this.#cosigned = cosigned;
  }
}

/** The consumer said no, or signed something else; anything else may be a fault on the way. */
function isRefusal(problem: unknown): problem is ComityError {
  const refusals = ["PEER_REFUSED", "SIGNATURE_INVALID"];
  return problem instanceof ComityError && refusals.includes(problem.code);
}

function nextBody(
  agreement: Agreement,
  before: ReceiptBody | undefined,
  end: UsageRow,
  now: number,
): ReceiptBody {
  const { totalMessages: messages, totalBytes: bytes, month } = end;
  const counted = { messages, bytes, month, at: end.at };
  return {
    v: 1,
    agreement: agreement.id,
    policyHash: agreement.policyHash,
    seq: (before?.seq ?? 0) + 1,
    epoch: end.epoch,
    from: before?.epoch === end.epoch ? before.to : 0,
    to: end.to,
    messages,
    bytes,
    currency: agreement.price.currency,
    ...rate(agreement, before, counted),
    month,
    at: new Date(now).toISOString(),
    prevHash: before === undefined ? "" : canonicalHash(before),
  };
}
