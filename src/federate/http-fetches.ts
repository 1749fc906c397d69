import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Journal } from "../kernel/journal.ts";
import { Turns } from "../kernel/turns.ts";
import type { Flow } from "../flow/flow.ts";
import { Run } from "../flow/run.ts";
import type { Agreement } from "../market/agreement.ts";
import type { HttpSource } from "../market/transfer.ts";
import type { Store } from "../ports/store.ts";
import type { Caller, OutboundAnswer } from "./outbound.ts";
import type { PeerBook } from "./peers.ts";
import { beginning, type ReceivedDoc } from "./received-stretch.ts";

export interface HttpFetchesOptions {
  readonly flow: Flow;
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly journal: Journal;
  readonly outbound: Pick<Caller, "call">;
  readonly peers: Pick<PeerBook, "nameOf" | "dataOrigin">;
  /** Is this agreement's data fetched over HTTP, and by itself? */
  readonly isWanted: (agreement: Agreement) => boolean;
  /** Where the provider serves it now, as far as it has told. */
  readonly sourceOf: (agreement: string) => Promise<HttpSource>;
  /** Another token, where the old one is refused. */
  readonly renew: (agreement: string) => Promise<void>;
  readonly everyMs?: number;
  readonly answerBytesMax?: number;
}

const everyMsDefault = 10_000;
/** A source that fails is asked ever more rarely, up to this. */
const failedEveryMsMax = 600_000;
const answerBytesMaxDefault = 8_388_608;

interface Fetched {
  timer: NodeJS.Timeout | undefined;
  /** Of the last answer that was stored. */
  etag: string | undefined;
  failures: number;
  /** What was said last, so that it is not said again. */
  said: string;
}

/**
 * What was bought from connectors that serve HTTP alone: asked for again and again, each new answer
 * a message under `from/<provider>/<dataset>/data`, retained and kept in a log of that name. It is
 * counted on this side alone, for nobody is told what arrived.
 */
export class HttpFetches {
  readonly #options: HttpFetchesOptions;
  readonly #fetched = new Map<string, Fetched>();
  readonly #turns = new Turns();
  #closed = false;

  constructor(options: HttpFetchesOptions) {
    this.#options = options;
  }

  start(agreement: Agreement): void {
    if (this.#closed || this.#fetched.has(agreement.id)) return;
    if (agreement.role !== "consumer" || agreement.state === "ended") return;
    if (!this.#options.isWanted(agreement)) return;
    this.#fetched.set(agreement.id, { timer: undefined, etag: undefined, failures: 0, said: "" });
    this.#next(agreement, 0);
  }

  end(agreement: string): void {
    clearTimeout(this.#fetched.get(agreement)?.timer);
    this.#fetched.delete(agreement);
  }

  /** Resolves when nothing that was asked for until now is being stored. */
  async settled(): Promise<void> {
    await this.#turns.settled();
  }

  /** Resolves when nothing is being stored. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const agreement of [...this.#fetched.keys()]) this.end(agreement);
    await this.#turns.settled();
  }

  #next(agreement: Agreement, waitMs: number): void {
    const fetched = this.#fetched.get(agreement.id);
    if (fetched === undefined) return;
    fetched.timer = setTimeout(() => void this.#round(agreement, fetched), waitMs).unref();
  }

  async #round(agreement: Agreement, fetched: Fetched): Promise<void> {
    const everyMs = this.#options.everyMs ?? everyMsDefault;
    try {
      await this.#fetch(agreement, fetched);
      fetched.failures = 0;
      this.#next(agreement, everyMs);
    } catch (error) {
      fetched.failures++;
      this.#say(agreement, fetched, `cannot be fetched: ${problemOf(error)}`);
      const waitMs = everyMs * 2 ** Math.min(fetched.failures, 16);
      this.#next(agreement, Math.min(waitMs, Math.max(everyMs, failedEveryMsMax)));
    }
  }

  async #fetch(agreement: Agreement, fetched: Fetched): Promise<void> {
    const { renew, sourceOf } = this.#options;
    let answer = await this.#ask(agreement, fetched, await sourceOf(agreement.id));
    if (answer.status === 401 || answer.status === 403) {
      await renew(agreement.id);
      answer = await this.#ask(agreement, fetched, await sourceOf(agreement.id));
    }
    if (answer.status === 304 || !this.#fetched.has(agreement.id)) return;
    if (answer.status !== 200) {
      const peer = this.#options.peers.nameOf(agreement.provider);
      throw new ComityError("PEER_UNREACHABLE", { peer, problem: `it answers ${answer.status}` });
    }
    await this.#take(agreement, answer.bytes ?? Buffer.from(answer.body));
    fetched.etag = answer.etag;
    this.#say(agreement, fetched, "is fetched over HTTP");
  }

  #ask(agreement: Agreement, { etag }: Fetched, source: HttpSource): Promise<OutboundAnswer> {
    const { outbound, peers, answerBytesMax = answerBytesMaxDefault } = this.#options;
    const { url, authorization } = source;
    return outbound.call({
      method: "GET",
      url,
      headers: {
        accept: "*/*",
        ...(authorization === undefined ? {} : { authorization }),
        ...(etag === undefined ? {} : { "if-none-match": etag }),
      },
      trustedOrigin: peers.dataOrigin(agreement.provider, url),
      bytesMax: answerBytesMax,
    });
  }

  /** One commit for the log; then it is handed on and counted. */
  #take(agreement: Agreement, payload: Buffer): Promise<void> {
    const { clock, entropy, flow, peers, store } = this.#options;
    const provider = peers.nameOf(agreement.provider);
    const log = `from/${provider}/${levelOf(agreement.product)}`;
    return this.#turns.take(log, async () => {
      const state = await store.log(log);
      const first = state?.end ?? 0;
      const topic = `${log}/data`;
      const run = Run.of(topic, payload, { qos: 1, retain: true, publisher: agreement.provider });
      // in a log the topics stand as their provider has them
      const packets = Run.of("data", payload).packets;
      const about = { first, next: first + 1, count: 1, payloadBytes: payload.length };
      const block = {
        log,
        epoch: state?.epoch ?? entropy.uuid(),
        ...about,
        at: clock.now(),
        packets,
      };
      const known = await store.get<ReceivedDoc>("received", agreement.id);
      const { epoch } = block;
      const received = { log, epoch, from: known?.from ?? first, to: first + 1 };
      await store.commit([{ op: "append", block }, beginning(agreement.id, received)]);
      flow.outside.usage.handedOver(agreement.id).add(1, payload.length);
      run.isReceived = true;
      flow.received.advanced({ name: log, epoch, from: first, end: first + 1 });
      await flow.publish(run);
    });
  }

  #say(agreement: Agreement, fetched: Fetched, what: string): void {
    if (fetched.said === what || this.#closed) return;
    fetched.said = what;
    const provider = this.#options.peers.nameOf(agreement.provider);
    const text = `${agreement.title} from ${provider} ${what}`;
    const at = this.#options.clock.now();
    this.#options.journal.record({ at, kind: "http.fetch", text, agreement: agreement.id });
  }
}

/** Another connector's dataset id as one level of a topic. */
function levelOf(dataset: string): string {
  return dataset.replaceAll(/[^\w.~:-]/g, "-").slice(0, 200);
}
