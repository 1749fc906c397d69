import type { ClientSocket } from "./client-socket.ts";

/** Why a client is not read from; each is a bit. */
export const pause = {
  /** What it sent is not kept yet, or was more than it may send. */
  slowStore: 1,
  /** A client that asks for answers and does not read them is not read from either. */
  unreadAnswers: 2,
  /** It is not known yet who it is. */
  deciding: 4,
  /** The node is shutting down. */
  closing: 8,
} as const;

/** Whether a socket is read from: while there is no reason not to. */
export class Reading {
  readonly #socket: Pick<ClientSocket, "pause" | "resume">;
  #reasons = 0;

  constructor(socket: Pick<ClientSocket, "pause" | "resume">) {
    this.#socket = socket;
  }

  rests(why: number): boolean {
    return (this.#reasons & why) !== 0;
  }

  pause(why: number): void {
    this.#reasons |= why;
    this.#socket.pause();
  }

  resume(why: number): void {
    if (!this.rests(why)) return;
    this.#reasons &= ~why;
    if (this.#reasons === 0) this.#socket.resume();
  }

  /** Does not read on until the promise settles, however it does. */
  pauseUntil(done: Promise<unknown>, why: number): void {
    if (this.rests(why)) return;
    this.pause(why);
    const resume = (): void => this.resume(why);
    done.then(resume, resume);
  }
}
