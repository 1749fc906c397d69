import { offsetAfter } from "../../wire/mqtt/publish.ts";
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
  #batches: SentBatch[] = [];
  #nextId = 1;
  #count = 0;

  /** Messages sent and not acknowledged. */
  get count(): number {
    return this.#count;
  }

  /** Identifiers free for use at once. */
  get room(): number {
    const oldest = this.#batches[0];
    if (oldest === undefined) return idsMax - 1;
    const span = (this.#nextId - wrap(oldest.firstId + oldest.acked) + idsMax) % idsMax;
    return idsMax - 1 - span;
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
    return packets;
  }

  /** False where the identifier is not in use. */
  acknowledge(id: number): boolean {
    for (const [i, batch] of this.#batches.entries()) {
      const index = (id - batch.firstId + idsMax) % idsMax;
      if (index >= batch.count) continue;
      if (index < batch.acked || batch.early.has(index)) return false;
      this.#count--;
      if (index === batch.acked) {
        batch.acked++;
        while (batch.early.delete(batch.acked)) batch.acked++;
      } else batch.early.add(index);
      if (batch.acked === batch.count) {
        if (i === 0) this.#batches.shift();
        else this.#batches.splice(i, 1);
      }
      return true;
    }
    return false;
  }

  /** What has to be sent again on a new connection, with DUP set [MQTT-4.4.0-1], [MQTT-3.3.1-1]. */
  resend(): Buffer[] {
    const out: Buffer[] = [];
    for (const batch of this.#batches) {
      for (let index = batch.acked; index < batch.count; index++) {
        if (batch.early.has(index)) continue;
        const start = offsetAfter(batch.packets, index);
        const packet = Buffer.from(
          batch.packets.subarray(start, start + offsetAfter(batch.packets.subarray(start), 1)),
        );
        packet[0]! |= 8;
        out.push(packet);
      }
    }
    return out;
  }
}

function wrap(id: number): number {
  return ((id - 1) % idsMax) + 1;
}
