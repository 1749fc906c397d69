import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { SearchIndex } from "../ports/search.ts";
import { Catalog, type Dataset, message } from "../wire/dsp/messages.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import { entryOf, type FoundOffer, offersOfDataset } from "./found-offer.ts";
import type { PeerBook } from "./peers.ts";

export interface CrawlerOptions {
  readonly peers: PeerBook;
  readonly search: SearchIndex;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Between two readings of one peer's catalogue, about; 60,000 where absent, 0: never unasked. */
  readonly everyMs?: number;
  /** The same once it did not answer again and again; 1,800,000 where absent. */
  readonly backOffMostMs?: number;
  /** Of one peer; what it lists beyond is not looked at. 10,000 where absent. */
  readonly offersPerPeerMax?: number;
}

/** How a peer's catalogue was last read. */
export interface CrawlState {
  /** Milliseconds since the Unix epoch; absent: never. */
  readonly seenAt?: number;
  readonly offers?: number;
  /** Why it could not be read since. */
  readonly problem?: string;
}

interface Plan {
  /** Monotonic. */
  dueAt: number;
  askedAt: number;
  failures: number;
  running: Promise<void> | undefined;
  state: CrawlState;
}

const everyMsDefault = 60_000;
const tickMs = 1_000;
const atOnceMax = 4;
/** However often somebody asks for fresh offers, a peer is asked no more often than this. */
const pauseMs = 1_000;
const pagesMax = 100;
/** Datasets read before others of this node have their turn. */
const datasetsPerTurn = 200;

/**
 * Keeps the index true to every peer's catalogue: reads it in the background at a pace with
 * jitter, a silent peer ever more rarely, and what did not change not at all. Peers of peers are
 * not followed: whom this node knows is its owner's choice.
 */
