import { matches } from "../kernel/topic.ts";
import { Run } from "./run.ts";
import type { Router } from "./router.ts";

/** What the broker's topics tell; counts are since the start. */
export interface BrokerFigures {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly clients: {
    readonly connected: number;
    readonly away: number;
    readonly most: number;
    readonly expired: number;
    /** Connections let in. */
    readonly accepted: number;
    /** Connections let in or not. */
    readonly sockets: number;
  };
  readonly packets: { readonly received: number; readonly sent: number };
  readonly publish: {
    readonly received: number;
    readonly sent: number;
    readonly dropped: number;
    readonly bytesReceived: number;
    readonly bytesSent: number;
  };
  readonly bytes: { readonly received: number; readonly sent: number };
  readonly retained: { readonly count: number; readonly bytes: number };
  readonly subscriptions: { readonly count: number; readonly shared: number };
  readonly heap: { readonly current: number; readonly most: number };
}

const root = "$SYS/broker/";
const minutes = [1, 5, 15] as const;

/**
 * The node's figures under `$SYS/broker/`, by mosquitto's names, so that dashboards made for it
 * read them. Whoever subscribes has them at once and then at every turn; where nobody does
 * no message is made. No message of anybody gets there: nobody may publish to it.
 */
export class BrokerTopics {
  readonly #router: Router;
  readonly #figures: () => BrokerFigures;
  readonly #everyMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #loads = new Map<string, { last: number; readonly perMinute: number[] }>();

  constructor(options: { router: Router; figures: () => BrokerFigures; everyMs: number }) {
    this.#router = options.router;
    this.#figures = options.figures;
    this.#everyMs = options.everyMs;
    this.#timer = setInterval(() => this.#turn(), options.everyMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** As they stand, for a new subscription. */
  matching(filter: string): readonly Run[] {
    return topicsOf(this.#figures(), this.#loads)
      .filter(([topic]) => matches(filter, topic))
      .map(([topic, text]) => Run.of(topic, Buffer.from(text)));
  }

  #turn(): void {
    const figures = this.#figures();
    this.#average(figures);
    for (const [topic, text] of topicsOf(figures, this.#loads)) {
      const { subscriptions } = this.#router.route(topic);
      if (subscriptions.length === 0) continue;
      const run = Run.of(topic, Buffer.from(text));
      for (const subscription of subscriptions) subscription.receiver.receive(run, subscription);
    }
  }

  /** Of each count what comes in a minute, as a moving average over 1, 5 and 15 of them. */
  #average(figures: BrokerFigures): void {
    for (const [name, count] of countsOf(figures)) {
      const load = this.#loads.get(name) ?? { last: 0, perMinute: [0, 0, 0] };
      const current = ((count - load.last) * 60_000) / this.#everyMs;
      load.last = count;
      for (const [i, span] of minutes.entries()) {
        const weight = Math.exp(-this.#everyMs / (span * 60_000));
        load.perMinute[i] = current + weight * (load.perMinute[i]! - current);
      }
      this.#loads.set(name, load);
    }
  }
}

type Loads = ReadonlyMap<string, { readonly perMinute: readonly number[] }>;

function topicsOf(figures: BrokerFigures, loads: Loads): (readonly [string, string])[] {
  const { clients, packets, publish, bytes, retained, subscriptions, heap } = figures;
  const told: Record<string, string | number> = {
    version: `comity version ${figures.version}`,
    uptime: `${figures.uptimeSeconds} seconds`,
    "clients/total": clients.connected + clients.away,
    "clients/maximum": clients.most,
    "clients/connected": clients.connected,
    "clients/active": clients.connected,
    "clients/disconnected": clients.away,
    "clients/inactive": clients.away,
    "clients/expired": clients.expired,
    "messages/received": packets.received,
    "messages/sent": packets.sent,
    "messages/stored": retained.count,
    "store/messages/count": retained.count,
    "store/messages/bytes": retained.bytes,
    "retained messages/count": retained.count,
    "subscriptions/count": subscriptions.count,
    "shared_subscriptions/count": subscriptions.shared,
    "publish/messages/received": publish.received,
    "publish/messages/sent": publish.sent,
    "publish/messages/dropped": publish.dropped,
    "publish/bytes/received": publish.bytesReceived,
    "publish/bytes/sent": publish.bytesSent,
    "bytes/received": bytes.received,
    "bytes/sent": bytes.sent,
    "heap/current": heap.current,
    "heap/maximum": heap.most,
  };
  for (const [name] of countsOf(figures)) {
    for (const [i, span] of minutes.entries()) {
      told[`load/${name}/${span}min`] = (loads.get(name)?.perMinute[i] ?? 0).toFixed(2);
    }
  }
  return Object.entries(told).map(([name, value]) => [root + name, String(value)] as const);
}

function countsOf({ clients, packets, publish, bytes }: BrokerFigures) {
  return [
    ["messages/received", packets.received],
    ["messages/sent", packets.sent],
    ["publish/received", publish.received],
    ["publish/sent", publish.sent],
    ["publish/dropped", publish.dropped],
    ["bytes/received", bytes.received],
    ["bytes/sent", bytes.sent],
    ["connections", clients.accepted],
    ["sockets", clients.sockets],
  ] as const;
}
