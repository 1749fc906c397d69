export interface BusyTopic {
  readonly topic: string;
  /** At least so many, at most `missed` more; where topics are many, about. */
  readonly messages: number;
  readonly payloadBytes: number;
}

interface Entry {
  messages: number;
  payloadBytes: number;
}

const topicsMax = 512;
/** Of single messages one in so many is looked at where topics are more than the table has. */
const sampled = 16;

/**
 * The topics with most messages, in bounded memory however many there are (frequent items: when
 * the table is full all are lowered by their median and half of them go, so that a run costs
 * the same whether its topic is known or new). Counted in windows: the one that runs and the last.
 */
export class BusyTopics {
  #now = new Map<string, Entry>();
  #missed = 0;
  #drawn = 0x2545f491;
  #last: { readonly entries: Map<string, Entry>; readonly missed: number } = {
    entries: new Map(),
    missed: 0,
  };

  take(topic: string, messages: number, payloadBytes: number): void {
    // A fleet of single messages: looking each of them up would cost more than counting is worth.
    if (messages > 1 || this.#missed === 0) this.#add(topic, messages, payloadBytes);
    else if (this.#draw() % sampled === 0) this.#add(topic, sampled, payloadBytes * sampled);
  }

  #add(topic: string, messages: number, payloadBytes: number): void {
    const known = this.#now.get(topic);
    if (known !== undefined) {
      known.messages += messages;
      known.payloadBytes += payloadBytes;
      return;
    }
    if (this.#now.size >= topicsMax) this.#lower();
    this.#now.set(topic, { messages, payloadBytes });
  }

  /** A new window begins. */
  turn(): void {
    this.#last = { entries: this.#now, missed: this.#missed };
    this.#now = new Map();
    this.#missed = 0;
  }

  /** Of the last whole window, the busiest first. */
  top(limit: number): readonly BusyTopic[] {
    return [...this.#last.entries]
      .map(([topic, entry]) => ({ topic, ...entry }))
      .sort((a, b) => b.messages - a.messages || (a.topic < b.topic ? -1 : 1))
      .slice(0, limit);
  }

  /** By how many messages at most a topic of the last window is told too low. */
  get missed(): number {
    return this.#last.missed;
  }

  /** Xorshift32 (Marsaglia 2003): devices in step are not drawn in step. */
  #draw(): number {
    let x = this.#drawn;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#drawn = x;
    return x >>> 0;
  }

  #lower(): void {
    const sorted = Float64Array.from(this.#now.values(), ({ messages }) => messages).sort();
    const median = sorted[sorted.length >> 1]!;
    this.#missed += median;
    for (const [topic, entry] of this.#now) {
      if (entry.messages <= median) {
        this.#now.delete(topic);
        continue;
      }
      entry.payloadBytes *= (entry.messages - median) / entry.messages;
      entry.messages -= median;
    }
  }
}
