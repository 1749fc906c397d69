import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgreementResource } from "../../src/client/resources.ts";
import { MqttClient } from "../../src/client/mqtt.ts";
import { attachProperties } from "../../src/wire/link/attach.ts";
import { linkTopic } from "../../src/wire/link/control.ts";
import { twoNodes, until, type TwoNodes } from "../two-nodes.ts";
import { readWholeLog } from "./recorded.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

/** Products of the same topics, and an agreement on each. */
async function shareAll(
  world: TwoNodes,
  products: Readonly<Record<string, "live" | "logged">>,
): Promise<AgreementResource[]> {
  for (const [id, delivery] of Object.entries(products)) {
    const product = { id, title: id, topics: ["soil/+"], delivery, terms: { price } };
    await world.provider.http.addProduct(product);
  }
  const agreements: AgreementResource[] = [];
  for (const id of Object.keys(products)) {
    const offer = (await world.consumer.http.find(id)).find(({ product }) => product === id)!;
    agreements.push(await world.consumer.http.agree(offer.offer, offer.provider));
  }
  return agreements;
}

async function connections(world: TwoNodes): Promise<number> {
  return (await world.provider.http.status()).mqtt.connections;
}

async function counted(world: TwoNodes, { id }: AgreementResource): Promise<number> {
  const usages = await world.consumer.http.usage();
  return usages.find(({ agreement }) => agreement === id)?.messages ?? 0;
}

async function stored(world: TwoNodes, product: string): Promise<(string | undefined)[]> {
  const lines = await readWholeLog(world.consumer.http, `from/provider/${product}`);
  return lines.map(({ payload }) => payload);
}

function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

async function isUp(world: TwoNodes, { id }: AgreementResource): Promise<boolean> {
  const { links } = await world.consumer.http.status();
  return links.find(({ agreement }) => agreement === id)?.state === "up";
}

test("one connection - agreements share a connection, each with its own stream and end", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  // The same topics in two products: only the link says whose a packet is.
  const [one, two, live] = await shareAll(world, { one: "logged", two: "logged", live: "live" });
  await until("the live link is up", () => isUp(world, live!));
  assert.equal(await connections(world), 1);
  const app = await world.mqtt("consumer");
  const heard: string[] = [];
  await app.subscribe("from/provider/live/#", {}, (m) => heard.push(m.payload.toString()));
  const device = await world.mqtt("provider");
  const send = (prefix: string, n: number) =>
    Promise.all(texts(prefix, n).map((text) => device.publish("soil/a", text, { qos: 1 })));
  await send("a", 50);
  for (const agreement of [one, two, live]) {
    await until("all of it is counted", async () => (await counted(world, agreement!)) === 50);
  }
  await world.consumer.http.revoke(two!.id);
  await send("b", 30);
  await until("one goes on", async () => (await counted(world, one!)) === 80);
  await until("live goes on", async () => (await counted(world, live!)) === 80);
  assert.deepEqual(await stored(world, "one"), [...texts("a", 50), ...texts("b", 30)]);
  assert.deepEqual(await stored(world, "two"), texts("a", 50));
  assert.deepEqual(heard, [...texts("a", 50), ...texts("b", 30)]);
});

test("one connection - one that is cut and mended leaves the others, and misses nothing", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const [one, two] = await shareAll(world, { one: "logged", two: "logged" });
  const device = await world.mqtt("provider");
  const device2 = await world.mqtt("provider");
  const publishing = { goesOn: true };
  let sent = 0;
  const sender = (async () => {
    while (publishing.goesOn) {
      await Promise.all(
        [device, device2].map((d) => d.publish("soil/a", `n${sent++}`, { qos: 1 })),
      );
    }
  })();
  for (let i = 0; i < 6; i++) {
    await world.consumer.http.link(two!.id, "cut");
    await sleep(30);
    await world.consumer.http.link(two!.id, "mend");
    await sleep(60);
  }
  publishing.goesOn = false;
  await sender;
  await until("one has all", async () => (await counted(world, one!)) === sent);
  await until("two has all", async () => (await counted(world, two!)) === sent);
  assert.equal((await stored(world, "two")).length, sent);
  assert.equal(new Set(await stored(world, "two")).size, sent);
  await until("the provider has each acknowledgement, and counts each once", async () => {
    const usages = await world.provider.http.usage();
    return usages.every(({ messages }) => messages === sent);
  });
});

