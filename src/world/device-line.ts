import type { MqttClient } from "../client/mqtt.ts";
import { objectIn } from "../kernel/json-object.ts";
import { matches } from "../kernel/topic.ts";
import { Connection } from "./connection.ts";
import type { Device, Emission } from "./devices/device.ts";

export interface DeviceLineOptions {
  readonly device: Device;
  readonly url: string;
  readonly token: string;
  /** Filters of the node's logged products: these messages are kept until acknowledged. */
  readonly logged: readonly string[];
  /** A start for the sequence numbers above all that were used before. */
  readonly firstSeq: number;
  /** Told of every message that is on its way: where it, or what is made of it, will stand. */
  readonly onSent: (topics: readonly string[]) => void;
}

interface Waiting {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly seq: number;
}

const waitingMax = 5_000;

/**
 * A device on its own MQTT connection. What goes into a logged product is sent with QoS 1 and a
 * sequence number, kept until it is acknowledged, and sent again after a reconnect in the same
 * order; the log takes each number once. The rest is QoS 0 and lost while there is no line.
 */
export class DeviceLine {
  readonly #options: DeviceLineOptions;
  readonly #connection: Connection;
  readonly #waiting: Waiting[] = [];
  #seq: number;
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(options: DeviceLineOptions) {
    this.#options = options;
    this.#seq = options.firstSeq;
    const { device, url, token } = options;
    this.#connection = new Connection({
      url,
      username: device.name,
      password: token,
      onUp: (client) => this.#onUp(client),
      ...(device.will && { will: device.will }),
    });
  }

  get name(): string {
    return this.#options.device.name;
  }

  /** Messages not yet acknowledged, and those dropped because there was no connection. */
  get counts(): { readonly dropped: number; readonly waiting: number } {
    return { dropped: this.#dropped, waiting: this.#waiting.length };
  }

  connect(): Promise<void> {
    return this.#connection.start();
  }

  /** Begins to tick. */
  run(): void {
    const { device } = this.#options;
    this.#timer ??= setInterval(() => {
      for (const emission of device.tick()) this.#send(emission);
    }, device.everyMs);
  }

  /** No more ticks; what waits is still delivered. */
  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async stop(): Promise<void> {
    this.pause();
    await this.#connection.stop();
  }

  async #onUp(client: MqttClient): Promise<void> {
    const { obeys } = this.#options.device;
    if (obeys) {
      await client.subscribe(obeys.filter, { qos: 0 }, ({ payload }) => {
        if (obeys.take) return obeys.take(payload);
        const data = objectIn(payload);
        if (data) obeys.command(data);
      });
    }
    for (const waiting of this.#waiting) this.#deliver(client, waiting);
    this.#options.device.connected?.();
  }

  #send({ topic, data, retain = false, becomes = [topic] }: Emission): void {
    const payload = data instanceof Uint8Array ? data : Buffer.from(JSON.stringify(data));
    const { client } = this.#connection;
    if (this.#options.logged.some((filter) => matches(filter, topic))) {
      const waiting = { topic, payload, retain, seq: ++this.#seq };
      this.#waiting.push(waiting);
      if (this.#waiting.length > waitingMax) {
        this.#waiting.shift();
        this.#dropped += 1;
      }
      this.#options.onSent(becomes);
      if (client) this.#deliver(client, waiting);
    } else if (client) {
      this.#options.onSent(becomes);
      client.publish(topic, payload, { qos: 0, retain }).catch(() => {});
    } else {
      this.#dropped += 1;
    }
  }

  /** Unacknowledged it stays in the queue, and goes again over the next connection. */
  #deliver(client: MqttClient, waiting: Waiting): void {
    const userProperties = [
      ["producer", this.name],
      ["seq", String(waiting.seq)],
    ] as const;
    const { topic, payload, retain } = waiting;
    client.publish(topic, payload, { qos: 1, retain, userProperties }).then(
      () => {
        const at = this.#waiting.indexOf(waiting);
        if (at !== -1) this.#waiting.splice(at, 1);
      },
      () => {},
    );
  }
}