export class Crawler {
  readonly #options: CrawlerOptions;
  readonly #plans = new Map<string, Plan>();
  readonly #listeners = new Set<(offers: readonly FoundOffer[]) => void>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: CrawlerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.everyMs === 0) return;
    this.#timer ??= setInterval(() => this.#tick(), tickMs).unref();
    this.#tick();
  }

  /** Waits for what is being read. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#plans.values()].map((plan) => plan.running ?? Promise.resolve()));
  }

  /** Hears of offers that are new or have changed. Returns the function that stops listening. */
  onFound(listener: (offers: readonly FoundOffer[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  state(did: string): CrawlState {
    return this.#plans.get(did)?.state ?? {};
  }

  /** Reads every peer's catalogue now; what is not read within the time comes in later. */
  async now(withinMs: number): Promise<void> {
    const all = this.#options.peers.list().map(({ did }) => this.#crawl(did));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([Promise.all(all), late]);
    clearTimeout(timer);
  }

  async forget(did: string): Promise<void> {
    await this.#plans.get(did)?.running;
    this.#plans.delete(did);
    await this.#options.search.forget(did);
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    const peers = this.#options.peers.list();
    let running = [...this.#plans.values()].filter((plan) => plan.running).length;
    for (const { did } of peers) {
      if (running >= atOnceMax) return;
      const plan = this.#planOf(did);
      if (plan.running !== undefined || plan.dueAt > now) continue;
      running++;
      void this.#crawl(did);
    }
  }

  #planOf(did: string): Plan {
    let plan = this.#plans.get(did);
    if (plan === undefined) {
      plan = { dueAt: -Infinity, askedAt: -Infinity, failures: 0, running: undefined, state: {} };
      this.#plans.set(did, plan);
    }
    return plan;
  }

  /** Never rejects; joins a reading that runs. */
  #crawl(did: string): Promise<void> {
    const plan = this.#planOf(did);
    const { clock } = this.#options;
    if (this.#closed) return Promise.resolve();
    if (plan.running !== undefined) return plan.running;
    if (clock.monotonic() - plan.askedAt < pauseMs) return Promise.resolve();
    plan.askedAt = clock.monotonic();
    plan.running = this.#read(did)
      .then(
        (offers) => {
          plan.failures = 0;
          plan.state = { seenAt: clock.now(), offers };
        },
        (thrown: unknown) => {
          plan.failures++;
          plan.state = { ...plan.state, problem: problemOf(thrown) };
        },
      )
      .finally(() => {
        plan.dueAt = clock.monotonic() + this.#pauseAfter(plan.failures);
        plan.running = undefined;
      });
    return plan.running;
  }

  /** Four fifths to six fifths of the pace, so that nodes started together drift apart. */
  #pauseAfter(failures: number): number {
    const { everyMs = everyMsDefault, backOffMostMs = 1_800_000, entropy } = this.#options;
    const [byte = 0] = entropy.bytes(1);
    const jitter = 0.8 + (0.4 * byte) / 255;
    return Math.min(everyMs * 2 ** failures, Math.max(everyMs, backOffMostMs)) * jitter;
  }

  /** How many offers it has. */
  async #read(did: string): Promise<number> {
    const { peers, search, clock } = this.#options;
    const known = await search.known(did);
    const read = await this.#catalogueOf(did, known?.tag);
    const seenAt = clock.now();
    if (read === undefined) {
      const tag = known?.tag === undefined ? {} : { tag: known.tag };
      await search.change(did, { put: [], remove: [], seenAt, ...tag });
      return known?.digests.size ?? 0;
    }
    const whose = { provider: did, providerName: peers.nameOf(did) };
    const gone = new Set(known?.digests.keys());
    const changed: FoundOffer[] = [];
    const put = [];
    let offers = 0;
    for (const [at, dataset] of read.datasets.entries()) {
      if (at % datasetsPerTurn === datasetsPerTurn - 1) await turn();
      for (const found of offersOfDataset(dataset, whose)) {
        const entry = entryOf(found);
        offers++;
        gone.delete(entry.offer);
        if (known?.digests.get(entry.offer) === entry.digest) continue;
        put.push(entry);
        changed.push(found);
      }
    }
    // Removed while it was read: then nothing of it is kept.
    if (peers.peer(did) === undefined) return 0;
    const tag = read.tag === undefined ? {} : { tag: read.tag };
    await search.change(did, { put, remove: [...gone], seenAt, ...tag });
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
    return offers;
  }

  /** Undefined: it is as it was under that tag. */
  async #catalogueOf(
    did: string,
    knownTag: string | undefined,
  ): Promise<{ readonly datasets: Dataset[]; readonly tag?: string } | undefined> {
    const { peers, offersPerPeerMax = 10_000 } = this.#options;
    const body = message("CatalogRequestMessage", {});
    const first = `${await peers.dspBase(did)}/catalog/request`;
    const datasets: Dataset[] = [];
    let tag: string | undefined;
    let url: string | undefined = first;
    for (let page = 0; url !== undefined && page < pagesMax; page++) {
      const answer = await peers.ask(did, url, body, page === 0 ? knownTag : undefined);
      if (answer === "unchanged") return undefined;
      datasets.push(...(parseMessage(Catalog, answer.body).dataset ?? []));
      if (page === 0) ({ tag } = answer);
      if (datasets.length >= offersPerPeerMax) break;
      url = nextPage(answer.link, url);
    }
    return { datasets: datasets.slice(0, offersPerPeerMax), ...(tag !== undefined && { tag }) };
  }
}

/** DSP 2025-1 §6.3: pages are named in a Link header (RFC 8288), on the server that was asked. */
function nextPage(link: string | undefined, from: string): string | undefined {
  for (const [, target = "", rel] of (link ?? "").matchAll(/<([^>]*)>[^,]*?;\s*rel="?([\w ]+)/g)) {
    if (rel !== "next") continue;
    const url = URL.parse(target, from);
    if (url?.origin === new URL(from).origin) return url.href;
    const problem = "its catalogue goes on at another server";
    throw new ComityError("PEER_REFUSED", { peer: new URL(from).origin, problem });
  }
  return undefined;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
