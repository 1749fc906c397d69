import { ComityError } from "../kernel/errors.ts";
import { propertiesAt } from "../wire/mqtt/publish.ts";
import type { Run } from "./run.ts";

/** Names under which one publisher may number its messages; each is remembered for ever. */
const producersPerPublisherMax = 10_000;

/** What of a run is taken, and how far its producers have come with it. */
export interface Fresh {
  /** Undefined: all of it came before. */
  readonly run: Run | undefined;
  /** To be durable with it; absent: none of it is numbered. */
  readonly latest?: ReadonlyMap<string, number>;
}

/** How far the producers of one log have numbered their messages: what is repeated is known by that. */
export class Producers {
  readonly #log: string;
  readonly #latest: Map<string, number>;
  /** How many of them each publisher has. */
  readonly #counts = new Map<string, number>();

  constructor(log: string, known: ReadonlyMap<string, number>) {
    this.#log = log;
    this.#latest = new Map(known);
    for (const producer of known.keys()) {
      const publisher = publisherIn(producer);
      this.#counts.set(publisher, (this.#counts.get(publisher) ?? 0) + 1);
    }
  }

  /**
   * The run without the messages its producers sent before. SEQ_TOO_LARGE, and LIMIT_REACHED where
   * its publisher has used too many names of producers: none of it is taken.
   */
  take(run: Run): Fresh | ComityError {
    if (run.layout.version !== 5) return { run };
    const { packets } = run;
    const kept: Buffer[] = [];
    const latest = new Map<string, number>();
    let payloadBytes = 0;
    let tooLarge: ComityError | undefined;
    run.walk((place) => {
      const hasProperties = place.payloadAt - place.propertiesAt > 1;
      const origin = hasProperties && originOf(propertiesAt(packets, place).userProperties);
      if (origin instanceof ComityError) tooLarge ??= origin;
      else if (origin) {
        // One publisher cannot use up another's sequence numbers.
        const producer = `${run.publisher}/${origin.producer}`;
        const last = latest.get(producer) ?? this.#latest.get(producer) ?? 0;
        if (origin.seq <= last) return;
        latest.set(producer, origin.seq);
      }
      kept.push(packets.subarray(place.start, place.end));
      payloadBytes += place.end - place.payloadAt;
    });
    if (tooLarge !== undefined) return tooLarge;
    const refusal = latest.size === 0 ? undefined : this.#remember(run.publisher, latest);
    if (refusal !== undefined) return refusal;
    if (kept.length === run.count) return { run, latest };
    if (kept.length === 0) return { run: undefined, latest };
    return { run: run.with(kept, run.layout, payloadBytes), latest };
  }

  /** All of the publisher's sequence numbers or, where they are of too many producers, none. */
  #remember(publisher: string, latest: ReadonlyMap<string, number>): ComityError | undefined {
    let count = this.#counts.get(publisher) ?? 0;
    for (const producer of latest.keys()) if (!this.#latest.has(producer)) count++;
    if (count > producersPerPublisherMax) {
      const what = `producers of ${publisher} in ${this.#log}`;
      return new ComityError("LIMIT_REACHED", { limit: producersPerPublisherMax, what });
    }
    this.#counts.set(publisher, count);
    for (const [producer, seq] of latest) this.#latest.set(producer, seq);
    return undefined;
  }
}

/** Who publishes under a remembered producer; no name of a publisher has a slash. */
function publisherIn(producer: string): string {
  return producer.slice(0, producer.indexOf("/"));
}

/** The user properties that make a publisher's repeats recognisable; a number is told exactly. */
function originOf(
  userProperties: readonly (readonly [string, string])[] | undefined,
): { producer: string; seq: number } | ComityError | undefined {
  const find = (name: string): string | undefined =>
    userProperties?.find(([key]) => key === name)?.[1];
  const producer = find("producer");
  const text = find("seq");
  const seq = Number(text);
  if (producer === undefined || text === undefined || !(seq > 0)) return undefined;
  if (Number.isSafeInteger(seq)) return { producer, seq };
  const isCount = /^\d+$/.test(text);
  return isCount ? new ComityError("SEQ_TOO_LARGE", { seq: text.slice(0, 32) }) : undefined;
}
