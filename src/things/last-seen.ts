/** The last that a Thing sent, as it came. */
export interface Seen {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly topic: string;
  /** Of the payload. */
  readonly bytes: number;
  /** Short text of the payload. */
  readonly summary: string;
}

type Listener = (seen: Seen) => void;

const summaryBytesMax = 120;

export function seenOf(at: number, topic: string, payload: Uint8Array): Seen {
  const start = Buffer.from(payload.subarray(0, summaryBytesMax));
  return { at, topic, bytes: payload.length, summary: start.toString("utf8") };
}

/** When each Thing last sent something; told by the doors, forgotten on restart. */
export class LastSeen {
  readonly #seen = new Map<string, Seen>();
  readonly #listeners = new Map<string, Set<Listener>>();

  note(id: string, seen: Seen): void {
    this.#seen.set(id, seen);
    for (const listener of this.#listeners.get(id) ?? []) listener(seen);
  }

  of(id: string): Seen | undefined {
    return this.#seen.get(id);
  }

  forget(id: string): void {
    this.#seen.delete(id);
  }

  /** What is known at once, then what comes; returns what ends it. */
  follow(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    listeners.add(listener);
    const known = this.#seen.get(id);
    if (known !== undefined) listener(known);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }
}
