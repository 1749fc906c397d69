/** What a product's messages look like, before there is an agreement: through its offer alone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ProductSamples } from "../../src/federate/samples.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { SampleMessage } from "../../src/flow/samples.ts";
import type { Grant } from "../../src/market/grant.ts";
import type { Terms } from "../../src/market/product.ts";
import { productFrom } from "../../src/market/new-product.ts";
import type { NewProduct, OfferResource, SampleResource } from "../../src/client/resources.ts";
import type { MqttClient } from "../../src/client/mqtt.ts";
import { runCli } from "../../src/cli/program.ts";
import { leaveSeat, type Seat, takeSeat } from "../03-contract/side.ts";
import { openStranger, type Stranger } from "../03-contract/stranger.ts";
import { startTestNode, type TestNode, twoNodes, type TwoNodes, until } from "../two-nodes.ts";

const free = { amount: "0", currency: "EUR", perMessages: 1 };
const priced = { amount: "1", currency: "EUR", perMessages: 1 };

let world: TwoNodes;
let device: MqttClient;

before(async () => {
  world = await twoNodes();
  device = await world.mqtt("provider");
});
after(() => world.close());

async function offer(product: NewProduct & { readonly id: string }): Promise<void> {
  await world.provider.http.addProduct(product);
}

/** Over the peers' door, which answers once a minute. */
async function sampled(product: string): Promise<SampleResource["messages"]> {
  return (await world.consumer.http.sample(product, "provider")).messages;
}

function payloads(messages: SampleResource["messages"]): unknown[] {
  return messages.map(({ payload = "null" }) => JSON.parse(payload) as unknown);
}

test("sample - of a logged product the last ten messages, oldest first, without an agreement", async () => {
  const terms = { price: priced };
  await offer({ id: "level", title: "Level", topics: ["level/#"], delivery: "logged", terms });
  assert.deepEqual((await world.provider.http.sample("level")).messages, []);
  for (let n = 0; n < 25; n++) await device.publish("level/1", JSON.stringify({ n }), { qos: 1 });
  const messages = await sampled("level");
  assert.deepEqual(
    payloads(messages),
    Array.from({ length: 10 }, (_, n) => ({ n: n + 15 })),
  );
  for (const message of messages) {
    assert.deepEqual(Object.keys(message), ["topic", "at", "payload"], "no positions");
    assert.ok(Math.abs(message.at - Date.now()) < 60_000);
  }
  assert.deepEqual((await world.provider.http.sample("level")).messages, messages);
  const usage = await world.provider.http.usage();
  assert.deepEqual(usage, [], "nothing is counted or billed");
});

test("sample - of a live product what came last, at most one message a second", async () => {
  await offer({
    id: "flow",
    title: "Flow",
    topics: ["flow/#"],
    delivery: "live",
    terms: { price: free },
  });
  await device.publish("flow/1", JSON.stringify({ n: 0 }), { qos: 1 });
  for (let n = 1; n < 50; n++) await device.publish("flow/1", JSON.stringify({ n }), { qos: 1 });
  const { messages: first } = await world.provider.http.sample("flow");
  assert.deepEqual(payloads(first), [{ n: 0 }]);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  await device.publish("flow/2", Buffer.from([0xff, 0x00]), { qos: 1 });
  const [, second] = await sampled("flow");
  assert.deepEqual([second?.topic, second?.payloadBase64], ["flow/2", "/wA="]);
});

test("sample - of a live product that is quiet since the start what was retained", async () => {
  await device.publish("quiet/1", JSON.stringify({ n: 7 }), { qos: 1, retain: true });
  await offer({
    id: "quiet",
    title: "Quiet",
    topics: ["quiet/#"],
    delivery: "live",
    terms: { price: free },
  });
  assert.deepEqual(payloads(await sampled("quiet")), [{ n: 7 }]);
});

