import type { TopAgreement, TopClient, TopResource } from "../client/top.ts";
import type { ClientFacts } from "../connect/mqtt/door-counts.ts";
import type { MqttServer } from "../connect/mqtt/server.ts";
import { type BrokerFigures, BrokerTopics } from "../flow/broker-topics.ts";
import { Rates } from "../meter/rates.ts";
import type { Traffic } from "../meter/traffic.ts";
import type { Rooms } from "./rooms.ts";

const everyMs = 1000;
/** How long topics are counted before the busiest are told. */
const topicWindowSamples = 10;

/** Reads the rooms' counters when somebody asks; what is a rate is sampled once a second. */
export class Observer {
  readonly #rooms: Rooms;
  readonly #mqtt: MqttServer;
  readonly #traffic: Traffic;
  readonly #facts: { readonly name: string; readonly version: string };
  readonly #rates = new Rates();
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt: number;
  readonly #brokerTopics: BrokerTopics | undefined;
  #heapMost = 0;
  #samples = 0;
  #windowBegan: number;
  #windowMs = topicWindowSamples * everyMs;

  constructor(
    rooms: Rooms,
    beside: {
      readonly mqtt: MqttServer;
      readonly traffic: Traffic;
      readonly facts: { readonly name: string; readonly version: string };
    },
  ) {
    this.#rooms = rooms;
    this.#mqtt = beside.mqtt;
    this.#traffic = beside.traffic;
    this.#facts = beside.facts;
    this.#startedAt = this.#windowBegan = rooms.clock.monotonic();
    this.#timer = setInterval(() => this.#sample(), everyMs).unref();
    const { brokerTopicsEveryMs: turnMs = 10_000 } = rooms.options;
    if (turnMs === 0) return;
    const { flow } = rooms;
    this.#brokerTopics = new BrokerTopics({
      ...{ router: flow.router, figures: () => this.#figures(), everyMs: turnMs },
    });
    flow.ownTopics = this.#brokerTopics;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#brokerTopics?.close();
  }

  top(limit: number): TopResource {
    const { flow, meter, clock } = this.#rooms;
    const { counts, retained } = flow;
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const runsPerSecond = this.#rates.perSecond("runs in");
    const messagesInPerSecond = this.#rates.perSecond("messages in");
    return {
      ...{ name: this.#facts.name, version: this.#facts.version },
      uptimeSeconds: Math.floor((clock.monotonic() - this.#startedAt) / 1000),
      flow: {
        messagesIn: counts.messagesIn,
        messagesInPerSecond,
        payloadBytesIn: counts.payloadBytesIn,
        messagesOutPerSecond: this.#rates.perSecond("messages out"),
        runsIn: counts.runsIn,
        singleRunsIn: counts.singleRunsIn,
        messagesPerRun: runsPerSecond === 0 ? 0 : messagesInPerSecond / runsPerSecond,
        reencodedRuns: counts.reencodedRuns,
        copiedRuns: counts.copiedRuns,
        dropped: { ...counts.dropped },
        withheld: meter.refusals(),
        subscriptions: flow.router.size,
      },
      mqtt: this.#mqtt.facts(),
      retained: {
        ...{ messages: retained.size, bytes: retained.bytes },
        ...{ notKept: retained.notKept, expired: retained.expired },
      },
      memory: { residentBytes: rss, heapBytes: heapUsed },
      cpuSeconds: (user + system) / 1e6,
      clients: this.#clients(limit),
      topics: flow.busyTopics.top(limit).map(({ topic, messages, payloadBytes }) => ({
        topic,
        messagesPerSecond: (messages * 1000) / this.#windowMs,
        payloadBytesPerSecond: (payloadBytes * 1000) / this.#windowMs,
      })),
      agreements: this.#agreements(limit),
    };
  }

  #figures(): BrokerFigures {
    const { flow, clock } = this.#rooms;
    const mqtt = this.#mqtt.facts();
    const heap = process.memoryUsage().heapUsed;
    this.#heapMost = Math.max(this.#heapMost, heap);
    const refused = Object.values(mqtt.refused).reduce((sum, count) => sum + count, 0);
    return {
      version: this.#facts.version,
      uptimeSeconds: Math.floor((clock.monotonic() - this.#startedAt) / 1000),
      clients: {
        ...{ connected: mqtt.connections, away: mqtt.sessionsAway, most: mqtt.connectionsMost },
        ...{ expired: mqtt.sessionsExpired, accepted: mqtt.accepted },
        sockets: mqtt.accepted + refused,
      },
      packets: {
        received: mqtt.messagesIn + mqtt.packetsIn,
        sent: mqtt.messagesOut + mqtt.packetsOut,
      },
      publish: {
        ...{ received: mqtt.messagesIn, sent: mqtt.messagesOut },
        dropped: flow.counts.droppedMessages,
        ...{ bytesReceived: mqtt.payloadBytesIn, bytesSent: mqtt.payloadBytesOut },
      },
      bytes: { received: mqtt.bytesIn, sent: mqtt.bytesOut },
      retained: { count: flow.retained.size, bytes: flow.retained.bytes },
      subscriptions: { count: flow.router.size, shared: flow.router.sharedSize },
      heap: { current: heap, most: this.#heapMost },
    };
  }

  #clients(limit: number): TopClient[] {
    return [...this.#mqtt.clients()]
      .sort((a, b) => b.queuedBytes - a.queuedBytes || sum(b) - sum(a))
      .slice(0, limit)
      .map(({ connectedMs, ...client }) => ({
        ...{ client: client.client, who: client.who, address: client.address },
        connectedSeconds: Math.floor(connectedMs / 1000),
        ...{ messagesIn: client.messagesIn, messagesOut: client.messagesOut },
        ...{ bytesIn: client.bytesIn, bytesOut: client.bytesOut },
        ...{ queuedBytes: client.queuedBytes, inflight: client.inflight, dropped: client.dropped },
      }));
  }

  #agreements(limit: number): TopAgreement[] {
    return this.#traffic
      .flows()
      .filter(({ link }) => link !== "ended")
      .sort((a, b) => b.ratePerSecond - a.ratePerSecond || b.messages - a.messages)
      .slice(0, limit)
      .map(({ agreement, link, ratePerSecond, messages, latencyMs }) => ({
        ...{ agreement, link, messages },
        messagesPerSecond: ratePerSecond,
        ...(latencyMs === undefined ? {} : { lagMs: latencyMs }),
        withheld: { ...this.#rooms.meter.tally(agreement).refused },
      }));
  }

  #sample(): void {
    const { flow, clock } = this.#rooms;
    const now = clock.monotonic();
    this.#rates.sample(now, [
      ["messages in", flow.counts.messagesIn],
      ["runs in", flow.counts.runsIn],
      ["messages out", this.#mqtt.messagesOut],
    ]);
    if (++this.#samples % topicWindowSamples !== 0) return;
    this.#windowMs = Math.max(1, now - this.#windowBegan);
    this.#windowBegan = now;
    flow.busyTopics.turn();
  }
}

function sum({ messagesIn, messagesOut }: ClientFacts): number {
  return messagesIn + messagesOut;
}
