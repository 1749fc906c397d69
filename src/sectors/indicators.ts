import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { filterProblem, overlaps } from "../kernel/topic.ts";
import { Turns } from "../kernel/turns.ts";
import type { Store } from "../ports/store.ts";
import { type CountedFaults, Faults } from "./faults.ts";
import type { Figure, GoalContribution, Indicator, IndicatorKind } from "./sector.ts";
import type { Sector, Settings } from "./sector.ts";
import { settingsOf } from "./settings.ts";

/** An indicator as it is kept. */
export interface IndicatorDoc {
  readonly id: string;
  readonly sector: string;
  readonly kind: string;
  /** What it follows. */
  readonly filters: readonly string[];
  /** What it was told; absent: nothing. */
  readonly settings?: Settings;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

export interface NewIndicator {
  /** Absent: the kind's name. */
  readonly id?: string;
  readonly kind: string;
  readonly filters: readonly string[];
  readonly settings?: Settings;
}

/** What came of one filter since the node started. */
export interface FollowedStream {
  readonly filter: string;
  readonly messages: number;
  /** ISO 8601, UTC: when the first and the last came. */
  readonly firstAt?: string;
  readonly lastAt?: string;
}

/** How it goes, since the node started. */
export interface IndicatorState extends CountedFaults {
  /** Its figures stand below. */
  readonly topic: string;
  readonly title: string;
  readonly unit: string;
  readonly formula: string;
  readonly source?: string;
  readonly goal?: GoalContribution;
  readonly messages: number;
  readonly streams: readonly FollowedStream[];
  /** How many keys have a figure. */
  readonly keys: number;
}

export type IndicatorSummary = IndicatorDoc & IndicatorState;

/** The figure of one key, as it was published last. */
export type KeyFigure = Figure & { readonly key: string; readonly observedAt: string };

export interface IndicatorsOutside {
  readonly clock: Clock;
  subscribe(
    filter: string,
    onMessage: (message: { readonly topic: string; readonly payload: Uint8Array }) => void,
  ): () => void;
  /** Retained: who comes later sees the last figure. */
  publishFigure(topic: string, payload: Uint8Array, publisher: string): Promise<void>;
}

const kindOfDocs = "indicator";
const indicatorsMax = 100;
const filtersMax = 16;
const keysMax = 10_000;
/** So long a figure stands that its indicator does not say again. */
const figureAgeMs = 7 * 86_400_000;
const beatMs = 5_000;

/** The node's indicators: kept, started with it, each following its streams. */
export class Indicators {
  readonly #store: Store;
  readonly #outside: IndicatorsOutside;
  readonly #kinds = new Map<string, { readonly sector: string; readonly kind: IndicatorKind }>();
  readonly #runs = new Map<string, IndicatorRun>();
  readonly #turns = new Turns();
  readonly #beat: NodeJS.Timeout;

  private constructor(store: Store, outside: IndicatorsOutside, sectors: readonly Sector[]) {
    this.#store = store;
    this.#outside = outside;
    for (const { name: sector, indicators } of sectors) {
      for (const [name, kind] of Object.entries(indicators))
        this.#kinds.set(name, { sector, kind });
    }
    this.#beat = setInterval(() => {
      for (const run of this.#runs.values()) run.beat();
    }, beatMs).unref();
  }

  static async open(
    store: Store,
    outside: IndicatorsOutside,
    sectors: readonly Sector[],
  ): Promise<Indicators> {
    const indicators = new Indicators(store, outside, sectors);
    for (const { doc } of await store.list<IndicatorDoc>(kindOfDocs)) {
      const known = indicators.#kinds.get(doc.kind);
      if (known) indicators.#runs.set(doc.id, new IndicatorRun(doc, known.kind, outside));
    }
    return indicators;
  }