test("one connection - a budget is kept, told, and lags a logged stream without loss", async (t) => {
  const world = await twoNodes({ limits: { linkBytesPerSecondMax: 40_000 } });
  t.after(() => world.close());
  const [soil] = await shareAll(world, { soil: "logged" });
  const { http } = world.consumer;
  const budget = async () => (await http.links())[0]?.bytesPerSecond;
  await until("the provider's cap is told", async () => (await budget()) === 40_000);
  await http.linkBudget(soil!.id, 20_000);
  await until("the smaller of both is told", async () => (await budget()) === 20_000);
  const device = await world.mqtt("provider");
  const send = () => device.publish("soil/a", randomBytes(1000), { qos: 1 });
  await Promise.all(Array.from({ length: 50 }, () => send()));
  const began = performance.now();
  await until("all has come", async () => (await counted(world, soil!)) === 50, 20_000);
  // 50 kB at 20 kB/s, of which a second's worth may come at once
  assert.ok(performance.now() - began > 500, `${performance.now() - began} ms`);
  const [link] = await http.links();
  assert.equal(link?.encoding, "zstd");
  assert.equal(link?.behind, 0);
  await http.linkBudget(soil!.id, null);
  await until("the cap stands again", async () => (await budget()) === 40_000);
});

test("one connection - a participant's own token lets it in once, and attaches nothing by itself", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const { id, consumer } = await world.share({
    ...{ id: "soil", title: "Soil", topics: ["soil/+"], delivery: "logged" },
    terms: { price },
  });
  const url = world.provider.node.mqttUrl;
  const knock = async (username: string, password: string): Promise<MqttClient> => {
    const client = new MqttClient({ url, username, password }, () => {});
    t.after(() => client.destroy());
    await client.connected;
    return client;
  };
  await assert.rejects(knock(consumer, "no token"), /not known here/);
  await assert.rejects(knock("did:web:stranger.example", "no token"), /not known here/);
  // A link's own CONNECT, seen on its way, opens nothing a second time.
  const { openEmbeddedSigner } = await import("../../src/engines/embedded/signer.ts");
  const { systemClock } = await import("../../src/kernel/clock.ts");
  const { systemEntropy } = await import("../../src/kernel/id.ts");
  const signer = await openEmbeddedSigner({
    dir: world.consumer.options.data,
    did: consumer,
    clock: systemClock,
    entropy: systemEntropy,
  });
  const jwt = await signer.token(world.provider.node.did, 60);
  const client = await knock(consumer, jwt);
  await assert.rejects(knock(consumer, jwt), /not known here/);
  const elsewhere = await signer.token("did:web:elsewhere.example", 60);
  await assert.rejects(knock(consumer, elsewhere), /not known here/);
  const attach = (agreement: string, token: string) =>
    client.subscribe(linkTopic(agreement), {
      properties: attachProperties({ token, claimed: undefined, bytesPerSecondMax: undefined }),
    });
  await assert.rejects(attach(id, "wrong"), /the token is wrong/);
  await assert.rejects(attach("urn:uuid:nobody", "wrong"), /the token is wrong/);
  await assert.rejects(client.subscribe("soil/+", {}), /reason code 0x8f/);
  await world.consumer.http.revoke(id);
  await until("the provider knows", async () => {
    const [agreement] = await world.provider.http.agreements();
    return agreement?.state === "ended";
  });
  await assert.rejects(attach(id, "wrong"), /the agreement has ended: revoked/);
});
