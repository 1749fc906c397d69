/**
 * The conformance suite: what MQTT 3.1.1 and 5.0 ask of a server, held against any broker by its
 * address. `statements-*.ts` list the numbered statements of the specifications, each with tests or
 * with the reason why it cannot be seen from outside; the files named after packets and chapters
 * hold the cases; `suite.ts` runs them, many at a time. Nothing here looks into the broker, knows
 * whose it is, or shares code with it; each case has topics and client identifiers of its own.
 */
import assert from "node:assert/strict";
import mqttPacket, { type IConnackPacket, type IConnectPacket, type Packet } from "mqtt-packet";
import { connectBytes, connectFlag, type ConnectFields, text } from "./bytes.ts";
import { Client, type PublishOptions } from "./client.ts";

export type Version = "3.1.1" | "5.0";

/** Where the broker is. */
export interface Address {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`, with a user name and password where they are needed. */
  readonly url: string;
  /** Where it is spoken to by WebSocket; absent: `url`, if that is one. */
  readonly webSocketUrl?: string | undefined;
}

/** What a broker of version 5 tells of itself in its CONNACK (§3.2.2.3), with the defaults. */
export interface Abilities {
  readonly maximumQos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly wildcards: boolean;
  readonly subscriptionIds: boolean;
  readonly shared: boolean;
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly maximumPacketSize: number;
}

/** Why a case cannot be held against this broker. */
export class Skipped extends Error {}

export interface ConnectOptions extends Partial<IConnectPacket> {
  /** False: messages that come wait for the case to acknowledge them. */
  readonly acknowledges?: boolean;
}

/** What a case is given: the broker, and names nobody else uses. */
export class Broker {
  readonly version: Version;
  readonly level: 4 | 5;
  readonly can: Abilities;
  readonly #address: Address;
  readonly #name: string;
  readonly #clients: Client[] = [];
  readonly #kept = new Set<string>();
  #count = 0;

  constructor(address: Address, version: Version, can: Abilities, name: string) {
    this.#address = address;
    this.version = version;
    this.level = version === "5.0" ? 5 : 4;
    this.can = can;
    this.#name = name;
  }

  /** A topic, or filter, that is this case's alone. */
  topic(name = "t"): string {
    return `conformance/${this.#name}/${name}`;
  }

  /** Of at most 23 letters and digits, which every server takes [MQTT-3.1.3-5]. */
  clientId(): string {
    return `${this.#name}x${this.#count++}`;
  }

  /** Where version 5 says that there are no properties; nothing in 3.1.1. */
  get noProperties(): Buffer {
    return Buffer.alloc(this.level === 5 ? 1 : 0);
  }

  /** A connection on which nothing was sent. */
  open(url = this.#address.url): Client {
    const client = new Client(url, this.level);
    this.#clients.push(client);
    return client;
  }

