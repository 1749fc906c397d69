import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../kernel/clock.ts";
import { neverCrash } from "../kernel/crash.ts";
import type { Crash } from "../kernel/crash.ts";
import { problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Peers } from "../ports/peers.ts";
import type { Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import { owedMicro } from "./rated.ts";
import { ReceiptChain } from "./receipt-chain.ts";
import type { ChainTools } from "./receipt-chain.ts";
import type { AgreementBook, Postings } from "./receipt.ts";
import type { Meter } from "./usage.ts";

export interface ProviderReceiptsOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: AgreementBook;
  readonly meter: Meter;
  /** How often a window is closed. */
  readonly windowMs: number;
  readonly postings?: Postings;
  readonly takePrices?: ChainTools["takePrices"];
  /** Micro-units that may be owed without the consumer's signature; undefined: no limit. */
  readonly exposureMaxMicro?: (agreement: Agreement) => bigint | undefined;
  /** Called when the limit is passed, and when it no longer is: delivery stops, and goes on. */
  readonly onExposure?: (agreement: Agreement, over: boolean) => void;
  readonly crash?: Crash;
  /** The first pause before an unanswered receipt is sent again; doubled up to `retryMaxMs`. */
  readonly retryMs?: number;
  readonly retryMaxMs?: number;
}

/** How the receipts of one agreement stand. */
export interface Standing {
  readonly agreement: string;
  /** Of the last receipt both signed. */
  readonly seq: number;
  readonly messages: number;
  readonly amountMicro: bigint;
  /** Delivered, acknowledged, and not yet co-signed. */
  readonly exposureMicro: bigint;
  /** Everything acknowledged is co-signed. */
  readonly complete: boolean;
  /** Why not, where the other side refused or did not answer. */
  readonly problem?: string;
}

interface Account {
  readonly chain: ReceiptChain;
  busy: Promise<void> | undefined;
  retry: NodeJS.Timeout | undefined;
  failures: number;
  problem: string | undefined;
  over: boolean;
  /** Much was owed while a receipt was on its way: another one follows. */
  early: boolean;
  /** Monotonic time of the last word about a signed receipt. */
  notedAt: number;
}

/** Agreements whose receipts are on their way at once; the others wait for their turn. */
const parallelMax = 64;
const noteSignedEveryMs = 60_000;

/** Decides when receipts are made: windows, pauses after a failure, what may stay unsigned. */
export class ProviderReceipts {
  readonly #options: ProviderReceiptsOptions;
  readonly #tools: ChainTools;
  readonly #accounts = new Map<string, Account>();
  readonly #loading = new Map<string, Promise<Account | undefined>>();
  readonly #due = new Set<Account>();
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;
  #unlisten: (() => void) | undefined;
  #closed = false;

  constructor(options: ProviderReceiptsOptions) {
    const { store, signer, peers, clock, crash = neverCrash, postings = () => [] } = options;
    const { agreements, takePrices = async () => false } = options;
    this.#options = options;
    this.#tools = { store, signer, peers, clock, crash, postings, agreements, takePrices };
  }

  /**
   * Reads how every agreement stands and tells of each that is over the limit: before anything is
   * delivered. Nothing goes out before `start`.
   */
  async load(): Promise<void> {
    const { meter } = this.#options;
    this.#unlisten = meter.listen((id) => void this.#counted(id));
    for (const id of meter.agreements()) {
      const account = await this.#account(id);
      if (account === undefined) continue;
      this.#watchExposure(account);
      if (account.chain.unfinished !== undefined) this.#due.add(account);
    }
  }

  /** Takes up unfinished receipts where they stand, then closes a window every `windowMs`. */
  start(): void {
    const { windowMs } = this.#options;
    this.#timer = setInterval(() => this.#closeDueWindows(), windowMs).unref();
    this.#pump();
  }

  /** Micro-units acknowledged and not co-signed; 0 where nothing was delivered. */
  exposureMicro(agreement: string): bigint {
    const account = this.#accounts.get(agreement);
    return account === undefined ? 0n : this.#exposureOf(account);
  }