test("sample - none of an offer that moves dates: when each came would be told with it", async () => {
  const topics = ["ward/#"];
  const ward = { title: "Ward", topics, delivery: "logged" as const };
  await offer({ ...ward, id: "exact", terms: { price: free } });
  await offer({ ...ward, id: "moved", terms: { price: free, shift: { at: 365 } } });
  const reading = JSON.stringify({ at: "2026-11-20", pulse: 71 });
  await device.publish("ward/1", reading, { qos: 1 });
  assert.deepEqual(payloads(await sampled("exact")), [JSON.parse(reading)]);
  assert.deepEqual(await sampled("moved"), []);
});

test("sample - only what the offer lets through, in its shape, and no more than it has", async () => {
  const ring = [4.4, 51.8, 4.6, 51.8, 4.6, 52, 4.4, 52, 4.4, 51.8];
  const coordinates = [Array.from({ length: 5 }, (_, at) => [ring[2 * at]!, ring[2 * at + 1]!])];
  const terms = {
    price: priced,
    ...{ fields: ["bus", "lat", "lon", "driver"], round: { lat: 0.1, lon: 0.1 } },
    ...{ pseudonymise: ["driver"], messagesMax: 3, topics: ["bus/+/position"] },
    area: { type: "Polygon" as const, coordinates },
  };
  await offer({ id: "bus", title: "Bus", topics: ["bus/#"], delivery: "logged", terms });
  const bus = { bus: 7, lat: 51.92, lon: 4.48, driver: "Ada", tyre: 2.1 };
  for (let n = 0; n < 5; n++) {
    await device.publish("bus/7/position", JSON.stringify({ ...bus, bus: n }), { qos: 1 });
    await device.publish("bus/7/engine", JSON.stringify({ ...bus, bus: 90 + n }), { qos: 1 });
    await device.publish("bus/7/position", JSON.stringify({ ...bus, bus: 80 + n, lat: 60 }), {
      qos: 1,
    });
    await device.publish("bus/7/position", "no JSON", { qos: 1 });
  }
  const messages = payloads(await sampled("bus")) as Record<string, unknown>[];
  assert.deepEqual(
    messages.map(({ driver: _driver, ...rest }) => rest),
    [2, 3, 4].map((n) => ({ bus: n, lat: 51.9, lon: 4.5 })),
  );
  const [first, ...others] = new Set(messages.map(({ driver }) => driver));
  assert.ok(first !== "Ada" && others.length === 0, String(first));
  let found: OfferResource | undefined;
  await until("its offer is found", async () => {
    const offers = await world.consumer.http.find({ q: "bus", fresh: true });
    found = offers.find(({ product }) => product === "bus");
    return found !== undefined;
  });
  const agreement = await world.consumer.http.agree(found!.offer, found!.provider);
  await device.publish("bus/7/position", JSON.stringify(bus), { qos: 1 });
  const log = "from/provider/bus";
  await until("it came", async () =>
    (await world.consumer.http.logs()).some(({ log: name, end }) => name === log && end > 0),
  );
  for await (const { payload = "{}" } of world.consumer.http.readLog(log, {})) {
    assert.notEqual((JSON.parse(payload) as { driver: string }).driver, first, "another key");
  }
  assert.equal(agreement.state, "active");
});

test("sample - trade secrets are not in it, for nobody has agreed on measures", async () => {
  const tradeSecrets = { fields: ["pressure"], measures: ["nda"] };
  const press = { id: "press", title: "Press", topics: ["press/#"], tradeSecrets };
  await offer({ ...press, delivery: "logged", terms: { price: free } });
  await device.publish("press/1", JSON.stringify({ n: 1, pressure: 8.5 }), { qos: 1 });
  assert.deepEqual(payloads(await sampled("press")), [{ n: 1 }]);
});