  /** CONNECT as this broker wants it, with the address's user name and password. */
  connectPacket(more: Partial<IConnectPacket> = {}): IConnectPacket {
    const { username, password } = new URL(this.#address.url);
    return {
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: this.level,
      clientId: this.clientId(),
      clean: true,
      keepalive: 0,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: Buffer.from(decodeURIComponent(password)) }),
      ...more,
    };
  }

  /** CONNECT byte by byte, with the address's user name and password behind what is given. */
  connectBytes(flags: number, payload: readonly Uint8Array[], more: ConnectFields = {}): Buffer {
    const { username, password } = this.connectPacket();
    const own = [username, password].flatMap((one) => (one === undefined ? [] : [text(one)]));
    const named = username === undefined ? 0 : connectFlag.username;
    const secret = password === undefined ? 0 : connectFlag.password;
    return connectBytes(this.level, flags | named | secret, [...payload, ...own], more);
  }

  encoded(packet: Packet): Buffer {
    return mqttPacket.generate(packet, { protocolVersion: this.level });
  }

  /** A client that is let in. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    return (await this.greet(options)).client;
  }

  /** A client that is let in, and what it was told. */
  async greet(
    options: ConnectOptions = {},
  ): Promise<{ readonly client: Client; readonly connack: IConnackPacket }> {
    const { acknowledges = true, ...more } = options;
    const client = this.open();
    client.acknowledges = acknowledges;
    const connack = await client.introduce(this.connectPacket(more));
    assert.equal(codeOf(connack), 0, "CONNACK refuses the client");
    return { client, connack };
  }

  /** A session that outlives its connection for so many seconds (of 3.1.1: for ever). */
  kept(clientId: string, seconds = 60, clean = false): Partial<IConnectPacket> {
    const properties = { sessionExpiryInterval: seconds };
    if (this.level === 4) this.#kept.add(clientId);
    return { clientId, clean, ...(this.level === 5 ? { properties } : {}) };
  }

  /**
   * What has come to the reader once a message that was published later has: whoever published
   * before has been answered, so nothing of it is still to come.
   */
  async messagesAt(reader: Client): Promise<string[]> {
    const end = this.topic(`end/${this.#count++}`);
    await reader.subscribe({ topic: end, qos: 0 });
    await reader.publish(end, "");
    const came: string[] = [];
    for (;;) {
      const { topic, payload } = await reader.next("publish");
      if (topic === end) return came;
      came.push(`${topic} ${payload.toString()}`);
    }
  }

  /** Where the broker takes WebSockets. */
  webSocketUrl(): string {
    const { url, webSocketUrl = url } = this.#address;
    if (/^wss?:/.test(webSocketUrl)) return webSocketUrl;
    throw new Skipped("no WebSocket address is known (--ws URL)");
  }

  needs(ability: "retain" | "wildcards" | "subscriptionIds" | "shared"): void {
    if (!this.can[ability]) throw new Skipped(`CONNACK says that it has no ${ability}`);
  }

  needsQos(qos: 1 | 2): void {
    if (this.can.maximumQos < qos) {
      throw new Skipped(`CONNACK says that its maximum QoS is ${this.can.maximumQos}`);
    }
  }

  needsAliases(): void {
    if (this.can.topicAliasMaximum === 0) throw new Skipped("CONNACK says no topic aliases");
  }

  /** A message of QoS 1 or 2 that the broker refuses, and says so: to a topic of its own. */
  async isRefusing(writer: Client, more: PublishOptions): Promise<void> {
    const code = await writer.publish("$SYS/conformance", "", more);
    if (code < 0x80) throw new Skipped("no message is known that the broker refuses");
  }

  /** Resolves when the broker itself has published there, or seems to have nothing to tell. */
  async tells(filter: string): Promise<void> {
    const witness = await this.connect();
    await witness.subscribe({ topic: filter, qos: 0 });
    const toldNow = async (): Promise<boolean> => !(await witness.next("publish")).retain;
    while (!(await toldNow().catch(() => true)));
  }

  /** Resolves when so much time has passed by the broker's clock: a will's delay says when. */
  async secondsPass(seconds: number): Promise<void> {
    const topic = this.topic(`clock/${this.#count++}`);
    const witness = await this.connect();
    await witness.subscribe({ topic, qos: 0 });
    const properties = { willDelayInterval: seconds };
    const will = { topic, payload: "", qos: 0, retain: false, properties } as const;
    const clock = await this.connect({ ...this.kept(this.clientId(), seconds + 60), will });
    await clock.drop();
    await witness.next("publish");
  }

  /** Ends what a case has left open, and sessions of 3.1.1, which nothing else would end. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.line.destroy();
    for (const clientId of this.#kept) {
      const client = new Client(this.#address.url, this.level);
      await client.introduce(this.connectPacket({ clientId, clean: true })).catch(() => {});
      client.line.end(client.encoded({ cmd: "disconnect" }));
    }
  }
}

export function codeOf({ reasonCode, returnCode }: IConnackPacket): number | undefined {
  return reasonCode ?? returnCode;
}

/** What the broker says that it can; a server of 3.1.1 can all there is. */
export async function abilitiesOf(address: Address, version: Version): Promise<Abilities> {
  const all: Abilities = {
    maximumQos: 2,
    retain: true,
    wildcards: true,
    subscriptionIds: true,
    shared: true,
    receiveMaximum: 65_535,
    topicAliasMaximum: 0,
    maximumPacketSize: 268_435_460,
  };
  const broker = new Broker(address, version, all, `a${process.pid}`);
  try {
    const { connack } = await broker.greet();
    const told = connack.properties ?? {};
    return {
      maximumQos: (told.maximumQoS ?? all.maximumQos) as 0 | 1 | 2,
      retain: told.retainAvailable ?? all.retain,
      wildcards: told.wildcardSubscriptionAvailable ?? all.wildcards,
      subscriptionIds: told.subscriptionIdentifiersAvailable ?? all.subscriptionIds,
      shared: told.sharedSubscriptionAvailable ?? all.shared,
      receiveMaximum: told.receiveMaximum ?? all.receiveMaximum,
      topicAliasMaximum: told.topicAliasMaximum ?? all.topicAliasMaximum,
      maximumPacketSize: told.maximumPacketSize ?? all.maximumPacketSize,
    };
  } finally {
    await broker.close();
  }
}
