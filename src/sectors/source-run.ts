import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { Answers } from "./answers.ts";
import { type CountedFaults, Faults, type Told } from "./faults.ts";
import { Lines } from "./lines.ts";
import type {
  DescribedThing,
  SourceKept,
  SourceKind,
  SourceReader,
  SourceReading,
  SourceWay,
} from "./sector.ts";

/** A source as it is kept. */
export interface SourceDoc {
  readonly id: string;
  readonly sector: string;
  readonly kind: string;
  readonly from: { readonly way: SourceWay; readonly address: string };
  /** Between two readings of a URL or a file. */
  readonly everySeconds: number;
  /** Its messages stand below. */
  readonly topic: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** How it goes, since the node started. Times are milliseconds since the Unix epoch. */
export interface SourceState extends CountedFaults {
  readonly reads: number;
  readonly messages: number;
  readonly lastReadAt?: number;
  /** Why nothing could be read, the last time that happened. */
  readonly lastError?: Told;
  /** Failures one after the other until now. */
  readonly failures: number;
}

/** Something fetched or read; undefined where it is what it was. */
export type Fetched = { readonly bytes: Uint8Array; readonly tag?: string } | undefined;

export interface SourceOutside {
  readonly clock: Clock;
  readonly journal: Journal;
  /** `tag`: of what was fetched last; throws ADDRESS_FORBIDDEN or PEER_UNREACHABLE. */
  fetch(url: string, ask: FetchOptions): Promise<Fetched>;
  /** Bytes as they come; `onEnd` is told once why there are no more. Returns what ends it. */
  connect(
    address: string,
    onBytes: (bytes: Uint8Array) => void,
    onEnd: (problem: string) => void,
  ): () => void;
  /** Throws where it cannot be read or is too large. */
  readFile(path: string, ask: FetchOptions): Promise<Fetched>;
  /** Retained messages first; returns what ends it. */
  subscribe(
    filter: string,
    onMessage: (message: { readonly topic: string; readonly payload: Uint8Array }) => void,
  ): () => void;
  /** Names under a key of the node that is this topic's alone. */
  pseudonyms(topic: string): (value: string) => string;
  /** Resolves when it is durable, where it is logged. */
  publish(message: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly publisher: string;
    readonly qos: 0 | 1;
    readonly retain: boolean;
  }): Promise<void>;
  /** Kept in the directory; its topics are below the source's. Throws TD_INVALID, LIMIT_REACHED. */
  describe(thing: DescribedThing, sourceTopic: string): Promise<void>;
}

export interface FetchOptions {
  readonly accept: string;
  readonly bytesMax: number;
  readonly tag: string | undefined;
}

const failedEveryMsMax = 600_000;
/** Of a followed topic, until it is published: a device that was offline says all it kept at once. */
const waitingMax = 20_000;
const waitingBytesMax = 67_108_864;

/** One source at work: polls or follows, publishes what its reader makes of it, and keeps count. */
export class SourceRun {
  readonly doc: SourceDoc;
  readonly #kind: SourceKind;
  #reader: SourceReader | undefined;
  readonly #outside: SourceOutside;
  #timer: NodeJS.Timeout | undefined;
  #unfollow = (): void => {};
  /** Reading, one after the other. */
  #work: Promise<void> = Promise.resolve();
  /** How that went, in the same order. */
  #told: Promise<void> = Promise.resolve();
  #waiting = 0;
  #waitingBytes = 0;
  #stopped = false;
  #tag: string | undefined;
  #reads = 0;
  #messages = 0;
  #failures = 0;
  #lastReadAt: number | undefined;
  readonly #faults: Faults;
  readonly #answers: Answers;
  #lastError: Told | undefined;

  constructor(doc: SourceDoc, kind: SourceKind, outside: SourceOutside) {
    this.doc = doc;
    this.#kind = kind;
    this.#outside = outside;
    this.#faults = new Faults(outside.clock);
    this.#answers = new Answers(kind, outside.clock, (fault) => this.#faults.add(fault));
  }

  get state(): SourceState {
    return {
      reads: this.#reads,
      messages: this.#messages,
      failures: this.#failures,
      ...this.#faults.counted(),
      ...(this.#lastReadAt !== undefined && { lastReadAt: this.#lastReadAt }),
      ...(this.#lastError && { lastError: this.#lastError }),
    };
  }

  /** Before anybody can ask: a node that died did not say that its source had ended. */
  async settle(): Promise<void> {
    this.#say((reader) => reader.end?.());
    await this.#work;
    await this.#told;
  }

  start(): void {
    const { way, address } = this.doc.from;
    if (way === "topic") {
      const kept = this.#kept();
      this.#say((reader) => reader.begin?.(kept));
      this.#unfollow = this.#outside.subscribe(address, ({ topic, payload }) => {
        this.#follow(topic, Buffer.from(payload));
      });
    } else if (way === "tcp") this.#connect(address);
    else this.#next(0);
  }

  /** Resolves when what it has taken is published. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#unfollow();
    await this.settle();
  }

  /** What a reader says of itself stands in order with what it makes of messages. */
  #say(words: (reader: SourceReader) => SourceReading | undefined): void {
    if (this.#kind.answersOn === undefined) return;
    void this.#queue(async () => words(await this.#opened()));
  }

