export interface OutboxSocket {
  /** False when the socket is full; `ready()` is to be called when it drains. */
  write(bytes: Buffer): boolean;
  /** Nothing can be written now: what waits has to wait in memory of its own. */
  readonly full?: boolean;
}

const mergeBytesMax = 16_384;

/** Gathers writes: small ones are copied together, big slices go as they are. */
export class WriteBatch {
  readonly #socket: OutboxSocket;
  #small: Buffer[] = [];
  #smallBytes = 0;
  #accepted = true;
  bytes = 0;

  constructor(socket: OutboxSocket) {
    this.#socket = socket;
  }

  add(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (bytes.length > mergeBytesMax) {
      this.#flushSmall();
      this.#accepted = this.#socket.write(bytes);
      return;
    }
    this.#small.push(bytes);
    this.#smallBytes += bytes.length;
    if (this.#smallBytes > 4 * mergeBytesMax) this.#flushSmall();
  }

  /** False when the socket is full. */
  write(): boolean {
    this.#flushSmall();
    this.bytes = 0;
    return this.#accepted;
  }

  #flushSmall(): void {
    if (this.#small.length === 0) return;
    const bytes =
      this.#small.length === 1 ? this.#small[0]! : Buffer.concat(this.#small, this.#smallBytes);
    this.#small = [];
    this.#smallBytes = 0;
    this.#accepted = this.#socket.write(bytes);
  }
}
