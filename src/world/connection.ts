import { setTimeout as wait } from "node:timers/promises";
import { connectMqtt } from "../client/mqtt.ts";
import type { MqttClient } from "../client/mqtt.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";

export interface ConnectionOptions {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Asked for at every connect. */
  readonly will?: () => { readonly topic: string; readonly payload: Uint8Array };
  /** Called at every connect; what it throws ends that connection. */
  readonly onUp: (client: MqttClient) => void | Promise<void>;
}

const firstDelayMs = 100;
const longestDelayMs = 2_000;
const firstTimeoutMs = 30_000;

/** An MQTT connection that comes back by itself: nodes of this world are killed and restarted. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #stopping = new AbortController();
  #client: MqttClient | undefined;
  #loop: Promise<void> | undefined;
  #up = Promise.withResolvers<void>();
  #problem = "";

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Connects and stays so. Resolves at the first connection, CONNECT_FAILED if there is none. */
  async start(): Promise<void> {
    this.#loop ??= this.#run();
    const timer = setTimeout(() => {
      const { url, username } = this.#options;
      const problem = `${username} got no connection: ${this.#problem}`;
      this.#up.reject(new ComityError("CONNECT_FAILED", { url, problem }));
    }, firstTimeoutMs);
    try {
      await this.#up.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Undefined while there is none. */
  get client(): MqttClient | undefined {
    return this.#client;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#client?.end();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { url, username, password, onUp, will } = this.#options;
    const { signal } = this.#stopping;
    let delayMs = firstDelayMs;
    while (!signal.aborted) {
      let client: MqttClient | undefined;
      try {
        const clientId = `world-${username}`;
        client = await connectMqtt({
          ...{ url, username, password, clientId },
          ...(will && { will: { ...will(), qos: 1 } }),
        });
        this.#client = client;
        await onUp(client);
        this.#up.resolve();
        delayMs = firstDelayMs;
        this.#problem = await client.closed;
      } catch (error) {
        this.#problem = problemOf(error);
        client?.destroy();
      }
      this.#client = undefined;
      if (!signal.aborted) await wait(delayMs, undefined, { signal }).catch(() => {});
      delayMs = Math.min(longestDelayMs, delayMs * 2);
    }
    this.#up.resolve();
  }
}
