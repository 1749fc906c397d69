const messagesMax = 10_000;
const shareMax = 0.05;

/**
 * What live links handed over and nobody acknowledged, over all of an agreement's connections
 * since the node started. A link that breaks loses a little each time and nobody is to blame; one
 * that breaks so that it need not pay is found here.
 */
export class WrittenOff {
  #messages = 0;
  /** The last connection's counts: what it may still turn out to have stored lies between them. */
  #acknowledged = 0;
  #handedOver = 0;

  /** A connection has gone. Both counts are cumulative over the agreement's life. */
  add(acknowledged: number, handedOver: number): void {
    this.#messages += handedOver - acknowledged;
    this.#acknowledged = acknowledged;
    this.#handedOver = handedOver;
  }

  addLate(messages: number): void {
    this.#messages += messages;
    this.#handedOver += messages;
  }

  /** The next connection goes on from there: up to there it was stored, and is billed. */
  covered(messages: number): void {
    const upTo = Math.min(messages, this.#handedOver);
    if (upTo <= this.#acknowledged) return;
    this.#messages -= upTo - this.#acknowledged;
    this.#acknowledged = upTo;
  }

  isTooMuch(acknowledged: number): boolean {
    return this.#messages > messagesMax + shareMax * acknowledged;
  }
}
