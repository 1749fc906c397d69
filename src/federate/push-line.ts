import type { MqttClient } from "../client/mqtt.ts";
import type { MessageLine } from "../flow/followed-stream.ts";
import type { HandedMessage } from "../flow/handover.ts";

/** Messages sent and not acknowledged. */
const inflightMax = 256;

export interface PushLineOptions {
  /** Put before each topic. */
  readonly topicPrefix: string;
  readonly onReady: () => void;
  /** All up to this message's position was taken by the other side. */
  readonly acknowledged: (position: number | undefined) => void;
}

/** A stream published to another broker with QoS 1, in order, a window at a time. */
export class PushLine implements MessageLine {
  readonly #client: MqttClient;
  readonly #options: PushLineOptions;
  /** In the order they were sent. */
  readonly #inflight: { readonly position: number | undefined; isAcknowledged: boolean }[] = [];
  #isFull = false;

  constructor(client: MqttClient, options: PushLineOptions) {
    this.#client = client;
    this.#options = options;
  }

  send({ topic, payload, position }: HandedMessage): boolean {
    const sent = { position, isAcknowledged: false };
    this.#inflight.push(sent);
    const { topicPrefix } = this.#options;
    this.#client.publish(`${topicPrefix}${topic}`, payload, { qos: 1 }).then(
      () => {
        sent.isAcknowledged = true;
        this.#settle();
      },
      () => this.#client.destroy(), // refused or gone: the next connection sends it again
    );
    this.#isFull = this.#inflight.length >= inflightMax;
    return !this.#isFull;
  }

  beat(): void {
    // the MQTT client keeps its connection alive itself
  }

  end(): void {
    void this.#client.end();
  }

  destroy(): void {
    this.#client.destroy();
  }

  #settle(): void {
    let last: number | undefined;
    let count = 0;
    while (this.#inflight[count]?.isAcknowledged === true) last = this.#inflight[count++]?.position;
    if (count === 0) return;
    this.#inflight.splice(0, count);
    this.#options.acknowledged(last);
    if (!this.#isFull || this.#inflight.length > inflightMax / 2) return;
    this.#isFull = false;
    this.#options.onReady();
  }
}