  /** Undefined where this node is not its provider, or where nobody can co-sign. */
  async standing(agreement: string): Promise<Standing | undefined> {
    const account = await this.#account(agreement);
    return account === undefined ? undefined : this.#standingOf(account);
  }

  /**
   * Closes the windows now. Resolves when everything acknowledged so far is co-signed or a
   * receipt was refused, or after `deadlineMs`, with how each agreement then stands.
   */
  async closeWindows(agreement?: string, deadlineMs = 10_000): Promise<Standing[]> {
    const ids = agreement === undefined ? this.#options.meter.agreements() : [agreement];
    const loaded = await Promise.all(ids.map((id) => this.#account(id)));
    const accounts = loaded.filter((account) => account !== undefined);
    await within(deadlineMs, (late) => accounts.map((account) => this.#closeWindow(account, late)));
    return accounts.map((account) => this.#standingOf(account));
  }

  /** What is on its way stays as it is stored, and is taken up at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#unlisten?.();
    const accounts = [...this.#accounts.values()];
    for (const account of accounts) clearTimeout(account.retry);
    await within(1000, () => accounts.map(async (account) => account.busy));
  }

  async #closeWindow(account: Account, late: AbortSignal): Promise<void> {
    const { chain } = account;
    const { messages } = this.#options.meter.acknowledged(chain.agreement.id);
    while ((chain.cosigned?.messages ?? 0) < messages && !late.aborted && !this.#closed) {
      await account.busy; // its own target may lie before what is acknowledged now
      await this.#drive(account);
      if (chain.unfinished?.state === "disputed") return;
      if (account.retry !== undefined) {
        await sleep(this.#options.retryMs ?? 1000, undefined, { signal: late });
      }
    }
  }

  #closeDueWindows(): void {
    for (const account of this.#accounts.values()) {
      const waits = account.busy !== undefined || account.retry !== undefined;
      if (!waits && !this.#standingOf(account).complete) this.#due.add(account);
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#timer === undefined) return; // not started
    for (const account of this.#due) {
      if (this.#closed || this.#busy >= parallelMax) return;
      this.#due.delete(account);
      this.#busy += 1;
      void this.#drive(account).then(() => {
        this.#busy -= 1;
        if (account.early) {
          account.early = false;
          this.#watchExposure(account);
        }
        this.#pump();
      });
    }
  }

  /** Never rejects: a failure is noted, and tried again after a pause. */
  #drive(account: Account): Promise<void> {
    clearTimeout(account.retry);
    account.retry = undefined;
    account.busy ??= this.#settle(account)
      .catch((problem: unknown) => this.#failed(account, problem))
      .finally(() => {
        account.busy = undefined;
      });
    return account.busy;
  }

  /** Stops at what was acknowledged when it began, so that a window stays a window. */
  async #settle(account: Account): Promise<void> {
    const { chain } = account;
    const upTo = this.#options.meter.lastRow(chain.agreement.id);
    while (!this.#closed) {
      const signed = await chain.advance(upTo);
      if (signed === undefined) return;
      account.failures = 0;
      account.problem = undefined;
      this.#noteSigned(account, signed.seq);
      this.#watchExposure(account);
    }
  }

  /** Told now and then: people watch the journal, and receipts come every few seconds. */
  #noteSigned(account: Account, seq: number): void {
    const now = this.#options.clock.monotonic();
    if (now - account.notedAt < noteSignedEveryMs) return;
    account.notedAt = now;
    const text = `Receipt ${seq} for ${account.chain.agreement.title} is signed by both sides`;
    this.#note(account, "receipt.signed", text);
  }

  #failed(account: Account, thrown: unknown): void {
    if (this.#closed) return;
    const { retryMs = 1000, retryMaxMs = 60_000 } = this.#options;
    const problem = problemOf(thrown);
    const disputed = account.chain.unfinished?.state === "disputed";
    if (problem !== account.problem) {
      const state = disputed ? "is disputed" : "waits";
      const text = `The next receipt for ${account.chain.agreement.title} ${state}: ${problem}`;
      this.#note(account, disputed ? "receipt.disputed" : "receipt.waiting", text);
    }
    account.problem = problem;
    const pause = Math.min(retryMs * 2 ** account.failures, retryMaxMs);
    account.failures += 1;
    account.retry = setTimeout(() => {
      account.retry = undefined;
      this.#due.add(account);
      this.#pump();
    }, pause).unref();
  }

  async #counted(id: string): Promise<void> {
    try {
      const account = await this.#account(id);
      if (account !== undefined) this.#watchExposure(account);
    } catch (problem) {
      const { journal, clock } = this.#options;
      const text = `Receipts of ${id} cannot be read: ${problemOf(problem)}`;
      journal.record({ at: clock.now(), kind: "receipt.waiting", text, agreement: id });
    }
  }

  #watchExposure(account: Account): void {
    const { exposureMaxMicro, onExposure } = this.#options;
    const { agreement } = account.chain;
    const limit = exposureMaxMicro?.(agreement);
    const exposure = limit === undefined ? 0n : this.#exposureOf(account);
    const over = limit !== undefined && exposure > limit;
    if (limit !== undefined && exposure * 2n > limit) this.#closeEarly(account);
    if (over === account.over) return;
    account.over = over;
    const text = over ? "stops: too much is unsigned" : "goes on: receipts are signed again";
    this.#note(account, "exposure", `Delivery of ${agreement.title} ${text}`);
    onExposure?.(agreement, over);
  }

  /** A window ends sooner where much is owed, so that long ones do not stop delivery. */
  #closeEarly(account: Account): void {
    account.early = account.busy !== undefined;
    if (account.early || account.retry !== undefined) return;
    this.#due.add(account);
    this.#pump();
  }

