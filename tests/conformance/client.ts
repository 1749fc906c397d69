import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import mqttPacket, { type IConnectPacket, type Packet } from "mqtt-packet";
import { openLine } from "./line.ts";

type Cmd = Packet["cmd"];
type PacketOf<C extends Cmd> = Extract<Packet, { cmd: C }>;

/** A packet as it came: decoded, and its bytes. */
export type Arrived<C extends Cmd = Cmd> = PacketOf<C> & {
  readonly first: number;
  readonly body: Buffer;
};

export interface Subscription {
  readonly topic: string;
  readonly qos?: 0 | 1 | 2;
  /** No local, retain as published, retain handling: version 5. */
  readonly nl?: boolean;
  readonly rap?: boolean;
  readonly rh?: 0 | 1 | 2;
}

export type PublishOptions = Partial<Omit<PacketOf<"publish">, "cmd" | "topic" | "payload">>;

const answerMs = 5000;
/** Of DISCONNECT, what a server may say where it ends a connection for an error (§3.14.2.1). */
const errorCodes = new Set([
  ...[0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95],
  ...[0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2],
]);

/**
 * A client that sends whatever it is told to. What comes is cut into packets here and read by
 * `mqtt-packet`, a codec that shares nothing with the broker under test.
 */
export class Client {
  /** What came and nobody has taken yet. */
  readonly arrived: Arrived[] = [];
  readonly level: 4 | 5;
  readonly line: Duplex;
  /** Whether messages that come are acknowledged at once. */
  acknowledges = true;
  isClosed = false;
  #problem: Error | undefined;
  #rest = Buffer.alloc(0);
  #nextId = 1;
  readonly #waiting = new Set<() => void>();

  constructor(url: string, level: 4 | 5) {
    this.level = level;
    this.line = openLine(url);
    this.line.on("data", (chunk: Buffer) => this.#read(chunk));
    this.line.on("error", () => this.line.destroy());
    this.line.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
    // Who is hung up on hangs up as well: a half-open line is a line that was closed.
    this.line.on("end", () => this.line.end());
  }

  send(...packets: readonly (Packet | Uint8Array)[]): void {
    const parts = packets.map((one) => ("cmd" in one ? this.encoded(one) : one));
    if (!this.line.destroyed) this.line.write(Buffer.concat(parts));
  }

  encoded(one: Packet): Buffer {
    return mqttPacket.generate(one, { protocolVersion: this.level });
  }

  /** CONNECT, and the CONNACK that answers it, whatever it says. */
  async introduce(connect: IConnectPacket): Promise<Arrived<"connack">> {
    this.send(connect);
    return this.next("connack");
  }

  /** The next packet of that kind; others stay. */
  async next<C extends Cmd>(cmd: C): Promise<Arrived<C>> {
    let found: Arrived | undefined;
    await this.#until(
      () => {
        const at = this.arrived.findIndex((one) => one.cmd === cmd);
        if (at >= 0) [found] = this.arrived.splice(at, 1);
        return found !== undefined || this.isClosed;
      },
      () => `no ${cmd.toUpperCase()} came, but ${this.#summary()}`,
    );
    if (found === undefined) {
      assert.fail(`closed before a ${cmd.toUpperCase()} came; ${this.#summary()}`);
    }
    return found as Arrived<C>;
  }

  /** The next message, as `topic payload`. */
  async message(): Promise<string> {
    return messageOf(await this.next("publish"));
  }

  /** Asks for an answer, so that all that was sent before has been dealt with. */
  async settled(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next("pingresp");
  }

  /** The codes of SUBACK; it must answer this very SUBSCRIBE. */
  async subscribe(
    wanted: string | Subscription | readonly Subscription[],
    more: Partial<PacketOf<"subscribe">> = {},
  ): Promise<readonly number[]> {
    const list = typeof wanted === "string" ? [{ topic: wanted }] : [wanted].flat();
    const subscriptions = list.map((one) => ({ qos: 2 as const, ...one }));
    const messageId = this.newId();
    this.send({ cmd: "subscribe", messageId, subscriptions, ...more });
    const suback = await this.next("suback");
    assert.equal(suback.messageId, messageId, "the SUBACK has another packet identifier");
    return suback.granted as number[];
  }

  /** The codes of UNSUBACK; of version 3.1.1, none. */
  async unsubscribe(...unsubscriptions: readonly string[]): Promise<readonly number[]> {
    const messageId = this.newId();
    this.send({ cmd: "unsubscribe", messageId, unsubscriptions: [...unsubscriptions] });
    const unsuback = await this.next("unsuback");
    assert.equal(unsuback.messageId, messageId, "the UNSUBACK has another packet identifier");
    if (this.level === 4) assert.equal(unsuback.body.length, 2, "UNSUBACK has a payload");
    return unsuback.granted ?? [];
  }

