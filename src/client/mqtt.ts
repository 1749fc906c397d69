import { connect as connectSocket, type Socket } from "node:net";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { matches } from "../kernel/topic.ts";
import { textOf } from "../wire/mqtt/cursor.ts";
import {
  decodeAcknowledgement,
  decodeConnack,
  decodeDisconnect,
  decodeSuback,
} from "../wire/mqtt/decode.ts";
import {
  encodeConnect,
  encodeDisconnect,
  encodePubacks,
  encodePublish,
  encodeSubscribe,
  encodeUnsubscribe,
  pingreq,
} from "../wire/mqtt/encode.ts";
import { PacketStream, type PacketSink, type ScannedRun } from "../wire/mqtt/packet-stream.ts";
import {
  packetIdAfter,
  packetIdMax,
  packetType,
  ProtocolError,
  reason,
} from "../wire/mqtt/protocol.ts";
import type { Properties } from "../wire/mqtt/properties.ts";
import { isRetain, propertiesAt, qosIn, walkPublishes } from "../wire/mqtt/publish.ts";
import type { InboundMessage, MqttClientOptions, PublishOptions } from "./types.ts";

/** The longest message a node takes unless told otherwise, with room for what it adds. */
export const packetBytesMax = 1_048_576 + 65_536;
const connectTimeoutMs = 10_000;
const farewellMs = 2_000;

export type MessageListener = (message: InboundMessage) => void;

/** Takes whole runs instead of single messages, as a link between nodes does. */
export type RunListener = (run: ScannedRun) => void;

/** To SUBSCRIBE or UNSUBSCRIBE. */
type Reply = Omit<ReturnType<typeof decodeSuback>, "id">;

/** Resolves when the server has accepted the connection. */
export async function connectMqtt(options: MqttClientOptions): Promise<MqttClient> {
  const client = new MqttClient(options);
  await client.connected;
  return client;
}

/**
 * A small MQTT 5 client: QoS 0 and 1, subscriptions, keep-alive. It does not reconnect: `closed`
 * says when it is over, and who uses it decides what then.
 */
