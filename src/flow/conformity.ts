import type { Mark } from "../kernel/mark.ts";
import { departureOf } from "../market/commission/departure.ts";
import type { Commission } from "../market/commission/document.ts";
import type { Flow } from "./flow.ts";
import type { Passage } from "./passage.ts";
import type { Receiver } from "./subscription.ts";
import type { Run } from "./run.ts";

/** So many last messages are remembered: an hour's at the pace they are looked at. */
const lookedAtMax = 360;
/** One message in so long, however many come; sooner where it was withheld. */
const everyMsDefault = 10_000;
const withheldMs = 1_000;
/** Larger ones are not parsed for this. */
const payloadBytesMax = 1_048_576;
/** Fewer, and the mark says that they depart. */
const conformingShareMin = 0.99;
const departuresMax = 3;
/** A measure that changes with each message is told so often; another verdict at once. */
const toldEveryMs = 60_000;

interface Look {
  readonly at: number;
  readonly departure: string | undefined;
}

export interface Watched {
  readonly commission: Commission;
  readonly filters: readonly string[];
  /** What is let through of them; absent: all. */
  readonly passage?: Passage;
  readonly everyMs?: number | undefined;
  /** Told when the mark says something else. */
  readonly onTold: () => void;
}

/** Looks at one message of a stream now and then, and counts whether it is as a vocabulary says. */
export class Conformity implements Receiver {
  readonly #flow: Flow;
  readonly #watched: Watched;
  readonly #unsubscribe: () => void;
  #looks: Look[] = [];
  #lookAgainAt = Number.NEGATIVE_INFINITY;
  #told: Mark;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(flow: Flow, watched: Watched) {
    this.#flow = flow;
    this.#watched = watched;
    this.#told = this.#mark();
    this.#unsubscribe = flow.router.subscribeAll(watched.filters, this);
  }

  get mark(): Mark {
    return this.#told;
  }

  receive(run: Run): void {
    const now = this.#flow.outside.clock.now();
    const { passage, everyMs = everyMsDefault } = this.#watched;
    const isSetBack = now < this.#lookAgainAt - everyMs; // the clock
    if (now < this.#lookAgainAt && !isSetBack) return;
    this.#lookAgainAt = now + Math.min(withheldMs, everyMs);
    const last = run.last();
    const passed = passage === undefined ? last : passage.pass(last, run.at ?? now).run;
    if (passed === undefined) return;
    this.#lookAgainAt = now + everyMs;
    this.look(passed.lastPayload(), now);
  }

  /** A message as it is received, and when it was looked at. */
  look(payload: Uint8Array, at: number): void {
    if (payload.length > payloadBytesMax) return;
    const departure = departureOf(payload, this.#watched.commission.document);
    this.#looks.push({ at, departure });
    if (this.#looks.length > lookedAtMax) this.#looks.shift();
    const mark = this.#mark();
    if (mark.state === this.#told.state && Math.abs(at - this.#toldAt) < toldEveryMs) return;
    this.#told = mark;
    this.#toldAt = at;
    this.#watched.onTold();
  }

  close(): void {
    this.#unsubscribe();
  }

  #mark(): Mark {
    const { hash, document } = this.#watched.commission;
    const { issuer, sector, version } = document;
    const departures = this.#looks.flatMap(({ departure }) => departure ?? []);
    const checked = this.#looks.length;
    const conforming = checked - departures.length;
    const isConforming = conforming >= checked * conformingShareMin;
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    return {
      ...{ issuer, sector, version, hash, checked, conforming },
      state: checked === 0 ? "unchecked" : isConforming ? "conforming" : "departing",
      ...(first && { since: new Date(first.at).toISOString() }),
      ...(last && { until: new Date(last.at).toISOString() }),
      ...(departures.length > 0 && { departures: mostFrequent(departures) }),
    };
  }
}

function mostFrequent(texts: readonly string[]): NonNullable<Mark["departures"]> {
  const groups = Map.groupBy(texts, (text) => text);
  return [...groups]
    .map(([text, all]) => ({ text, count: all.length }))
    .sort((a, b) => b.count - a.count)
    .slice(0, departuresMax);
}
