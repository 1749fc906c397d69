import type { Clock } from "../kernel/clock.ts";
import { TokenBucket } from "../kernel/token-bucket.ts";
import { encodeTurn } from "../wire/link/control.ts";
import { type BlockEncoding, encodeBlocks } from "../wire/link/block.ts";
import { nothingSent, Outbox, type SentCounts } from "./outbox.ts";
import { type OutboxSocket, WriteBatch } from "./write-batch.ts";

export interface LaneOptions {
  readonly agreement: string;
  readonly clock: Clock;
  readonly queueBytesMax: number;
  readonly onDropped: (messages: number) => void;
  /** Other agreements have lanes on the same socket: each says when its packets begin. */
  readonly isShared: boolean;
  /** How runs of packets are compressed; undefined: not. */
  readonly encoding: BlockEncoding | undefined;
  readonly bytesPerSecondMax: number | undefined;
}

/** What one lane hands on before the next one has its turn. */
const quantumBytes = 131_072;
/** Of all lanes before the event loop goes on to other sockets. */
const roundBytesMax = 1_048_576;
/** What is older than this at the budget's pace is dropped from a live stream. */
const budgetQueueSeconds = 5;
const burstSeconds = 1;
const budgetQueueBytesMin = 65_536;

/**
 * Fair turns on one socket: each agreement that is served over it has a lane, which is a queue of
 * its own with its own bound, its own gate to wait for, its own encoding and budget. Lanes that
 * wait take turns of as many bytes each, however much one of them has.
 */
export class Lanes {
  readonly #socket: OutboxSocket;
  /** Those that have something to hand on, whose turn comes first in front. */
  #ring: Lane[] = [];
  readonly sent: SentCounts;
  #full = false;
  #scheduled = false;
  #batch: WriteBatch | undefined;
  /** Whose packets were written last. */
  #last: Lane | undefined;

  /** `sent`: what all lanes handed on is added to it. */
  constructor(socket: OutboxSocket, sent: SentCounts = nothingSent()) {
    this.#socket = socket;
    this.sent = sent;
  }

  get full(): boolean {
    return this.#full;
  }

  /** Is one lane alone in wanting a turn? */
  get isQuiet(): boolean {
    return this.#ring.length === 0;
  }

  open(options: LaneOptions): Lane {
    return new Lane(this, options);
  }

  /** The socket has drained. */
  ready(): void {
    this.#full = false;
    this.#schedule();
  }

  /** The lane has something to hand on. */
  enter(lane: Lane): void {
    this.#ring.push(lane);
    this.#schedule();
  }

  leave(lane: Lane): void {
    this.#ring = this.#ring.filter((one) => one !== lane);
    if (this.#last === lane) this.#last = undefined;
  }

  /** In the order of the calls, nothing else of this socket's lanes between `pieces`. */
  send(lane: Lane, pieces: readonly Buffer[]): void {
    const batch = (this.#batch ??= new WriteBatch(this.#socket));
    if (lane.isShared && this.#last !== lane) batch.add(lane.turnPacket);
    this.#last = lane;
    for (const piece of pieces) batch.add(piece);
    if (batch.bytes >= quantumBytes) this.#write();
  }

  #schedule(): void {
    if (this.#scheduled || this.#full || this.#ring.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#round());
  }

  #round(): void {
    this.#scheduled = false;
    let bytes = 0;
    // Whoever comes back for more in this round has it in the next one.
    for (let turns = this.#ring.length; turns > 0; turns--) {
      const lane = this.#ring.shift();
      if (lane === undefined) break;
      bytes += lane.turn();
      if (this.#full || bytes >= roundBytesMax) break;
    }
    this.#write();
    this.#schedule();
  }

  #write(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined && !batch.write()) this.#full = true;
  }
}

/** One agreement's way to a socket. Feeds push into its outbox. */
export class Lane implements OutboxSocket {
  readonly outbox: Outbox;
  readonly isShared: boolean;
  readonly #lanes: Lanes;
  readonly #agreement: string;
  readonly #encoding: BlockEncoding | undefined;
  readonly #budget: TokenBucket | undefined;
  readonly #turnPacket: Buffer;
  #flush: (() => void) | undefined;
  /** Bytes it may still hand on in this turn; what it takes too many it has fewer next time. */
  #credit = 0;
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(lanes: Lanes, options: LaneOptions) {
    const { agreement, encoding, isShared, bytesPerSecondMax: pace } = options;
    this.#lanes = lanes;
    this.#agreement = agreement;
    this.#encoding = encoding;
    this.isShared = isShared;
    this.#turnPacket = encodeTurn(agreement);
    this.#budget =
      pace === undefined ? undefined : new TokenBucket(pace, burstSeconds, options.clock);
    const pacedBytesMax =
      pace === undefined ? Infinity : Math.max(budgetQueueBytesMin, pace * budgetQueueSeconds);
    this.outbox = new Outbox(this, {
      queueBytesMax: Math.min(options.queueBytesMax, pacedBytesMax),
      onDropped: options.onDropped,
      sent: lanes.sent,
      turnBytesMax: Math.min(quantumBytes, pace ?? quantumBytes),
      whenTurn: (flush) => {
        this.#flush = flush;
        if (this.#timer === undefined && !this.#closed) this.#lanes.enter(this);
      },
    });
  }

  get full(): boolean {
    return this.#lanes.full || this.#timer !== undefined;
  }

  get turnPacket(): Buffer {
    return this.#turnPacket;
  }

  /** Hands on what it may; returns how many bytes that were. */
  turn(): number {
    const flush = this.#flush;
    if (flush === undefined || this.#closed) return 0;
    const owedMs = this.#budget?.waitMs() ?? 0;
    if (owedMs > 0) {
      this.#rest(owedMs);
      return 0;
    }
    this.#sent = 0;
    const share = this.#lanes.isQuiet ? roundBytesMax : quantumBytes;
    this.#credit = Math.min(share, this.#credit + share);
    if (this.#credit <= 0) {
      this.#lanes.enter(this);
      return 0;
    }
    this.#flush = undefined;
    flush();
    const waitMs = this.#budget?.waitMs() ?? 0;
    if (waitMs > 0) this.#rest(waitMs);
    else this.outbox.ready();
    return this.#sent;
  }

  /** False when the turn is over. */
  write(bytes: Buffer): boolean {
    const pieces =
      this.#encoding === undefined ? [bytes] : encodeBlocks(this.#agreement, this.#encoding, bytes);
    for (const { length } of pieces) {
      this.#sent += length;
      this.#credit -= length;
      this.#budget?.take(length);
    }
    this.#lanes.send(this, pieces);
    return this.#credit > 0 && !this.#lanes.full && (this.#budget?.waitMs() ?? 0) === 0;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.outbox.close();
    this.#lanes.leave(this);
  }

  /** The budget is used up. */
  #rest(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#flush === undefined) this.outbox.ready();
      else this.#lanes.enter(this);
    }, ms);
    this.#timer.unref();
  }
}