  /** Retained messages of an earlier run, below its topic. */
  #kept(): readonly SourceKept[] {
    if (this.#kind.answersOn === undefined) return [];
    const kept: SourceKept[] = [];
    const own = `${this.doc.topic}/`;
    const end = this.#outside.subscribe(`${own}#`, ({ topic, payload }) => {
      kept.push({ topic: topic.slice(own.length), payload: Buffer.from(payload) });
    });
    end();
    return kept;
  }

  #next(waitMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      const { way, address } = this.doc.from;
      if (way === "tcp") this.#connect(address);
      else this.#work = this.#round();
    }, waitMs).unref();
  }

  /** Whole lines are read; a line longer than is allowed is a fault, and skipped to its end. */
  #connect(address: string): void {
    const lines = new Lines(this.#kind.bytesMax, (text) => {
      this.#faults.add({ code: "size", text });
    });
    try {
      this.#unfollow = this.#outside.connect(
        address,
        (bytes) => {
          const whole = lines.add(bytes);
          if (whole.length > 0) this.#follow(address, whole);
        },
        (problem) => this.#retry(new ComityError("PEER_UNREACHABLE", { peer: address, problem })),
      );
    } catch (thrown) {
      this.#retry(thrown);
    }
  }

  /** Ever more rarely. */
  #retry(thrown: unknown): void {
    if (this.#stopped) return;
    this.#failed(thrown);
    const everyMs = this.doc.everySeconds * 1000;
    const waitMs = everyMs * 2 ** Math.min(this.#failures - 1, 16);
    this.#next(Math.min(waitMs, Math.max(everyMs, failedEveryMsMax)));
  }

  async #round(): Promise<void> {
    try {
      const fetched = await this.#fetch();
      if (fetched !== undefined && !this.#stopped)
        await this.#publish(await this.#read(fetched.bytes, this.doc.from.address));
      this.#tag = fetched === undefined ? this.#tag : fetched.tag;
      this.#recovered();
      this.#next(this.doc.everySeconds * 1000);
    } catch (thrown) {
      this.#retry(thrown);
    }
  }

  #fetch(): Promise<Fetched> {
    const { way, address } = this.doc.from;
    const { accept = "*/*", bytesMax } = this.#kind;
    const ask = { accept, bytesMax, tag: this.#tag };
    return way === "url" ? this.#outside.fetch(address, ask) : this.#outside.readFile(address, ask);
  }

  /** One after the other; what comes while too much waits is a fault, not a growing queue. */
  #follow(topic: string, bytes: Buffer): void {
    const { length } = bytes;
    const isOver = this.#waiting >= waitingMax || this.#waitingBytes + length > waitingBytesMax;
    if (isOver || length > this.#kind.bytesMax) {
      const text = `a message of ${length} bytes on ${topic} was left out`;
      this.#faults.add({ code: isOver ? "overrun" : "size", text });
      return;
    }
    this.#waiting++;
    this.#waitingBytes += length;
    void this.#queue(() => this.#read(bytes, topic)).finally(() => {
      this.#waiting--;
      this.#waitingBytes -= length;
    });
  }

  /** Readings come in order; those before may still be on their way to the disk. */
  #queue(read: () => Promise<SourceReading | undefined>): Promise<void> {
    const turn = this.#work.then(async () => ({ published: this.#publish(await read()) }));
    this.#work = turn.then(
      () => {},
      () => {},
    );
    const published = turn.then(async (begun) => begun.published);
    this.#told = Promise.allSettled([this.#told, published]).then(([, outcome]) => {
      if (outcome.status === "fulfilled") this.#recovered();
      else this.#failed(outcome.reason);
    });
    return this.#told;
  }

  async #read(bytes: Uint8Array, from: string): Promise<SourceReading> {
    const reading = (await this.#opened()).read({ bytes, from });
    this.#reads++;
    this.#lastReadAt = this.#outside.clock.now();
    return reading;
  }

  async #opened(): Promise<SourceReader> {
    this.#reader ??= await this.#kind.open({
      clock: this.#outside.clock,
      id: this.doc.id,
      pseudonym: this.#outside.pseudonyms(this.doc.topic),
    });
    return this.#reader;
  }

  /** All at once, so that a logged stream's share the commit. */
  async #publish(reading: SourceReading | undefined): Promise<void> {
    if (reading === undefined) return;
    const { messages, faults, answers, described = [] } = reading;
    for (const fault of faults) this.#faults.add(fault);
    const publisher = `source ${this.doc.id}`;
    const own = messages.map(({ topic: below, payload, retain = false }) => ({
      ...{ topic: `${this.doc.topic}/${below}`, qos: 1 as const, retain },
      payload: Buffer.from(JSON.stringify(payload)),
    }));
    const all = [...own, ...this.#answers.allowed(answers)];
    await Promise.all([
      ...all.map((message) => this.#outside.publish({ ...message, publisher })),
      ...described.map((thing) => this.#describe(thing)),
    ]);
    this.#messages += messages.length;
  }

  /** A stream whose Thing cannot be described is one all the same. */
  async #describe(thing: DescribedThing): Promise<void> {
    try {
      await this.#outside.describe(thing, this.doc.topic);
    } catch (thrown) {
      this.#faults.add({ code: "description", text: `${thing.id}: ${problemOf(thrown)}` });
    }
  }

  #failed(thrown: unknown): void {
    this.#failures++;
    const known = thrown instanceof ComityError ? `${thrown.code}: ` : "";
    this.#lastError = this.#faults.told(`${known}${problemOf(thrown)}`);
    if (this.#failures === 1) this.#tell(`cannot be read: ${problemOf(thrown)}`);
  }

  #recovered(): void {
    if (this.#failures > 0) this.#tell("is read again");
    this.#failures = 0;
  }

  #tell(what: string): void {
    const { clock, journal } = this.#outside;
    const { text } = this.#faults.told(`The source ${this.doc.id} ${what}`);
    journal.record({ at: clock.now(), kind: "source", text });
  }
}
