import type { MqttClient } from "../client/mqtt.ts";
import type { InboundMessage } from "../client/types.ts";
import type { Clock } from "../kernel/clock.ts";
import { objectIn } from "../kernel/json-object.ts";
import type { Actor } from "./actors/actor.ts";
import { Connection } from "./connection.ts";

/** An actor at its node's desk, with what it heard of the bought stream. */
export interface Seat {
  readonly actor: Actor;
  /** Where the bought stream stands on this node, without the last `/#`. */
  readonly root: string;
  /** When a message of it was really sent, milliseconds since the epoch; NaN where it is not told. */
  readonly sentAt: (data: Readonly<Record<string, unknown>>) => number;
  heard: number;
  /** Milliseconds from the device's time stamp to here, smoothed. */
  latencyMs: number | undefined;
}

/**
 * The application of one organisation: a Thing of its node like any other. It subscribes to what
 * was bought and to some of its own streams, and publishes what its actors decide.
 */
export class Desk {
  readonly #connection: Connection;
  readonly #seats: readonly Seat[];
  readonly #clock: Clock;

  constructor(options: {
    readonly url: string;
    readonly token: string;
    readonly seats: readonly Seat[];
    readonly clock: Clock;
  }) {
    this.#seats = options.seats;
    this.#clock = options.clock;
    this.#connection = new Connection({
      url: options.url,
      username: "desk",
      password: options.token,
      onUp: (client) => this.#onUp(client),
    });
  }

  connect(): Promise<void> {
    return this.#connection.start();
  }

  stop(): Promise<void> {
    return this.#connection.stop();
  }

  async #onUp(client: MqttClient): Promise<void> {
    for (const seat of this.#seats) {
      await client.subscribe(`${seat.root}/#`, { qos: 0 }, (message) => {
        this.#onBought(client, seat, message);
      });
    }
    const own = new Set(this.#seats.flatMap(({ actor }) => actor.own));
    for (const filter of own) {
      const seats = this.#seats.filter(({ actor }) => actor.own.includes(filter));
      await client.subscribe(filter, { qos: 0 }, ({ topic, payload }) => {
        const data = objectIn(payload);
        if (!data) return;
        for (const { actor } of seats) obey(client, actor.hear({ bought: false, topic, data }));
      });
    }
  }

  #onBought(client: MqttClient, seat: Seat, message: InboundMessage): void {
    seat.heard += 1;
    const data = objectIn(message.payload);
    if (!data) return;
    const latencyMs = this.#clock.now() - seat.sentAt(data);
    if (latencyMs >= 0) {
      const before = seat.latencyMs ?? latencyMs;
      seat.latencyMs = before + (latencyMs - before) * 0.1;
    }
    const topic = message.topic.slice(seat.root.length + 1);
    obey(client, seat.actor.hear({ bought: true, topic, data }));
  }
}

function obey(client: MqttClient, commands: ReturnType<Actor["hear"]>): void {
  for (const { topic, data } of commands) {
    void client.publish(topic, JSON.stringify(data), { qos: 0 }).catch(() => {});
  }
}
