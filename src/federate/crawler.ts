import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { SearchEntry, SearchIndex } from "../ports/search.ts";
import { Catalog, type Dataset, message } from "../wire/dsp/messages.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import { entryOf, type FoundOffer, offerOfPolicy, withVariants } from "./found-offer.ts";
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
/** Of all pages together; what comes after is not looked at. */
const catalogueBytesMax = 67_108_864;
/** How long reading holds up everything else of this node. */
const turnMs = 10;

/** One page of a catalogue; without datasets it is as it was under that tag. */
interface Page {
  readonly tag: string | undefined;
  readonly datasets?: readonly Dataset[];
}

/** What a reading brings. */
interface Found {
  offers: number;
  readonly changed: FoundOffer[];
  readonly put: SearchEntry[];
  /** Known before, and not seen again. */
  readonly gone: Set<string>;
}

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
    const digests = known?.digests ?? new Map<string, string>();
    const found: Found = { offers: 0, changed: [], put: [], gone: new Set(digests.keys()) };
    let tag: string | undefined;
    for await (const page of this.#pages(did, known?.tag)) {
      ({ tag } = page);
      if (page.datasets === undefined) {
        found.offers = digests.size;
        found.gone.clear();
      } else await this.#take(did, page.datasets, digests, found);
      if (found.offers >= this.#offersMax) break;
    }
    // Removed while it was read: then nothing of it is kept.
    if (peers.peer(did) === undefined) return 0;
    const { offers, changed, put, gone } = found;
    const seenAt = clock.now();
    await search.change(did, { put, remove: [...gone], seenAt, ...(tag !== undefined && { tag }) });
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
    return offers;
  }

  /** Reading a policy may take long, if its writer wants it to: this node's work goes on between. */
  async #take(
    did: string,
    datasets: readonly Dataset[],
    digests: ReadonlyMap<string, string>,
    found: Found,
  ): Promise<void> {
    const { peers, clock } = this.#options;
    const whose = { provider: did, providerName: peers.nameOf(did) };
    let turnAt = clock.monotonic() + turnMs;
    for (const dataset of datasets) {
      if (found.offers >= this.#offersMax) return;
      const read: FoundOffer[] = [];
      for (const policy of dataset.hasPolicy) {
        if (found.offers >= this.#offersMax) break;
        if (clock.monotonic() >= turnAt) {
          await turn();
          turnAt = clock.monotonic() + turnMs;
        }
        const offer = offerOfPolicy(dataset, policy, whose);
        if (offer === undefined) continue;
        read.push(offer);
        found.offers++;
      }
      for (const offer of withVariants(read)) {
        const entry = entryOf(offer);
        found.gone.delete(entry.offer);
        if (digests.get(entry.offer) === entry.digest) continue;
        found.put.push(entry);
        found.changed.push(offer);
      }
    }
  }

  get #offersMax(): number {
    return this.#options.offersPerPeerMax ?? 10_000;
  }

  /** One at a time, so that none is held longer than it is read; without datasets: unchanged. */
  async *#pages(did: string, knownTag: string | undefined): AsyncGenerator<Page> {
    const { peers } = this.#options;
    const body = message("CatalogRequestMessage", {});
    let url: string | undefined = `${await peers.dspBase(did)}/catalog/request`;
    let tag: string | undefined;
    let bytes = 0;
    for (let page = 0; url !== undefined && page < pagesMax && bytes < catalogueBytesMax; page++) {
      const answer = await peers.ask(did, url, body, page === 0 ? knownTag : undefined);
      if (answer === "unchanged") {
        yield { tag: knownTag };
        return;
      }
      if (page === 0) ({ tag } = answer);
      bytes += answer.bytes;
      yield { tag, datasets: parseMessage(Catalog, answer.body).dataset ?? [] };
      url = nextPage(answer.link, url);
    }
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
