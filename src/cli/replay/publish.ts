import { setTimeout as sleep } from "node:timers/promises";
import type { PublishOptions } from "../../client/types.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { ReplayMessage } from "./rows.ts";

/** What replay needs of an MQTT client. */
export interface ReplayClient {
  /** Resolves when the node has acknowledged it. */
  publish(topic: string, payload: string, options: PublishOptions): Promise<void>;
  readonly closed: Promise<unknown>;
  end(): Promise<void>;
}

export interface PublishRun {
  readonly connect: () => Promise<ReplayClient>;
  readonly messages: AsyncIterable<ReplayMessage>;
  /** Names these messages' source for ever: a logged stream takes each `seq` of it once. */
  readonly producer: string;
  /** Times real time; Infinity: as fast as it goes. */
  readonly speed: number;
  readonly clock: Clock;
  readonly onAcknowledged?: (seq: number) => void;
  readonly onLost?: (problem: string) => void;
  /** How long a lost connection is tried again. */
  readonly retryMs: number;
  /** The node was reached a moment ago: its first connection, too, is tried as a lost one is. */
  readonly reachedBefore?: boolean;
  readonly signal?: AbortSignal;
}

const windowMessages = 500;
const retryPauseMs = 250;

/** Publishes all of it in order; the number of messages the node acknowledged. */
export async function publishAll(run: PublishRun): Promise<number> {
  const publisher = new Publisher(run);
  try {
    await publisher.begin();
    for await (const message of run.messages) {
      await publisher.pace(message.at);
      if (run.signal?.aborted === true) break;
      await publisher.send(message);
    }
    await publisher.drain();
    return publisher.acknowledged;
  } finally {
    await publisher.end();
  }
}

/**
 * Keeps what is sent and not acknowledged, in order. When the connection is lost it connects
 * again and sends from the first of these on: the node leaves out what it has already.
 */
class Publisher {
  readonly #run: PublishRun;
  readonly #waiting = new Map<number, ReplayMessage>();
  #client: ReplayClient | undefined;
  #lost: string | undefined;
  #refused: ComityError | undefined;
  #wake = Promise.withResolvers<void>();
  #startedAt: { readonly data: number; readonly wall: number } | undefined;
  acknowledged = 0;

  constructor(run: PublishRun) {
    this.#run = run;
  }

  async begin(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      if (this.#run.reachedBefore !== true) throw error;
      await this.#reconnect(problemOf(error));
    }
  }

  async #connect(): Promise<void> {
    const client = await this.#run.connect();
    this.#client = client;
    this.#lost = undefined;
    client.closed.then(
      () => this.#loses(client, "the connection was closed"),
      (error: unknown) => this.#loses(client, problemOf(error)),
    );
  }

  /** Waits until the row's own time has come. */
  async pace(at: number | undefined): Promise<void> {
    const { speed, clock, signal } = this.#run;
    if (at === undefined || speed === Infinity) return;
    this.#startedAt ??= { data: at, wall: clock.monotonic() };
    const dueMs = this.#startedAt.wall + (at - this.#startedAt.data) / speed;
    const waitMs = dueMs - clock.monotonic();
    if (waitMs < 1) return;
    await sleep(waitMs, undefined, signal && { signal }).catch(() => {}); // woken by the signal
  }

  async send(message: ReplayMessage): Promise<void> {
    await this.#until(() => this.#lost === undefined && this.#waiting.size < windowMessages);
    this.#waiting.set(message.seq, message);
    this.#publish(message);
  }

  async drain(): Promise<void> {
    await this.#until(() => this.#waiting.size === 0);
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {}); // nothing waits for it any more
  }

  #publish(message: ReplayMessage): void {
    const client = this.#client;
    if (!client || this.#lost !== undefined) return; // it is sent when the connection is back
    const { seq, topic, payload } = message;
    const userProperties = [
      ["producer", this.#run.producer],
      ["seq", String(seq)],
    ] as const;
    client.publish(topic, payload, { qos: 1, userProperties }).then(
      () => this.#acknowledges(seq),
      (error: unknown) => {
        // what the node refuses it refuses again; only a lost connection is tried once more
        if (error instanceof ComityError && error.code !== "CONNECT_FAILED") this.#refused = error;
        this.#loses(client, problemOf(error));
      },
    );
  }

  #acknowledges(seq: number): void {
    if (!this.#waiting.delete(seq)) return;
    this.acknowledged++;
    this.#run.onAcknowledged?.(seq);
    this.#wake.resolve();
  }

  #loses(client: ReplayClient, problem: string): void {
    if (client !== this.#client || this.#lost !== undefined) return;
    this.#lost = problem;
    this.#wake.resolve();
  }

  async #until(enough: () => boolean): Promise<void> {
    while (!enough()) {
      if (this.#refused) throw this.#refused;
      if (this.#lost !== undefined) await this.#reconnect(this.#lost);
      else await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
  }

  async #reconnect(problem: string): Promise<void> {
    const { clock, retryMs, onLost, signal } = this.#run;
    onLost?.(problem);
    const until = clock.monotonic() + retryMs;
    for (;;) {
      if (signal?.aborted === true)
        throw new ComityError("CONNECT_FAILED", { url: "MQTT", problem });
      try {
        await this.#connect();
        break;
      } catch (error) {
        if (clock.monotonic() > until) throw error;
        await sleep(retryPauseMs);
      }
    }
    for (const message of this.#waiting.values()) this.#publish(message);
  }
}