  /**
   * Publishes and sees it through; the reason code that took or refused it. The broker has then
   * dealt with it, whatever its QoS.
   */
  async publish(topic: string, payload: string, more: PublishOptions = {}): Promise<number> {
    const { qos = 0 } = more;
    const messageId = more.messageId ?? this.newId();
    const flags = { retain: false, dup: false };
    const ids = qos === 0 ? {} : { messageId };
    this.send({ cmd: "publish", topic, payload, ...flags, ...more, qos, ...ids });
    if (qos === 0) {
      await this.settled();
      return 0;
    }
    const answer = await this.next(qos === 1 ? "puback" : "pubrec");
    assert.equal(answer.messageId, messageId, "it is answered with another packet identifier");
    const code = answer.reasonCode ?? 0;
    if (qos === 1 || code >= 0x80) return code;
    this.send({ cmd: "pubrel", messageId });
    const complete = await this.next("pubcomp");
    assert.equal(complete.messageId, messageId, "PUBCOMP has another packet identifier");
    return code;
  }

  /** A packet identifier that is not in use. */
  newId(): number {
    return this.#nextId++;
  }

  /** Resolves when the broker has closed the connection. */
  async closed(withinMs = answerMs): Promise<void> {
    await this.#until(
      () => this.isClosed,
      () => `the connection stays open; ${this.#summary()}`,
      withinMs,
    );
  }

  /**
   * The broker ends the connection for an error: at once, or with a DISCONNECT before that
   * (version 5), whose reason code is one of these; without any, it is one for errors.
   */
  async ended(...codes: readonly number[]): Promise<void> {
    await this.closed();
    const told = this.arrived.find((one) => one.cmd === "disconnect");
    if (told === undefined) return;
    assert.equal(this.level, 5, "a server of version 3.1.1 sends no DISCONNECT");
    const code = told.reasonCode ?? 0;
    const isOne = codes.length === 0 ? errorCodes.has(code) : codes.includes(code);
    assert.ok(isOne, `DISCONNECT says ${hex(code)}, not ${codes.map(hex).join(" or ")}`);
  }

  /** Leaves as a client should. */
  async leave(more: Partial<PacketOf<"disconnect">> = {}): Promise<void> {
    this.send({ cmd: "disconnect", ...more });
    this.line.end();
    await this.closed();
  }

  /** Goes without a word, as where the network fails. */
  async drop(): Promise<void> {
    this.line.destroy();
    await this.closed();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const cut = lengthOf(this.#rest);
      if (cut === undefined || this.#rest.length < cut.end) break;
      this.#take(this.#rest.subarray(0, cut.end), cut.start);
      this.#rest = this.#rest.subarray(cut.end);
    }
    this.#wake();
  }

  #take(whole: Buffer, bodyAt: number): void {
    const parser = mqttPacket.parser({ protocolVersion: this.level });
    parser.on("packet", (one: Packet) => {
      const packet = Object.assign(one, { first: whole[0]!, body: whole.subarray(bodyAt) });
      this.arrived.push(packet);
      if (this.acknowledges) this.#acknowledge(packet);
    });
    parser.on("error", (error: Error) => {
      this.#problem ??= new Error(`an unreadable packet came: ${error.message}`);
    });
    parser.parse(whole);
  }

  #acknowledge(packet: Arrived): void {
    const messageId = packet.messageId ?? 0;
    if (packet.cmd === "pubrel") this.send({ cmd: "pubcomp", messageId });
    if (packet.cmd !== "publish" || packet.qos === 0) return;
    this.send({ cmd: packet.qos === 1 ? "puback" : "pubrec", messageId });
  }

  async #until(holds: () => boolean, otherwise: () => string, withinMs = answerMs): Promise<void> {
    const end = Date.now() + withinMs;
    while (!holds()) {
      if (this.#problem !== undefined) throw this.#problem;
      const left = end - Date.now();
      if (left <= 0) assert.fail(`${otherwise()} within ${withinMs / 1000} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    if (this.#problem !== undefined) throw this.#problem;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #summary(): string {
    if (this.arrived.length === 0) return "nothing else came";
    const kinds = Map.groupBy(this.arrived, ({ cmd }) => cmd.toUpperCase());
    return `what came: ${[...kinds].map(([kind, all]) => `${all.length} ${kind}`).join(", ")}`;
  }
}

export function messageOf({ topic, payload }: PacketOf<"publish">): string {
  return `${topic} ${payload.toString()}`;
}

export function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, "0")}`;
}

/** Where the first packet's content begins and ends; undefined while its header is not here. */
function lengthOf(bytes: Buffer): { readonly start: number; readonly end: number } | undefined {
  let length = 0;
  for (let at = 1; at <= 4; at++) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return { start: at + 1, end: at + 1 + length };
  }
  return { start: 5, end: bytes.length };
}
