import { ComityError } from "../kernel/errors.ts";
import { filterProblem, overlaps, topicProblem } from "../kernel/topic.ts";
import { Turns } from "../kernel/turns.ts";
import type { Store } from "../ports/store.ts";
import type { Sector, SourceKind, SourceWay } from "./sector.ts";
import { type SourceDoc, type SourceOutside, SourceRun, type SourceState } from "./source-run.ts";

export interface NewSource {
  /** Absent: made from the topic. */
  readonly id?: string;
  readonly kind: string;
  readonly from: { readonly way: SourceWay; readonly address: string };
  readonly everySeconds?: number;
  readonly topic: string;
}

export type Source = SourceDoc & SourceState;

const kindOfDocs = "source";
const sourcesMax = 100;
const everySecondsDefault = 30;
const everySecondsMax = 86_400;

/** The node's sources: kept, started with it, and each at work by itself. */
export class Sources {
  readonly #store: Store;
  readonly #outside: SourceOutside;
  readonly #kinds = new Map<string, { readonly sector: string; readonly kind: SourceKind }>();
  readonly #runs = new Map<string, SourceRun>();
  readonly #turns = new Turns();

  private constructor(store: Store, outside: SourceOutside, sectors: readonly Sector[]) {
    this.#store = store;
    this.#outside = outside;
    for (const { name: sector, sources } of sectors) {
      for (const [name, kind] of Object.entries(sources)) this.#kinds.set(name, { sector, kind });
    }
  }

  static async open(
    store: Store,
    outside: SourceOutside,
    sectors: readonly Sector[],
  ): Promise<Sources> {
    const sources = new Sources(store, outside, sectors);
    for (const { doc } of await store.list<SourceDoc>(kindOfDocs)) {
      const known = sources.#kinds.get(doc.kind);
      // kept by a version that knew more: it waits for that one
      if (known === undefined) continue;
      const run = new SourceRun(doc, known.kind, outside);
      sources.#runs.set(doc.id, run);
      await run.settle();
    }
    return sources;
  }

  /** Those that are kept begin. */
  start(): void {
    for (const run of this.#runs.values()) run.start();
  }

  list(): readonly Source[] {
    return [...this.#runs.values()].map(({ doc, state }) => ({ ...doc, ...state }));
  }

  /** NOT_FOUND where there is none. */
  need(id: string): Source {
    const run = this.#runs.get(id);
    if (!run) throw new ComityError("NOT_FOUND", { what: "source", id });
    return { ...run.doc, ...run.state };
  }

  /** Kept, then at work. BODY_INVALID names what is wrong with it. */
  async add(input: NewSource): Promise<Source> {
    const known = this.#kinds.get(input.kind);
    if (!known) throw new ComityError("NOT_FOUND", { what: "source kind", id: input.kind });
    const problem = sourceProblem(input, known.kind);
    if (problem !== undefined) throw new ComityError("BODY_INVALID", { problem });
    return this.#turns.take("sources", async () => {
      if (this.#runs.size >= sourcesMax) {
        throw new ComityError("LIMIT_REACHED", { limit: sourcesMax, what: "sources" });
      }
      const doc: SourceDoc = {
        id: input.id ?? this.#freeId(input.topic),
        sector: known.sector,
        kind: input.kind,
        from: { way: input.from.way, address: input.from.address },
        everySeconds: input.everySeconds ?? everySecondsDefault,
        topic: input.topic,
        createdAt: new Date(this.#outside.clock.now()).toISOString(),
      };
      await this.#store.commit([{ op: "add", kind: kindOfDocs, id: doc.id, doc }]);
      const run = new SourceRun(doc, known.kind, this.#outside);
      this.#runs.set(doc.id, run);
      run.start();
      return this.need(doc.id);
    });
  }

  /** What it published stays. */
  async remove(id: string): Promise<void> {
    await this.#turns.take("sources", async () => {
      this.need(id);
      await this.#store.commit([{ op: "remove", kind: kindOfDocs, id }]);
      const run = this.#runs.get(id);
      this.#runs.delete(id);
      await run?.stop();
    });
  }

  async close(): Promise<void> {
    await this.#turns.settled();
    await Promise.all([...this.#runs.values()].map((run) => run.stop()));
  }

  #freeId(topic: string): string {
    const base =
      topic
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "-")
        .slice(0, 56) || "source";
    for (let n = 1; ; n++) {
      const id = n === 1 ? base : `${base}-${n}`;
      if (!this.#runs.has(id)) return id;
    }
  }
}

function sourceProblem(input: NewSource, kind: SourceKind): string | undefined {
  const { way, address } = input.from;
  if (!kind.ways.includes(way)) {
    return `${input.kind} is read from ${kind.ways.join(" or ")}, not from ${way}`;
  }
  const { everySeconds = everySecondsDefault } = input;
  if (!(everySeconds >= 1 && everySeconds <= everySecondsMax)) {
    return `every ${everySeconds} s is not within 1 … ${everySecondsMax}`;
  }
  const wrong = topicProblem(input.topic) ?? topicProblem(`${input.topic}/${"-".repeat(400)}`);
  if (wrong !== undefined) return `topic "${input.topic}" ${wrong}`;
  if (/^(\$|from\/|indicators\/)/.test(`${input.topic}/`)) {
    return `topic "${input.topic}" is not one to publish under`;
  }
  if (way === "url" && !/^https?:$/.test(URL.parse(address)?.protocol ?? "")) {
    return `"${address.slice(0, 200)}" is no http address`;
  }
  if (way === "tcp" && !/^([a-z0-9.-]+|\[[0-9a-f:.]+\]):\d{1,5}$/i.test(address)) {
    return `"${address.slice(0, 200)}" is not HOST:PORT`;
  }
  if (way !== "topic") return undefined;
  const filter = filterProblem(address);
  if (filter !== undefined) return `filter "${address}" ${filter}`;
  // what it publishes would come in again, for ever
  if (overlaps(address, `${input.topic}/#`)) return `"${address}" reaches into its own topic`;
  return undefined;
}
