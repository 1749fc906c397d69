import { connect, type Socket } from "node:net";
import mqttPacket, { type IConnectPacket, type Packet } from "mqtt-packet";

type Cmd = Packet["cmd"];
type Of<C extends Cmd> = Extract<Packet, { cmd: C }>;

const answerMs = 3000;

/** A client that sends whatever it is told to, read by an independent codec. */
export class RawClient {
  /** What came and nobody has taken yet. */
  readonly received: Packet[] = [];
  readonly socket: Socket;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  isClosed = false;
  readonly #version: 4 | 5;
  #wake: (() => void) | undefined;

  constructor(url: string | Socket, version: 4 | 5 = 5) {
    this.#version = version;
    this.socket = typeof url === "string" ? opened(url) : url;
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on("packet", (packet: Packet) => {
      this.received.push(packet);
      this.#wake?.();
    });
    this.socket.on("data", (chunk: Buffer) => parser.parse(chunk));
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.isClosed = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  /** A client that has been let in. */
  static async in(
    url: string | Socket,
    version: 4 | 5 = 5,
    more: Partial<IConnectPacket> = {},
  ): Promise<RawClient> {
    const client = new RawClient(url, version);
    client.send(connectPacket(version, more));
    const { reasonCode, returnCode } = await client.next("connack");
    const code = version === 5 ? reasonCode : returnCode;
    if (code !== 0) throw new Error(`refused with ${code}`);
    return client;
  }

  send(...packets: readonly (Packet | Uint8Array | readonly number[])[]): void {
    const bytes = packets.map((packet) =>
      "cmd" in packet
        ? mqttPacket.generate(packet, { protocolVersion: this.#version })
        : Uint8Array.from(packet),
    );
    this.socket.write(Buffer.concat(bytes));
  }

  /** The next packet of that kind; others stay. */
  async next<C extends Cmd>(cmd: C): Promise<Of<C>> {
    const end = Date.now() + answerMs;
    for (;;) {
      const at = this.received.findIndex((packet) => packet.cmd === cmd);
      if (at >= 0) return this.received.splice(at, 1)[0] as Of<C>;
      if (this.isClosed) throw new Error(`closed before a ${cmd} came`);
      if (Date.now() > end) throw new Error(`no ${cmd} in ${answerMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Asks for an answer, so that all that was sent before has been dealt with. */
  async settled(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next("pingresp");
  }

  async subscribe(
    ...subscriptions: readonly {
      topic: string;
      qos: 0 | 1 | 2;
      nl?: boolean;
      rap?: boolean;
      rh?: number;
    }[]
  ): Promise<readonly number[]> {
    this.send({ cmd: "subscribe", messageId: 1, subscriptions: [...subscriptions] });
    const { granted } = await this.next("suback");
    return granted as number[];
  }

  /** The texts of the messages that came so far, taken out. */
  async messages(): Promise<string[]> {
    await this.settled();
    const texts: string[] = [];
    for (let i = 0; i < this.received.length;) {
      const packet = this.received[i]!;
      if (packet.cmd === "publish") {
        texts.push(`${packet.topic} ${packet.payload.toString()}`);
        this.received.splice(i, 1);
      } else i++;
    }
    return texts;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function opened(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect({ host: hostname, port: Number(port), noDelay: true });
}

export function connectPacket(version: 4 | 5, more: Partial<IConnectPacket> = {}): IConnectPacket {
  return {
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: version,
    clientId: `raw-${Math.random()}`,
    clean: true,
    keepalive: 0,
    ...more,
  };
}

export function publishPacket(
  topic: string,
  payload: string,
  more: Partial<Of<"publish">> = {},
): Of<"publish"> {
  return { cmd: "publish", topic, payload, qos: 0, retain: false, dup: false, ...more };
}