  #exposureOf({ chain: { agreement, cosigned } }: Account): bigint {
    const { clock, meter } = this.#options;
    const { messages, payloadBytes: bytes } = meter.acknowledged(agreement.id);
    const owed = owedMicro(agreement, cosigned, { messages, bytes }, clock.now());
    return owed - BigInt(cosigned?.amountMicro ?? 0);
  }

  #standingOf(account: Account): Standing {
    const { problem } = account;
    const { agreement, cosigned } = account.chain;
    const messages = cosigned?.messages ?? 0;
    return {
      agreement: agreement.id,
      seq: cosigned?.seq ?? 0,
      messages,
      amountMicro: BigInt(cosigned?.amountMicro ?? 0),
      exposureMicro: this.#exposureOf(account),
      complete: messages === this.#options.meter.acknowledged(agreement.id).messages,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  async #account(id: string): Promise<Account | undefined> {
    const there = this.#accounts.get(id);
    if (there !== undefined) return there;
    let loading = this.#loading.get(id);
    if (loading === undefined) {
      loading = this.#load(id).finally(() => this.#loading.delete(id));
      this.#loading.set(id, loading);
    }
    return loading;
  }

  async #load(id: string): Promise<Account | undefined> {
    const agreement = await this.#options.agreements.get(id);
    // Evidence may be one-sided: a consumer that pinned no key is counted, never asked to sign.
    const cosigns = agreement !== undefined && agreement.keys[agreement.consumer] !== undefined;
    if (agreement?.role !== "provider" || !cosigns) return undefined;
    const chain = await ReceiptChain.load(agreement, this.#tools);
    const problem = chain.unfinished?.reason;
    const idle = {
      busy: undefined,
      retry: undefined,
      failures: 0,
      over: false,
      early: false,
      notedAt: -Infinity,
    };
    const account: Account = { chain, problem, ...idle };
    this.#accounts.set(id, account);
    return account;
  }

  #note(account: Account, kind: string, text: string): void {
    const { journal, clock } = this.#options;
    journal.record({ at: clock.now(), kind, text, agreement: account.chain.agreement.id });
  }
}

/** Waits for the work to end, well or badly, but no longer than so many milliseconds. */
async function within(ms: number, work: (late: AbortSignal) => Promise<void>[]): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  const passed = once(late.signal, "abort");
  await Promise.race([Promise.allSettled(work(late.signal)), passed]);
  clearTimeout(timer);
}
