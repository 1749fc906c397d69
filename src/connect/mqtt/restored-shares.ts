import type { Run } from "../../flow/run.ts";
import type { KeptShared, SentMessages } from "./inflight.ts";

/** Messages of shares that were written down at the last stop, until they are acknowledged. */
export class RestoredShares {
  #runs = new Set<Run>();

  add({ messages, waiting }: SentMessages): void {
    for (const { shared } of messages) if (shared !== undefined) this.#runs.add(shared.run);
    for (const { run } of waiting) this.#runs.add(run);
  }

  /** It is taken out to be sent; whether it was one of them. */
  take(run: Run): boolean {
    return this.#runs.delete(run);
  }

  /** The same message as it was sent. */
  sentAs(run: Run): void {
    this.#runs.add(run);
  }

  /** Those that are still among what is sent or waits; undefined: none is. */
  among(sent: () => SentMessages): SentMessages | undefined {
    if (this.#runs.size === 0) return undefined;
    const { version, ...all } = sent();
    const isLeft = (shared: KeptShared | undefined): boolean =>
      shared !== undefined && this.#runs.has(shared.run);
    const left: SentMessages = {
      version,
      messages: all.messages.filter(({ shared }) => isLeft(shared)),
      waiting: all.waiting.filter(isLeft),
    };
    this.#runs.clear();
    this.add(left);
    return this.#runs.size === 0 ? undefined : left;
  }
}
