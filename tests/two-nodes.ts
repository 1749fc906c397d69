import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ComityHttp } from "../src/client/http.ts";
import { connectMqtt, type MqttClient } from "../src/client/mqtt.ts";
import type { AgreementResource, NewProduct, OfferResource } from "../src/client/resources.ts";
import { type NodeOptions, type RunningNode, startNode } from "../src/node.ts";
import { freePort } from "./free-port.ts";

/** A node under test, with its owner's key to it. */
export interface TestNode {
  readonly node: RunningNode;
  readonly http: ComityHttp;
  readonly token: string;
  readonly options: NodeOptions;
}

export interface TwoNodes {
  readonly provider: TestNode;
  readonly consumer: TestNode;
  /** An owner's MQTT connection. */
  mqtt(side: "provider" | "consumer"): Promise<MqttClient>;
  /** Publishes the product on the provider and agrees to it from the consumer. */
  share(product: NewProduct): Promise<AgreementResource>;
  /** Stops one side and starts it again on the same data. */
  restart(
    side: "provider" | "consumer",
    more?: Partial<NodeOptions>,
    /** While it is stopped. */
    between?: () => Promise<unknown>,
  ): Promise<void>;
  close(): Promise<void>;
}

const localhost = "127.0.0.1";

/** A node on loopback at ports that are free, its data in that folder; `more` goes before. */
export async function nodeOptions(
  data: string,
  more: Partial<NodeOptions> = {},
): Promise<NodeOptions> {
  return {
    name: "tested",
    title: "The node under test",
    country: "NL",
    currency: "EUR",
    place: { lat: 51.9, lon: 4.5 },
    data,
    http: { host: localhost, port: await freePort() },
    mqtt: { host: localhost, port: 0 },
    localPeers: [],
    dev: false,
    publicWorld: false,
    receiptWindowMs: 1000,
    logLevel: "error",
    ...more,
  };
}

/** Two sovereign nodes on loopback that know each other; their data goes with them. */
export async function twoNodes(more: Partial<NodeOptions> = {}): Promise<TwoNodes> {
  const folder = await mkdtemp(join(tmpdir(), "comity-test-"));
  const ports = { provider: await freePort(), consumer: await freePort() };
  const did = (side: "provider" | "consumer"): string => `did:web:localhost%3A${ports[side]}`;
  const localPeers = (["provider", "consumer"] as const).map((side) => ({
    did: did(side),
    url: `http://${localhost}:${ports[side]}`,
  }));
  const optionsOf = (side: "provider" | "consumer"): Promise<NodeOptions> =>
    nodeOptions(join(folder, side), {
      ...{ name: side, title: `The ${side}`, country: side === "provider" ? "NL" : "KE" },
      ...{ did: did(side), http: { host: localhost, port: ports[side] }, localPeers },
      ...{ receiptWindowMs: 100, ...more },
    });
  const sides = {
    provider: await startTestNode(await optionsOf("provider")),
    consumer: await startTestNode(await optionsOf("consumer")),
  };
  await sides.consumer.http.addPeer(sides.provider.node.httpUrl);
  const clients: MqttClient[] = [];
  return {
    get provider() {
      return sides.provider;
    },
    get consumer() {
      return sides.consumer;
    },
    async mqtt(side) {
      const { node, token } = sides[side];
      const client = await connectMqtt({ url: node.mqttUrl, username: "admin", password: token });
      clients.push(client);
      return client;
    },
    async share(product) {
      const { id } = await sides.provider.http.addProduct(product);
      let offer: OfferResource | undefined;
      // The consumer hears of it by an event, a moment later.
      await until(`the consumer finds ${id}`, async () => {
        offer = (await sides.consumer.http.find(id)).find((one) => one.product === id);
        return offer !== undefined;
      });
      if (offer === undefined) throw new Error("it was found");
      return sides.consumer.http.agree(offer.offer, offer.provider);
    },
    async restart(side, changed = {}, between = async () => {}) {
      const { port } = new URL(sides[side].node.mqttUrl);
      await sides[side].node.close();
      await between();
      const mqtt = { host: localhost, port: Number(port) };
      sides[side] = await startTestNode({ ...(await optionsOf(side)), mqtt, ...changed });
    },
    async close() {
      await Promise.all(clients.map((client) => client.end()));
      await sides.consumer.node.close();
      await sides.provider.node.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function startTestNode(options: NodeOptions): Promise<TestNode> {
  const node = await startNode(options);
  const token = (await readFile(join(options.data, "admin-token"), "utf8")).trim();
  return { node, token, options, http: new ComityHttp({ url: node.httpUrl, token }) };
}

/** Both hold the receipt for so many messages; the consumer does so a moment before its provider. */
export async function bothSigned(
  nodes: TwoNodes,
  agreement: string,
  messages: number,
): Promise<void> {
  for (const { http } of [nodes.consumer, nodes.provider]) {
    await until(`both have signed for ${messages} messages`, async () => {
      const used = (await http.usage()).find((one) => one.agreement === agreement);
      return used?.receipted?.messages === messages;
    });
  }
}

/** Resolves when the condition holds; fails, saying what was awaited, after `ms`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
