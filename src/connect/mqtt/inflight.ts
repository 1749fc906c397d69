import { offsetAfter, walkPublishes, type Layout } from "../../wire/mqtt/publish.ts";
import type { Run } from "../../flow/run.ts";

/** Messages sent with QoS 1 and not all acknowledged: consecutive packet identifiers. */
interface SentBatch {
  readonly firstId: number;
  readonly count: number;
  /** As sent, for sending again. */
  readonly packets: Buffer;
  /** How many from the front are acknowledged. */
  acked: number;
  /** Indexes acknowledged out of order. */
  readonly early: Set<number>;
}

const idsMax = 65_535;

/**
 * The outgoing half of QoS 1: identifiers are given out in sequence, acknowledgements normally
 * return in sequence, so a batch is a range and an acknowledgement a step.
 */
export class Inflight {
  /** Oldest first, so by identifier, counted from the oldest one's. */
  readonly #batches: SentBatch[] = [];
  #nextId = 1;
  #count = 0;
  #bytes = 0;

  /** Messages sent and not acknowledged. */
  get count(): number {
    return this.#count;
  }

  /** Of the packets kept for sending again. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Identifiers free for use at once. */
  get room(): number {
    const oldest = this.#batches[0];
    if (oldest === undefined) return idsMax - 1;
    return idsMax - 1 - steps(oldest.firstId + oldest.acked, this.#nextId);
  }

  /** Encodes the run with fresh identifiers and remembers it until acknowledged. */
  send(run: Run, encode: (nextId: () => number) => Buffer): Buffer {
    const firstId = this.#nextId;
    const packets = encode(() => {
      const id = this.#nextId;
      this.#nextId = id === idsMax ? 1 : id + 1;
      return id;
    });
    this.#batches.push({ firstId, count: run.count, packets, acked: 0, early: new Set() });
    this.#count += run.count;
    this.#bytes += packets.length;
    return packets;
  }

  /** False where the identifier is not in use. */
  acknowledge(id: number): boolean {
    const at = this.#batchOf(id);
    const batch = this.#batches[at];
    if (batch === undefined) return false;
    const index = steps(batch.firstId, id);
    if (index >= batch.count || index < batch.acked || batch.early.has(index)) return false;
    this.#count--;
    if (index === batch.acked) {
      batch.acked++;
      while (batch.early.delete(batch.acked)) batch.acked++;
    } else batch.early.add(index);
    if (batch.acked === batch.count) {
      this.#bytes -= batch.packets.length;
      if (at === 0) this.#batches.shift();
      else this.#batches.splice(at, 1);
    }
    return true;
  }

  /** What is not acknowledged, packet by packet as it was sent, oldest first. */
  unacknowledged(layout: Layout): Buffer[] {
    const out: Buffer[] = [];
    for (const batch of this.#batches) {
      const from = offsetAfter(batch.packets, batch.acked);
      walkPublishes(batch.packets.subarray(from), layout, (place, index) => {
        if (batch.early.has(batch.acked + index)) return;
        out.push(batch.packets.subarray(from + place.start, from + place.end));
      });
    }
    return out;
  }

  /** What has to be sent again on a new connection, with DUP set [MQTT-4.4.0-1], [MQTT-3.3.1-1]. */
  resend(layout: Layout): Buffer[] {
    return this.unacknowledged(layout).map((sent) => {
      const packet = Buffer.from(sent);
      packet[0]! |= 8;
      return packet;
    });
  }

  /** The last batch that begins at or before the identifier; acknowledgements mostly hit the first. */
  #batchOf(id: number): number {
    const oldest = this.#batches[0];
    if (oldest === undefined) return -1;
    const wanted = steps(oldest.firstId, id);
    if (wanted < oldest.count) return 0;
    let low = 0;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (steps(oldest.firstId, this.#batches[middle]!.firstId) <= wanted) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** From one identifier on to another; after the greatest comes 1. */
function steps(from: number, to: number): number {
  return (((to - from) % idsMax) + idsMax) % idsMax;
}