test("sample - its owner may give none, and before its time there is none", async () => {
  const terms = { price: free };
  await offer({ id: "closed", title: "Closed", topics: ["closed/#"], sample: false, terms });
  const later = { price: free, notBefore: new Date(Date.now() + 3_600_000).toISOString() };
  await offer({
    id: "later",
    title: "Later",
    topics: ["level/#"],
    delivery: "logged",
    terms: later,
  });
  await device.publish("level/1", "{}", { qos: 1 });
  await assert.rejects(sampled("closed"), {
    code: "PEER_REFUSED",
    message: /sample of the product/,
  });
  await assert.rejects(world.provider.http.sample("closed"), { code: "NOT_FOUND" });
  await assert.rejects(sampled("nothing"), {
    code: "PEER_REFUSED",
    message: /There is no product/,
  });
  assert.deepEqual(await sampled("later"), [], "its time has not come");
  assert.equal((await world.provider.http.product("closed")).sample, false);
});

test("sample - a peer asks once a minute for a product, its owner as often as it likes", async () => {
  await assert.rejects(sampled("level"), {
    code: "PEER_UNREACHABLE",
    message: /1 sample of a product in a minute/,
  });
  for (let n = 0; n < 3; n++) await world.provider.http.sample("level");
});

test("sample - what is reserved for somebody is unseen by everybody else", async () => {
  const reservedFor = "did:web:user.example";
  const kept = productFrom(
    { id: "p", title: "P", topics: ["p/#"], reservedFor, terms: { price: free } },
    0,
  );
  const message = { topic: "p/1", at: 1, payload: Buffer.from("1") };
  const samples = new ProductSamples({
    catalogue: { get: () => kept },
    samples: { of: async () => [message] },
    peers: { nameOf: String, getOnce: () => Promise.reject(new Error("nobody is asked")) },
    ...{ clock: systemClock, did: "did:web:own.example" },
  });
  const told = { messages: [{ topic: "p/1", at: 1, payload: "1" }] };
  assert.deepEqual(await samples.forPeer(reservedFor, "p"), told);
  await assert.rejects(samples.forPeer("did:web:other.example", "p"), { code: "NOT_FOUND" });
});

/** A free product of long ago, and the samples of a node whose flow gives `messages` of it. */
function ownSamples(messages: readonly SampleMessage[], terms: Partial<Terms> = {}) {
  const product = productFrom(
    { id: "p", title: "P", topics: ["p/#"], terms: { price: free, ...terms } },
    0,
  );
  const grants: Grant[] = [];
  const samples = new ProductSamples({
    catalogue: { get: () => product },
    samples: { of: async (grant) => (grants.push(grant), messages) },
    peers: { nameOf: String, getOnce: () => Promise.reject(new Error("nobody is asked")) },
    ...{ clock: systemClock, did: "did:web:own.example" },
  });
  return { samples, grants };
}

test("sample - an answer is no larger than a peer takes, whatever JSON makes of it", async () => {
  const escaped = Buffer.alloc(13_000);
  const long = "t".repeat(65_000);
  for (const message of [
    { topic: "p/1", at: 1, payload: escaped },
    { topic: long, at: 1, payload: Buffer.from("1") },
  ]) {
    const messages = Array.from({ length: 10 }, (_, at) => ({ ...message, at }));
    const told = await ownSamples(messages).samples.own("p");
    const bytes = Buffer.byteLength(JSON.stringify(told));
    assert.ok(bytes <= 262_144 && bytes > 262_144 - 6 * 13_000 - 100, String(bytes));
    assert.equal(told.messages.at(-1)?.at, 9, "the newest stay");
  }
});

test("sample - an offer for an hour has one long after it was made", async () => {
  const { samples, grants } = ownSamples([], { lifeSeconds: 3600 });
  await samples.own("p");
  assert.ok(grants[0]!.notAfter! > Date.now());
});