  /** Those that are kept begin to follow. */
  start(): void {
    for (const run of this.#runs.values()) run.start();
  }

  list(): readonly IndicatorSummary[] {
    return [...this.#runs.values()].map((run) => run.summary);
  }

  /** Its figures by key, brought up to date; NOT_FOUND where there is no such indicator. */
  figures(id: string): readonly KeyFigure[] {
    const run = this.#need(id);
    run.beat();
    return run.figures();
  }

  /** Kept, then following. BODY_INVALID names what is wrong with it. */
  async add({ id, kind: name, filters, settings: told }: NewIndicator): Promise<IndicatorSummary> {
    const known = this.#kinds.get(name);
    if (!known) throw new ComityError("NOT_FOUND", { what: "indicator kind", id: name });
    const problem = filtersProblem(filters);
    if (problem !== undefined) throw new ComityError("BODY_INVALID", { problem });
    const settings = settingsOf(known.kind.settings, told);
    return this.#turns.take("indicators", async () => {
      if (this.#runs.size >= indicatorsMax) {
        throw new ComityError("LIMIT_REACHED", { limit: indicatorsMax, what: "indicators" });
      }
      const doc: IndicatorDoc = {
        id: id ?? name,
        sector: known.sector,
        kind: name,
        filters: [...filters],
        ...(known.kind.settings && { settings }),
        createdAt: new Date(this.#outside.clock.now()).toISOString(),
      };
      const run = new IndicatorRun(doc, known.kind, this.#outside);
      await this.#store.commit([{ op: "add", kind: kindOfDocs, id: doc.id, doc }]);
      this.#runs.set(doc.id, run);
      run.start();
      return run.summary;
    });
  }

  /** What it published stays. */
  async remove(id: string): Promise<void> {
    await this.#turns.take("indicators", async () => {
      const run = this.#need(id);
      await this.#store.commit([{ op: "remove", kind: kindOfDocs, id }]);
      this.#runs.delete(id);
      await run.stop();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    await this.#turns.settled();
    await Promise.all([...this.#runs.values()].map((run) => run.stop()));
  }

  #need(id: string): IndicatorRun {
    const run = this.#runs.get(id);
    if (!run) throw new ComityError("NOT_FOUND", { what: "indicator", id });
    return run;
  }
}

function filtersProblem(filters: readonly string[]): string | undefined {
  if (filters.length === 0 || filters.length > filtersMax) {
    return `an indicator follows 1 to ${filtersMax} filters, not ${filters.length}`;
  }
  for (const filter of filters) {
    const problem = filterProblem(filter);
    if (problem !== undefined) return `filter "${filter}" ${problem}`;
    if (filter.startsWith("$")) return `filter "${filter}" is the node's own`;
    // two that follow each other would never come to rest
    if (overlaps(filter, "indicators/#")) return `filter "${filter}" reaches into indicators/`;
  }
  return undefined;
}

interface Stream {
  readonly filter: string;
  messages: number;
  /** Unix milliseconds. */
  firstAt?: number;
  lastAt?: number;
}

interface SaidFigure {
  readonly text: string;
  readonly figure: KeyFigure;
  /** Unix milliseconds. */
  readonly saidAt: number;
}

class IndicatorRun {
  readonly #doc: IndicatorDoc;
  readonly #kind: IndicatorKind;
  readonly #outside: IndicatorsOutside;
  readonly #indicator: Indicator;
  /** Said the longest ago first. */
  readonly #figures = new Map<string, SaidFigure>();
  readonly #faults: Faults;
  readonly #streams: readonly Stream[];
  #ends: readonly (() => void)[] = [];
  #publishing: Promise<unknown> = Promise.resolve();

  constructor(doc: IndicatorDoc, kind: IndicatorKind, outside: IndicatorsOutside) {
    this.#doc = doc;
    this.#kind = kind;
    this.#outside = outside;
    this.#faults = new Faults(outside.clock);
    this.#streams = doc.filters.map((filter) => ({ filter, messages: 0 }));
    this.#indicator = kind.open({
      clock: outside.clock,
      settings: doc.settings ?? {},
      publish: (key, figure) => this.#publish(key, figure),
      fault: (fault) => this.#faults.add(fault),
    });
  }

  get summary(): IndicatorSummary {
    const { title, unit, formula, source, goal } = this.#kind;
    return {
      ...this.#doc,
      ...{ title, unit, formula, ...(source !== undefined && { source }), ...(goal && { goal }) },
      topic: this.#topic,
      messages: this.#streams.reduce((sum, { messages }) => sum + messages, 0),
      streams: this.#streams.map(({ filter, messages, firstAt, lastAt }) => ({
        ...{ filter, messages },
        ...(firstAt !== undefined && { firstAt: new Date(firstAt).toISOString() }),
        ...(lastAt !== undefined && { lastAt: new Date(lastAt).toISOString() }),
      })),
      keys: this.#figures.size,
      ...this.#faults.counted(),
    };
  }

  figures(): readonly KeyFigure[] {
    return [...this.#figures.values()]
      .map(({ figure }) => figure)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  start(): void {
    this.#ends = this.#streams.map((stream) =>
      this.#outside.subscribe(stream.filter, (message) => {
        const now = this.#outside.clock.now();
        stream.messages++;
        stream.firstAt ??= now;
        stream.lastAt = now;
        this.#guarded(() => this.#indicator.take(message));
      }),
    );
  }

  beat(): void {
    this.#guarded(() => this.#indicator.beat?.());
    this.#giveUpOld();
  }

  /** Resolves when what it has said is published. */
  async stop(): Promise<void> {
    for (const end of this.#ends) end();
    this.#ends = [];
    await this.#publishing;
  }

  get #topic(): string {
    return `indicators/${this.#doc.sector}/${this.#doc.id}`;
  }

  /** What an indicator cannot read is its fault to count, not the publisher's to hear. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#faults.add({ code: "unreadable", text: problemOf(thrown) });
    }
  }

  #publish(key: string, figure: Figure): void {
    const text = JSON.stringify(figure);
    const before = this.#figures.get(key);
    this.#figures.delete(key); // what was said last stands last
    if (before === undefined && this.#figures.size >= keysMax) this.#giveUpOldest();
    const now = this.#outside.clock.now();
    if (before?.text === text) {
      this.#figures.set(key, { ...before, saidAt: now });
      return;
    }
    const whole: KeyFigure = {
      key,
      unit: this.#kind.unit,
      ...figure,
      observedAt: new Date(now).toISOString(),
    };
    this.#figures.set(key, { text, figure: whole, saidAt: now });
    this.#tell(key, Buffer.from(JSON.stringify({ indicator: this.#doc.kind, ...whole })));
  }

  /** Vehicles, wards and machines come and go: a figure nobody renews makes room, then ends. */
  #giveUpOld(): void {
    const since = this.#outside.clock.now() - figureAgeMs;
    for (const [key, { saidAt }] of this.#figures) {
      if (saidAt >= since) return;
      this.#giveUp(key);
    }
  }

  #giveUpOldest(): void {
    const [oldest] = this.#figures.keys();
    if (oldest === undefined) return;
    this.#giveUp(oldest);
    const text = `more than ${keysMax} keys: ${oldest}, not said the longest, is given up`;
    this.#faults.add({ code: "keys", text });
  }

  #giveUp(key: string): void {
    this.#figures.delete(key);
    this.#tell(key, Buffer.alloc(0)); // removes the retained figure, MQTT 5 §3.3.1.3
  }

  #tell(key: string, payload: Uint8Array): void {
    const publisher = `indicator ${this.#doc.id}`;
    const done = this.#outside.publishFigure(`${this.#topic}/${key}`, payload, publisher);
    this.#publishing = Promise.all([this.#publishing, done]).catch((thrown: unknown) =>
      this.#faults.add({ code: "publish", text: problemOf(thrown) }),
    );
  }
}