export class MqttClient implements PacketSink {
  readonly connected: Promise<void>;
  /** Resolves with why, when the connection is over. */
  readonly closed: Promise<string>;
  readonly #options: MqttClientOptions;
  readonly #socket: Socket;
  readonly #stream: PacketStream;
  readonly #connecting = Promise.withResolvers<void>();
  readonly #closing = Promise.withResolvers<string>();
  readonly #unacknowledged = new Map<number, PromiseWithResolvers<void>>();
  readonly #replies = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #listeners: { readonly filter: string; readonly listener: MessageListener }[] = [];
  #onRun: RunListener | undefined;
  #nextId = 1;
  #why = "the connection was closed";
  #reasonCode: number | undefined;
  #over = false;
  #corked = false;
  #drained: PromiseWithResolvers<void> | undefined;
  #heardAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MqttClientOptions, onRun?: RunListener) {
    this.#options = options;
    this.#onRun = onRun;
    this.connected = this.#connecting.promise;
    this.closed = this.#closing.promise;
    const url = new URL(options.url);
    this.#stream = new PacketStream(this, options.packetBytesMax ?? packetBytesMax);
    this.#stream.version = 5;
    const socket = connectSocket({
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"), // an IPv6 address stands in brackets
      port: Number(url.port || 1883),
      noDelay: true,
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    });
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#fail("no answer in time"), connectTimeoutMs);
    socket.on("connect", () => this.#greet());
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("drain", () => this.#drained?.resolve());
    socket.on("error", (error) => this.#fail(problemOf(error)));
    socket.on("close", () => this.#finish());
  }

  /** Why, in MQTT's terms (§2.4), where the server refused, ended it or broke the protocol. */
  get reasonCode(): number | undefined {
    return this.#reasonCode;
  }

  /** Resolves with what the server says of it when it has granted it; rejects with why not. */
  async subscribe(
    filter: string,
    options: { readonly qos?: 0 | 1; readonly properties?: Properties },
    listener?: MessageListener,
  ): Promise<Properties> {
    const entry = listener === undefined ? undefined : { filter, listener };
    if (entry !== undefined) this.#listeners.push(entry);
    const request = { filter, qos: options.qos ?? 0 };
    const { reasonCodes, properties } = await this.#ask((id) =>
      encodeSubscribe(5, id, [request], options.properties),
    );
    const [code = 0x80] = reasonCodes;
    if (code < 0x80) return properties;
    if (entry !== undefined) this.#listeners.splice(this.#listeners.indexOf(entry), 1);
    throw new ComityError("FORBIDDEN", {
      who: this.#options.username ?? "this client",
      act: `subscribe to ${filter} (${properties.reasonString ?? `reason code 0x${code.toString(16)}`})`,
      reasonCode: code,
    });
  }

  async unsubscribe(filter: string): Promise<void> {
    for (let i = this.#listeners.length - 1; i >= 0; i--) {
      if (this.#listeners[i]!.filter === filter) this.#listeners.splice(i, 1);
    }
    await this.#ask((id) => encodeUnsubscribe(5, id, [filter]));
  }

  /**
   * QoS 0: resolves when there is room for more, so that who waits for it cannot outrun the
   * connection; QoS 1: when the server has acknowledged it.
   */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<void> {
    const { qos = 0, retain = false, userProperties } = options;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    const properties: Properties =
      userProperties === undefined
        ? {}
        : { userProperties: userProperties.map(([k, v]) => [k, v]) };
    if (this.#over) return Promise.reject(this.#gone());
    if (qos === 0) {
      this.#write(encodePublish(5, { topic, payload: bytes, retain, properties }));
      return this.#room();
    }
    if (this.#unacknowledged.size + this.#replies.size >= packetIdMax) {
      const what = "messages that wait for their acknowledgement";
      return Promise.reject(new ComityError("LIMIT_REACHED", { limit: packetIdMax, what }));
    }
    const id = this.#takeId();
    const reply = Promise.withResolvers<void>();
    this.#unacknowledged.set(id, reply);
    this.#write(encodePublish(5, { topic, payload: bytes, qos, retain, id, properties }));
    return reply.promise;
  }

  /** Ends in good order; what was published before is on its way. */
  async end(): Promise<void> {
    if (!this.#over) {
      this.#socket.end(encodeDisconnect(5, reason.normalDisconnection));
      const timer = setTimeout(() => this.#socket.destroy(), farewellMs);
      await this.closed;
      clearTimeout(timer);
    }
    await this.closed;
  }

  /** Cuts the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  onRun(run: ScannedRun): void {
    if (this.#onRun !== undefined) {
      this.#onRun(run);
      return;
    }
    const topic = textOf(run.topic);
    const qos = qosIn(run.first);
    const listeners = this.#listeners.filter(({ filter }) => matches(filter, topic));
    walkPublishes(run.packets, { version: 5, withIds: qos > 0 }, (place) => {
      const message: InboundMessage = {
        topic,
        payload: run.packets.subarray(place.payloadAt, place.end),
        qos,
        retain: isRetain(run.first),
        userProperties: propertiesAt(run.packets, place).userProperties ?? [],
      };
      for (const { listener } of listeners) listener(message);
    });
    if (qos === 1) this.#write(encodePubacks(run.ids));
  }

  onPacket(first: number, body: Buffer): void {
    switch (first >> 4) {
      case packetType.connack:
        this.#onConnack(body);
        return;
      case packetType.puback: {
        const { id, reasonCode } = decodeAcknowledgement(body, 5);
        const reply = this.#unacknowledged.get(id);
        this.#unacknowledged.delete(id);
        if (reasonCode < 0x80) reply?.resolve();
        else reply?.reject(this.#refused(reasonCode));
        return;
      }
      case packetType.suback:
      case packetType.unsuback: {
        const { id, ...reply } = decodeSuback(body, 5);
        this.#replies.get(id)?.resolve(reply);
        this.#replies.delete(id);
        return;
      }
      case packetType.disconnect: {
        const { reasonCode, properties } = decodeDisconnect(body, 5);
        const why = properties.reasonString ?? `the server ended it (0x${reasonCode.toString(16)})`;
        this.#fail(why, reasonCode);
      }
    }
  }

  #greet(): void {
    const { clientId = "", username, password, keepAliveSeconds = 30 } = this.#options;
    const { cleanStart = true, sessionExpirySeconds, will } = this.#options;
    this.#socket.write(
      encodeConnect(5, {
        clientId,
        cleanStart,
        keepAliveSeconds,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(will && {
          will: {
            qos: 0,
            retain: false,
            ...will,
            payload: Buffer.from(will.payload),
            properties: {},
          },
        }),
        properties: sessionExpirySeconds === undefined ? {} : { sessionExpirySeconds },
      }),
    );
  }

  #onConnack(body: Buffer): void {
    const { reasonCode, properties } = decodeConnack(body, 5);
    if (reasonCode !== 0) {
      const why = properties.reasonString ?? `refused (0x${reasonCode.toString(16)})`;
      this.#fail(why, reasonCode);
      return;
    }
    clearTimeout(this.#timer);
    const granted = properties.serverKeepAlive ?? this.#options.keepAliveSeconds ?? 30; // [MQTT-3.1.2-21]
    if (granted > 0) this.#keepAlive(granted * 1000);
    this.#connecting.resolve();
  }

  /** Only what is heard says that the server is there: writing into a dead connection works. */
  #keepAlive(periodMs: number): void {
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heardAt > periodMs * 1.5) this.#fail("the server fell silent");
      else this.#write(pingreq);
    }, periodMs / 2);
    this.#timer.unref();
  }

  #onData(chunk: Buffer): void {
    this.#heardAt = performance.now();
    try {
      this.#stream.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(`the server broke the protocol: ${error.message}`, error.reasonCode);
    }
  }

