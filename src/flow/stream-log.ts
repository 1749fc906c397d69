import type { Clock } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { LogBlock, Store, Write } from "../ports/store.ts";
import { Lineage, type LogRun } from "./lineage.ts";
import { type Fresh, Producers } from "./producers.ts";
import type { Run } from "./run.ts";

interface Batch {
  readonly packets: Buffer[];
  /** To be delivered, each with where in the batch it begins. */
  readonly runs: (readonly [run: Run, at: number])[];
  /** What is to be durable with the messages or not at all. */
  readonly writes: Write[];
  readonly producers: Map<string, number>;
  count: number;
  payloadBytes: number;
  /** Of the packets. */
  bytes: number;
  readonly done: Promise<void>;
  readonly settle: (failure?: unknown) => void;
}

interface Outside {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly crash: Crash;
  /** Delivers committed messages to who subscribes here. */
  readonly deliver: (run: Run) => void;
  /** Messages stay as they came: repeats too, QoS and retain in their first byte. */
  readonly isVerbatim?: boolean;
}

const tailBytesMax = 8_388_608;

/**
 * The log of one logged product: appends in order, one commit under way and the next batch
 * gathering behind it; acknowledges and delivers only what is committed. A message that carries
 * `producer` and `seq` is taken once, whatever is repeated.
 */
export class StreamLog {
  readonly name: string;
  readonly epoch: string;
  readonly #outside: Outside;
  readonly lineage: Lineage;
  readonly #producers: Producers;
  readonly #listeners = new Set<() => void>();
  /** The latest committed blocks, so that who follows closely needs no disk. */
  readonly #tail: LogBlock[] = [];
  #tailBytes = 0;
  #end: number;
  #hasBegun = false;
  #gathering: Batch | undefined;
  #committing: Batch | undefined;
  #failure: unknown;

  private constructor(
    name: string,
    epoch: string,
    end: number,
    producers: Producers,
    lineage: Lineage,
    outside: Outside,
  ) {
    this.name = name;
    this.lineage = lineage;
    this.epoch = epoch;
    this.#end = end;
    this.#producers = producers;
    this.#outside = outside;
  }

  static async open(name: string, outside: Outside): Promise<StreamLog> {
    const state = await outside.store.log(name);
    const producers = new Producers(name, await outside.store.producers(name));
    const epoch = state?.epoch ?? outside.entropy.uuid();
    const runs = await outside.store.get<readonly LogRun[]>("log-run", name);
    const lineage = new Lineage(runs ?? []);
    return new StreamLog(name, epoch, state?.end ?? 0, producers, lineage, outside);
  }

  /** The position after the last committed message. */
  get end(): number {
    return this.#end;
  }

