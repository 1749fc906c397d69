import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import mqttPacket, { type Packet } from "mqtt-packet";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { Links, type LinksOptions } from "../../src/federate/links.ts";
import { Flow } from "../../src/flow/flow.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { neverCrash } from "../../src/kernel/crash.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { type Happening, Journal } from "../../src/kernel/journal.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { ConsumerCounts } from "../../src/meter/consumer-counts.ts";
import { Meter } from "../../src/meter/usage.ts";
import type { Store } from "../../src/ports/store.ts";
import { type LinkControl, encodeControl, linkTopic } from "../../src/wire/link/control.ts";
import { encodePublish } from "../../src/wire/mqtt/encode.ts";

export const agreement = {
  id: "urn:uuid:a",
  role: "consumer",
  provider: "did:web:provider.example",
  consumer: "did:web:consumer.example",
  product: "soil",
  title: "Soil",
  delivery: "logged",
  topics: ["soil/+"],
  price: { amount: "0", currency: "EUR", perMessages: 1 },
  state: "active",
} as unknown as Agreement;

export interface ScriptedProvider {
  readonly url: string;
  /** Every CONNECT, in order. */
  readonly greetings: readonly { readonly username: string; readonly password: string }[];
  /** What was acknowledged, in order. */
  readonly acknowledged: readonly LinkControl[];
  /** How often it was left in good order: UNSUBSCRIBE, or DISCONNECT. */
  readonly farewells: number;
  /** What CONNECT is answered with; 0 lets it in. */
  connackCode: number;
  /** Sent as soon as the link is asked for. */
  onSubscribed: (send: (...packets: readonly Buffer[]) => void) => void;
}

/** A provider that sends what a test tells it, on a socket of an independent codec. */
export async function scriptedProvider(t: TestContext): Promise<ScriptedProvider> {
  const greetings: { username: string; password: string }[] = [];
  const acknowledged: LinkControl[] = [];
  let farewells = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    const answer = (packet: Packet): unknown =>
      socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    parser.on("packet", (packet: Packet) => {
      if (packet.cmd === "connect") {
        greetings.push({
          username: packet.username ?? "",
          password: String(packet.password),
        });
        const reasonCode = provider.connackCode;
        answer({ cmd: "connack", sessionPresent: false, reasonCode });
      } else if (packet.cmd === "subscribe") {
        answer({ cmd: "suback", messageId: packet.messageId ?? 1, granted: [0] });
        provider.onSubscribed((...packets) => void socket.write(Buffer.concat(packets)));
      } else if (packet.cmd === "unsubscribe") {
        farewells++;
        answer({ cmd: "unsuback", messageId: packet.messageId ?? 1, granted: [0] });
      } else if (packet.cmd === "disconnect") {
        farewells++;
      } else if (packet.cmd === "publish") acknowledged.push(JSON.parse(String(packet.payload)));
    });
    socket.on("data", (chunk: Buffer) => parser.parse(chunk));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const provider: ScriptedProvider = {
    url: `mqtt://127.0.0.1:${port}`,
    greetings,
    acknowledged,
    get farewells() {
      return farewells;
    },
    connackCode: 0,
    onSubscribed: () => {},
  };
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return provider;
}

export interface Consumer {
  readonly links: Links;
  readonly flow: Flow;
  readonly store: Store;
  readonly counts: ConsumerCounts;
  /** What the journal says of links, in order. */
  readonly said: () => readonly Happening[];
}

/** A consumer's side with a real store and data plane; the contracts are the test's. */
export async function consumerOf(
  t: TestContext,
  url: string,
  more: Partial<LinksOptions> = {},
): Promise<Consumer> {
  const dir = await mkdtemp(join(tmpdir(), "comity-link-"));
  const outside = { clock: systemClock, crash: neverCrash, entropy: systemEntropy };
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  const usage = await Meter.open({ store, ...outside });
  const flow = await Flow.open({ store, usage, ...outside, secret: new Uint8Array(32) });
  const counts = await ConsumerCounts.open(store, systemClock);
  const journal = new Journal();
  const address = { endpoint: url, username: "the-user", token: "the-token" };
  const links = new Links({
    fetches: () => true,
    ...{ flow, store, journal, counts },
    ...outside,
    nameOf: () => "provider",
    did: agreement.consumer,
    passwordFor: async () => "a-token-of-its-own",
    addressOf: async () => address,
    renew: async () => address,
    lookupOf: () => undefined,
    onEnded: () => {},
    ...more,
  });
  t.after(async () => {
    await links.close();
    await flow.close();
    await usage.close();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });
  const said = (): readonly Happening[] =>
    journal.latest().filter(({ kind }) => kind.startsWith("link."));
  return { links, flow, store, counts, said };
}

export function data(topic: string, payload: string, properties = {}): Buffer {
  return encodePublish(5, { topic, payload: Buffer.from(payload), properties });
}

export function checkpoint(messages: number, payloadBytes: number, position = messages): Buffer {
  const at = Date.now();
  return control({ t: "checkpoint", at, epoch: "e", position, messages, payloadBytes });
}

export function control(said: LinkControl): Buffer {
  return encodePublish(5, { topic: linkTopic(agreement.id), payload: encodeControl(said) });
}
