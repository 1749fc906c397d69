import type { StoreDatabase } from "../../../src/engines/embedded/store-database.ts";
import type { CountedCheckpoint } from "../../../src/meter/consumer-counts.ts";
import type { Delivered } from "./prices.ts";

interface Record {
  messages: number;
  bytes: number;
  readonly months: Map<string, { messages: number; bytes: number }>;
}

/**
 * What was truly delivered, by agreement and month: what has come to stand on the consumer's disk,
 * whatever its process says of it later, or its disk after it was put back.
 */
export class Truth {
  readonly #agreements = new Map<string, Record>();

  /** After each stretch, however it ended. */
  note(agreement: string, disk: StoreDatabase, month: string): void {
    const text = disk.get("checkpoint", agreement);
    if (text === undefined) return;
    const { messages, payloadBytes } = JSON.parse(text) as CountedCheckpoint;
    let known = this.#agreements.get(agreement);
    if (known === undefined) {
      known = { messages: 0, bytes: 0, months: new Map() };
      this.#agreements.set(agreement, known);
    }
    if (messages <= known.messages) return;
    const at = known.months.get(month) ?? { messages: 0, bytes: 0 };
    at.messages += messages - known.messages;
    at.bytes += payloadBytes - known.bytes;
    known.months.set(month, at);
    [known.messages, known.bytes] = [messages, payloadBytes];
  }

  /** By month; none where nothing was delivered. */
  of(agreement: string): ReadonlyMap<string, Delivered> {
    return this.#agreements.get(agreement)?.months ?? new Map();
  }
}
