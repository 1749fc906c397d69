import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Composer, FollowedMessage, OutputKind, Sector } from "./sector.ts";

export interface OutputsOutside {
  readonly clock: Clock;
  subscribe(filter: string, onMessage: (message: FollowedMessage) => void): () => void;
  /** The last logged messages of a filter, oldest first, where it is logged. */
  readTail(filter: string, onMessage: (message: FollowedMessage) => void): Promise<void>;
}

/** What is answered to who asks for a feed. */
export interface ComposedFeed {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** A feed that is composed once. */
export interface FeedComposer extends Composer {
  readonly contentType: string;
}

/** A feed somebody asks for: it is composed of what came since the first question. */
interface Followed {
  readonly composer: Composer;
  readonly ready: Promise<void>;
  readonly end: () => void;
  askedAt: number;
}

const followedMax = 64;
/** What may come while a log is read. */
const earlyMax = 10_000;
/** A feed nobody asks for any more costs nothing. */
const idleMs = 600_000;

/** Native formats out, composed of topics while somebody asks for them. */
export class Outputs {
  readonly #outside: OutputsOutside;
  readonly #kinds = new Map<string, OutputKind>();
  readonly #followed = new Map<string, Followed>();
  readonly #sweep: NodeJS.Timeout;

  constructor(outside: OutputsOutside, sectors: readonly Sector[]) {
    this.#outside = outside;
    for (const { name: sector, outputs } of sectors) {
      for (const [name, kind] of Object.entries(outputs))
        this.#kinds.set(`${sector}/${name}`, kind);
    }
    this.#sweep = setInterval(() => this.#forgetIdle(), idleMs / 10).unref();
  }

  /** Begins with what is retained and what a log still has. NOT_FOUND, LIMIT_REACHED. */
  async compose(sector: string, output: string, filter: string): Promise<ComposedFeed> {
    const kind = this.#kinds.get(`${sector}/${output}`);
    if (!kind) throw new ComityError("NOT_FOUND", { what: "output", id: `${sector}/${output}` });
    const key = `${sector}/${output} ${filter}`;
    let followed = this.#followed.get(key);
    if (followed === undefined) {
      this.#forgetIdle();
      if (this.#followed.size >= followedMax) {
        throw new ComityError("LIMIT_REACHED", { limit: followedMax, what: "feeds composed" });
      }
      followed = this.#follow(kind, filter, key);
      this.#followed.set(key, followed);
    }
    followed.askedAt = this.#outside.clock.monotonic();
    await followed.ready;
    return { contentType: kind.contentType, body: followed.composer.compose() };
  }

  /** The names of a sector's feeds. */
  namesOf(sector: string): readonly string[] {
    const prefix = `${sector}/`;
    const names = [...this.#kinds.keys()].filter((name) => name.startsWith(prefix));
    return names.map((name) => name.slice(prefix.length));
  }

  /** A feed of just the messages it is given; undefined where the sector has none of that name. */
  composer(sector: string, output: string): FeedComposer | undefined {
    const kind = this.#kinds.get(`${sector}/${output}`);
    if (kind === undefined) return undefined;
    const composer = kind.open({ clock: this.#outside.clock });
    return {
      contentType: kind.contentType,
      take: (message) => takeIfOwn(composer, message),
      compose: () => composer.compose(),
    };
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const { end } of this.#followed.values()) end();
    this.#followed.clear();
  }

  /** What comes while the log is read stands after it: the later message counts. */
  #follow(kind: OutputKind, filter: string, key: string): Followed {
    const outside = this.#outside;
    const { clock } = outside;
    const composer = kind.open({ clock });
    const take = (message: FollowedMessage): void => takeIfOwn(composer, message);
    const early: FollowedMessage[] = [];
    let isReady = false;
    const end = outside.subscribe(filter, ({ topic, payload }) => {
      if (isReady) take({ topic, payload });
      else if (early.length < earlyMax) early.push({ topic, payload: Buffer.from(payload) });
    });
    const ready = outside.readTail(filter, take).then(() => {
      for (const message of early.splice(0)) take(message);
      isReady = true;
    });
    ready.catch(() => {
      end();
      this.#followed.delete(key);
    });
    return { composer, ready, end, askedAt: clock.monotonic() };
  }

  #forgetIdle(): void {
    const since = this.#outside.clock.monotonic() - idleMs;
    for (const [key, { askedAt, end }] of this.#followed) {
      if (askedAt >= since) continue;
      end();
      this.#followed.delete(key);
    }
  }
}

/** What is no message of the sector is no part of its feed. */
function takeIfOwn(composer: Composer, message: FollowedMessage): void {
  try {
    composer.take(message);
  } catch {
    // left out: a feed of the others is still one
  }
}