test("sample - of a live product only what is offered of it is kept", async () => {
  const terms = { price: free, topics: ["rare/1"] };
  await offer({ id: "rare", title: "Rare", topics: ["rare/#"], delivery: "live", terms });
  await device.publish("rare/2", "2", { qos: 1 });
  await device.publish("rare/1", "1", { qos: 1 });
  assert.deepEqual(payloads((await world.provider.http.sample("rare")).messages), [1]);
});

test("sample - the command prints it", async () => {
  await offer({
    id: "again",
    title: "Again",
    topics: ["quiet/#"],
    delivery: "live",
    terms: { price: free },
  });
  let printed = "";
  const write = { write: (text: string) => ((printed += text), true) };
  const { node, token } = world.consumer;
  const io = { stdout: write, stderr: write, env: {}, stdin: process.stdin } as never;
  const own = ["--url", node.httpUrl, "--token", token];
  assert.equal(await runCli([...own, "sample", "again", "--of", "provider"], io), 0, printed);
  assert.match(printed, /^\d{4}-\d\d-\d\dT[\d:.]+Z quiet\/1 \{"n":7\}\n$/);
});

test("sample - the command takes an offer's id, as it was found", async () => {
  const terms = { price: free };
  await offer({ id: "tide", title: "Tide", topics: ["tide/#"], delivery: "logged", terms });
  await device.publish("tide/1", "42", { qos: 1 });
  const { http, node, token } = world.consumer;
  let offers: readonly OfferResource[] = [];
  await until("its offer is found", async () => {
    offers = await http.find({ q: "tide", fresh: true });
    return offers.length > 0;
  });
  let printed = "";
  const write = { write: (text: string) => ((printed += text), true) };
  const io = { stdout: write, stderr: write, env: {}, stdin: process.stdin } as never;
  const own = ["--url", node.httpUrl, "--token", token];
  assert.equal(await runCli([...own, "sample", offers[0]!.offer], io), 0, printed);
  assert.match(printed, / tide\/1 42\n$/);
  printed = "";
  assert.equal(await runCli([...own, "sample", `${offers[0]!.offer}0`], io), 1);
  assert.match(printed, /offer/);
});

test("sample - a peer that answers with too much, with something else or never is named", async () => {
  const seats: Seat[] = [await takeSeat("asker"), await takeSeat("rude")];
  const [own, other] = seats as [Seat, Seat];
  let answer: unknown = {};
  let hangs = false;
  const rude: Stranger = await openStranger(other, async (path) => {
    if (!path.endsWith("/sample")) return undefined;
    if (hangs) await new Promise((resolve) => setTimeout(resolve, 6_000));
    return { status: 200, body: answer as Record<string, unknown> };
  });
  const asker: TestNode = await startTestNode({
    ...world.consumer.options,
    ...{ name: "asker", did: own.did, data: own.dir, localPeers: seats, crawlMs: 0 },
    http: { host: "127.0.0.1", port: own.port },
  });
  try {
    const ask = () => asker.http.sample("p", other.did);
    const message = { topic: "t", at: 1, payload: "x" };
    for (const [said, problem] of [
      [{ messages: Array.from({ length: 11 }, () => message) }, /no sample: .*messages/],
      [{ messages: [{ ...message, at: "noon" }] }, /no sample: .*at/],
      [{ messages: [{ ...message, at: 9e15 }] }, /no sample: .*at/],
      [{ messages: [{ ...message, payloadBase64: "<script>" }] }, /no sample/],
      [{}, /no sample/],
    ] as const) {
      answer = said;
      await assert.rejects(ask(), { code: "PEER_REFUSED", message: problem });
    }
    answer = { messages: [{ ...message, payload: "x".repeat(300_000) }] };
    await assert.rejects(ask(), { code: "PEER_UNREACHABLE", message: /longer than 262144 bytes/ });
    hangs = true;
    await assert.rejects(ask(), { code: "PEER_UNREACHABLE" });
  } finally {
    await asker.node.close();
    await rude.stop();
    for (const seat of seats) await leaveSeat(seat);
  }
});