  async #ask(encode: (id: number) => Buffer): Promise<Reply> {
    if (this.#over) throw this.#gone();
    const id = this.#takeId();
    const reply = Promise.withResolvers<Reply>();
    this.#replies.set(id, reply);
    this.#write(encode(id));
    return reply.promise;
  }

  #takeId(): number {
    do this.#nextId = packetIdAfter(this.#nextId);
    while (this.#unacknowledged.has(this.#nextId) || this.#replies.has(this.#nextId));
    return this.#nextId;
  }

  /** What is written in one turn of the event loop leaves as one write. */
  #write(bytes: Buffer): void {
    if (this.#over) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes);
  }

  #room(): Promise<void> {
    if (!this.#socket.writableNeedDrain) return Promise.resolve();
    if (this.#drained === undefined) {
      const drained = Promise.withResolvers<void>();
      this.#drained = drained;
      // Who does not wait for it need not hear how it went.
      drained.promise.catch(() => {}).finally(() => (this.#drained = undefined));
    }
    return this.#drained.promise;
  }

  #fail(why: string, reasonCode?: number): void {
    this.#why = why;
    this.#reasonCode = reasonCode;
    this.#socket.destroy();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    const gone = this.#gone();
    this.#connecting.reject(gone);
    this.#drained?.reject(gone);
    for (const reply of this.#unacknowledged.values()) reply.reject(gone);
    for (const reply of this.#replies.values()) reply.reject(gone);
    this.#closing.resolve(this.#why);
  }

  #gone(): ComityError {
    const details = { url: this.#options.url, problem: this.#why };
    const code = this.#reasonCode;
    return new ComityError(
      "CONNECT_FAILED",
      code === undefined ? details : { ...details, reasonCode: code },
    );
  }

  #refused(reasonCode: number): ComityError {
    const act = `publish there (reason code 0x${reasonCode.toString(16)})`;
    return new ComityError("FORBIDDEN", { who: this.#options.username ?? "this client", act });
  }
}
