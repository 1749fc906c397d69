/** Whoever reads as it should has that much, however full all others are. */
const leastBytes = 16_384;

/**
 * What may wait in one queue, and in all of them together. The fuller all are, the less one may
 * hold: as much as is left of the whole, never more than its own bound (the dynamic thresholds of
 * Choudhury and Hahne, IEEE/ACM Transactions on Networking 6:2, 1998). So a few slow readers have
 * long queues, a thousand have short ones, and who comes later finds room.
 */
export class QueueBudget {
  /** Of one queue, whatever waits in others. */
  readonly queueBytesMax: number;
  readonly #queuedBytesMax: number;
  #queuedBytes = 0;

  /** `queuedBytesMax`: of all together; absent: without a bound. */
  constructor(bounds: { readonly queueBytesMax: number; readonly queuedBytesMax?: number }) {
    this.queueBytesMax = bounds.queueBytesMax;
    this.#queuedBytesMax = bounds.queuedBytesMax ?? Infinity;
  }

  /** What one queue may hold now whose reader is behind. */
  get shareBytesMax(): number {
    const left = this.#queuedBytesMax - this.#queuedBytes;
    return Math.min(this.queueBytesMax, Math.max(leastBytes, left));
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** A queue has grown by so many bytes, or shrunk. */
  add(bytes: number): void {
    this.#queuedBytes += bytes;
  }
}