  /** Bytes taken in and not yet durable; publishers are slowed when this grows. */
  get pendingBytes(): number {
    const bytes = (batch: Batch | undefined): number => batch?.bytes ?? 0;
    return bytes(this.#gathering) + bytes(this.#committing);
  }

  /**
   * Resolves when the run is durable; then it is delivered, unless another log does that.
   * LIMIT_REACHED where its publisher has used too many names of producers: none of it is taken.
   * `writes` are committed with it.
   */
  append(run: Run, delivers = true, writes: readonly Write[] = []): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const isVerbatim = this.#outside.isVerbatim === true;
    const fresh: Fresh | ComityError = isVerbatim ? { run } : this.#producers.take(run);
    if (fresh instanceof ComityError) return Promise.reject(fresh);
    const { run: kept } = fresh;
    if (delivers) run.repeats = run.count - (kept?.count ?? 0);
    if (kept === undefined) {
      // All of it came before: acknowledged when that is durable.
      if (writes.length > 0) return this.#outside.store.commit(writes);
      return this.#gathering?.done ?? this.#committing?.done ?? Promise.resolve();
    }
    const batch = (this.#gathering ??= newBatch());
    for (const [producer, seq] of fresh.latest ?? []) batch.producers.set(producer, seq);
    const flags = (kept.qos << 1) | (kept.retain ? 1 : 0);
    const packets = isVerbatim ? kept.encodeFor(5, { flags }) : kept.encoded(5);
    batch.packets.push(packets);
    batch.bytes += packets.length;
    batch.writes.push(...writes);
    if (delivers) batch.runs.push([kept, batch.count]);
    batch.count += kept.count;
    batch.payloadBytes += kept.payloadBytes;
    if (this.#committing === undefined) this.#scheduleCommit();
    return batch.done;
  }

  /** What stands before the position is kept no longer. */
  trimmed(begins: number): void {
    while (this.#tail.length > 0 && this.#tail[0]!.next <= begins) {
      this.#tailBytes -= this.#tail.shift()!.packets.length;
    }
  }

  /** Called after every commit. Returns the function that stops listening. */
  onCommitted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Blocks with messages at or after the position, from memory where it can. */
  async read(after: number, bytesMax: number): Promise<readonly LogBlock[]> {
    const oldest = this.#tail[0];
    if (oldest === undefined || oldest.first > after) {
      return this.#outside.store.readLog(this.name, after, bytesMax);
    }
    const blocks: LogBlock[] = [];
    let bytes = 0;
    for (let i = this.#indexAfter(after); i < this.#tail.length; i++) {
      const block = this.#tail[i]!;
      blocks.push(block);
      bytes += block.packets.length;
      if (bytes >= bytesMax) break;
    }
    return blocks;
  }

  /** Where in the tail the first block stands that has messages at or after the position. */
  #indexAfter(position: number): number {
    let low = 0;
    let high = this.#tail.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#tail[middle]!.next <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Resolves when everything taken in is durable. */
  async flushed(): Promise<void> {
    while (this.#gathering ?? this.#committing) await (this.#gathering ?? this.#committing)!.done;
  }

  #scheduleCommit(): void {
    // At the end of the turn, so that all that arrived in it shares the commit.
    setImmediate(() => {
      this.#commit().catch((failure: unknown) => {
        // What is committed stands; whoever publishes next hears of it.
        this.#failure = failure;
      });
    });
  }

  async #commit(): Promise<void> {
    const batch = this.#gathering;
    if (batch === undefined || this.#committing !== undefined) return;
    this.#gathering = undefined;
    this.#committing = batch;
    const { store, clock, crash } = this.#outside;
    const block: LogBlock = {
      log: this.name,
      epoch: this.epoch,
      first: this.#end,
      next: this.#end + batch.count,
      count: batch.count,
      payloadBytes: batch.payloadBytes,
      at: clock.now(),
      packets: Buffer.concat(batch.packets),
    };
    try {
      crash("log.appending");
      await store.commit([
        { op: "append", block, producers: batch.producers },
        ...this.#beginning(block.first),
        ...batch.writes,
      ]);
      crash("log.committed");
    } catch (failure) {
      this.#fail(failure, batch);
      return;
    }
    this.#end = block.next;
    this.#keep(block);
    this.#committing = undefined;
    if (this.#gathering !== undefined) this.#scheduleCommit();
    batch.settle();
    for (const [run, at] of batch.runs) {
      const position = block.first + at;
      run.at = block.at;
      run.place = { log: this, position, next: position + run.count };
      this.#outside.deliver(run);
    }
    for (const listener of this.#listeners) listener();
  }

  /** With this start's first block it is written down who writes from there on. */
  #beginning(from: number): Write[] {
    if (this.#hasBegun) return [];
    this.#hasBegun = true;
    this.lineage.begin({ id: this.#outside.entropy.uuid().slice(0, 8), from });
    return [{ op: "put", kind: "log-run", id: this.name, doc: this.lineage.runs }];
  }

  #fail(failure: unknown, batch: Batch): void {
    this.#failure = failure;
    this.#committing = undefined;
    batch.settle(failure);
    this.#gathering?.settle(failure);
    this.#gathering = undefined;
  }

  #keep(block: LogBlock): void {
    this.#tail.push(block);
    this.#tailBytes += block.packets.length;
    while (this.#tailBytes > tailBytesMax && this.#tail.length > 1) {
      this.#tailBytes -= this.#tail.shift()!.packets.length;
    }
  }
}

function newBatch(): Batch {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Who published may be gone by then; a failure is told to whoever still waits.
  promise.catch(() => {});
  return {
    packets: [],
    runs: [],
    writes: [],
    producers: new Map(),
    count: 0,
    payloadBytes: 0,
    bytes: 0,
    done: promise,
    settle: (failure) => (failure === undefined ? resolve() : reject(failure)),
  };
}
