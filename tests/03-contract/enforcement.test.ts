import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { decode, encode } from "cborg";
import { connectMqtt, type MqttClient } from "../../src/client/mqtt.ts";
import type { AgreementResource, NewProduct } from "../../src/client/resources.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import type { Transfer } from "../../src/market/transfer.ts";
import { publishPacket, RawClient } from "../01-connect/raw-client.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0.01", currency: "EUR", perMessages: 1 };
/** Plain clients are for free agreements: nobody would acknowledge what they receive. */
const free = { ...price, amount: "0" };

interface Shared {
  readonly world: TwoNodes;
  readonly agreement: AgreementResource;
  readonly device: MqttClient;
  /** What an app of the consumer has received. */
  readonly received: string[];
  readonly refused: (reason: string) => Promise<number>;
}

/** A product under agreement, its link up, an app listening on the consumer's node. */
async function shared(
  t: TestContext,
  product: Partial<NewProduct> & Pick<NewProduct, "terms">,
): Promise<Shared> {
  const world = await twoNodes();
  t.after(() => world.close());
  const agreement = await world.share({
    id: "buses",
    title: "Bus positions",
    topics: ["bus/#"],
    delivery: "live",
    ...product,
  });
  const received: string[] = [];
  const app = await world.mqtt("consumer");
  await app.subscribe("from/provider/buses/#", {}, ({ payload }) =>
    received.push(payload.toString()),
  );
  const device = await world.mqtt("provider");
  await until("the link is up", async () => {
    const { links } = await world.consumer.http.status();
    return links[0]?.state === "up";
  });
  const refused = async (reason: string): Promise<number> => {
    const { refusals } = await world.provider.http.status();
    return refusals[reason] ?? 0;
  };
  return { world, agreement, device, received, refused };
}

/** The agreement's own key to the provider's door, for a client that is no Comity node. */
async function guestKey(
  world: TwoNodes,
  agreement: string,
): Promise<{ url: string; username: string; password: string }> {
  const { data } = world.consumer.options;
  await world.consumer.node.close();
  const store = await openEmbeddedStore({ path: join(data, "comity.db") });
  const transfers = await store.list<Transfer>("transfer");
  await store.close();
  const address = transfers.find(({ doc }) => doc.agreement === agreement)?.doc.stream;
  assert.ok(address, "the consumer keeps the address of the stream");
  return { url: address.endpoint, username: address.username, password: address.token };
}

test("enforcement - a look without an agreement is refused and counted", async (t) => {
  const { world, refused } = await shared(t, { terms: { price } });
  const url = world.provider.node.mqttUrl;
  await assert.rejects(connectMqtt({ url }), /user name and a password/);
  await assert.rejects(
    connectMqtt({ url, username: "urn:uuid:00000000-0000-4000-8000-000000000000", password: "x" }),
    /user name or the token is wrong/,
  );
  assert.equal(await refused("no-agreement"), 1);
});

test("enforcement - a wrong token under a true agreement is refused and counted", async (t) => {
  const { world, agreement, refused } = await shared(t, { terms: { price } });
  const url = world.provider.node.mqttUrl;
  await assert.rejects(
    connectMqtt({ url, username: agreement.id, password: "guessed" }),
    /user name or the token is wrong/,
  );
  assert.equal(await refused("no-agreement"), 1);
});

test("enforcement - a topic outside the grant never leaves, whoever asks for it", async (t) => {
  const { world, agreement, device, received, refused } = await shared(t, {
    terms: { price: free },
  });
  await device.publish("depot/doors", "secret", { qos: 1 });
  await device.publish("bus/1", "open", { qos: 1 });
  await until("the granted topic arrives", () => received.length === 1);
  assert.deepEqual(received, ["open"]);

  const guest = await connectMqtt(await guestKey(world, agreement.id));
  t.after(() => guest.end());
  const seen: string[] = [];
  await assert.rejects(guest.subscribe("depot/#", {}), /0x87/);
  await assert.rejects(guest.subscribe("$link/somebody-else", {}), /0x87/);
  await guest.subscribe("#", {}, ({ topic }) => seen.push(topic));
  await device.publish("depot/doors", "secret", { qos: 1 });
  await device.publish("bus/2", "open", { qos: 1 });
  await until("the guest sees the granted topic", () => seen.includes("bus/2"));
  assert.deepEqual(seen, ["bus/2"]);
  assert.ok((await refused("topic")) >= 3);
});

test("enforcement - a field outside the view never leaves, and what cannot be read neither", async (t) => {
  const terms = { price, fields: ["speed", "line"] };
  for (const delivery of ["live", "logged"] as const) {
    const { world, device, received, refused } = await shared(t, { terms, delivery });
    await device.publish("bus/1", '{"driver":"A. Jansen","speed":12.50,"line":"7"}', { qos: 1 });
    await device.publish("bus/1", "speed=12", { qos: 1 });
    await device.publish("bus/1", '{"speed":13.0,"driver":"A. Jansen"}', { qos: 1 });
    await until("two arrive", () => received.length === 2);
    assert.deepEqual(received, ['{"speed":12.50,"line":"7"}', '{"speed":13.0}'], delivery);
    assert.equal(await refused("field"), 1);
    await until("what was withheld is not billed", async () => {
      const [usage] = await world.provider.http.usage();
      return usage?.messages === 2;
    });
  }
});

test("enforcement - CBOR and SenML leave with what was sold and their form's name, broken ones not at all", async (t) => {
  const { world, refused } = await shared(t, { terms: { price, fields: ["speed"] } });
  const [device, app] = await Promise.all(
    [world.provider, world.consumer].map(({ node, token }) =>
      RawClient.in(node.mqttUrl, 5, { username: "admin", password: Buffer.from(token) }),
    ),
  );
  t.after(() => {
    device!.destroy();
    app!.destroy();
  });
  await app!.subscribe({ topic: "from/provider/buses/#", qos: 0 });
  const reading = Buffer.from(encode({ driver: "A. Jansen", speed: 12.5 }));
  const pack = [
    { bn: "bus:1:", n: "driver", vs: "A. Jansen" },
    { n: "speed", v: 12.5 },
  ];
  for (const [payload, contentType] of [
    [reading, "application/cbor"],
    [reading.subarray(0, -1), "application/cbor"],
    [Buffer.from(JSON.stringify(pack)), "application/senml+json"],
    // What every object inherits is no field, and stops nothing.
    [Buffer.from('[{"n":"speed","v":1,"constructor":1}]'), "application/senml+json"],
  ] as const) {
    const properties = { contentType, userProperties: { driver: "A. Jansen" } };
    device!.send({ ...publishPacket("bus/1", ""), payload, properties });
  }
  const cbor = await app!.next("publish");
  assert.deepEqual(decode(cbor.payload as Buffer), { speed: 12.5 });
  assert.deepEqual({ ...cbor.properties }, { contentType: "application/cbor" });
  const senml = await app!.next("publish");
  assert.deepEqual(JSON.parse(senml.payload.toString()), [{ bn: "bus:1:", n: "speed", v: 12.5 }]);
  assert.equal(senml.properties?.contentType, "application/senml+json");
  const inherited = await app!.next("publish");
  assert.deepEqual(JSON.parse(inherited.payload.toString()), [{ n: "speed", v: 1 }]);
  assert.equal(await refused("field"), 1);
});

test("enforcement - after the cap nothing more leaves, to the message", async (t) => {
  for (const delivery of ["live", "logged"] as const) {
    const { world, device, received, refused } = await shared(t, {
      terms: { price, messagesMax: 25 },
      delivery,
    });
    for (let i = 0; i < 40; i++) await device.publish("bus/1", String(i), { qos: 1 });
    await until("the agreement has ended", async () => {
      const [agreement] = await world.consumer.http.agreements();
      return agreement?.state === "ended";
    });
    assert.deepEqual(
      received,
      Array.from({ length: 25 }, (_, i) => String(i)),
      delivery,
    );
    const [ended] = await world.provider.http.agreements();
    assert.equal(ended?.ended?.reason, "cap");
    assert.ok((await refused("cap")) >= 1);
    await until("both count 25", async () => {
      const [earned] = await world.provider.http.usage();
      const [owed] = await world.consumer.http.usage();
      return earned?.messages === 25 && owed?.messages === 25;
    });
  }
});

test("enforcement - after expiry nothing more leaves", async (t) => {
  const notAfter = new Date(Date.now() + 2500).toISOString();
  const terms = { price, notAfter };
  const { world, agreement: made, device, received, refused } = await shared(t, { terms });
  await device.publish("bus/1", "before", { qos: 1 });
  await until("what came before arrives", () => received.length === 1);
  await until("the time has come", () => Date.now() > Date.parse(notAfter));
  for (let i = 0; i < 5; i++) await device.publish("bus/1", "after", { qos: 1 });
  await until("the agreement has ended", async () => {
    const [agreement] = await world.consumer.http.agreements();
    return agreement?.state === "ended";
  });
  assert.deepEqual(received, ["before"]);
  await assert.rejects(connectMqtt(await guestKeyWhileRunning(world, made)), /ended: expired/);
  assert.ok((await refused("expired")) >= 1);
});

test("enforcement - after revocation nothing more leaves, and the door stays shut", async (t) => {
  const { world, agreement, device, received, refused } = await shared(t, { terms: { price } });
  await device.publish("bus/1", "before", { qos: 1 });
  await until("what came before arrives", () => received.length === 1);
  const key = await guestKeyWhileRunning(world, agreement);
  await world.provider.http.revoke(agreement.id);
  for (let i = 0; i < 5; i++) await device.publish("bus/1", "after", { qos: 1 });
  await assert.rejects(connectMqtt(key), /the agreement has ended: revoked/);
  assert.ok((await refused("revoked")) >= 1);
  await until("the consumer has heard of it", async () => {
    const [known] = await world.consumer.http.agreements();
    return known?.state === "ended";
  });
  assert.deepEqual(received, ["before"]);
});

/** Any password will do where the agreement itself is refused. */
async function guestKeyWhileRunning(world: TwoNodes, agreement: AgreementResource) {
  return { url: world.provider.node.mqttUrl, username: agreement.id, password: "whatever" };
}

test("enforcement - what waits in a queue when the agreement is revoked never leaves", async (t) => {
  const { world, agreement, device, refused } = await shared(t, { terms: { price: free } });
  const key = await guestKey(world, agreement.id);
  const { Socket } = await import("node:net");
  const { encodeConnect, encodeSubscribe } = await import("../../src/wire/mqtt/encode.ts");
  const { PacketStream } = await import("../../src/wire/mqtt/packet-stream.ts");
  const { hostname, port } = new URL(key.url);
  const socket = new Socket();
  t.after(() => socket.destroy());
  let seen = 0;
  let subscribed = false;
  const stream = new PacketStream(
    { onRun: (run) => (seen += run.count), onPacket: (first) => (subscribed ||= first >> 4 === 9) },
    1_048_576,
  );
  stream.version = 5;
  socket.on("data", (chunk: Buffer) => stream.push(chunk));
  await new Promise<void>((resolve) => socket.connect(Number(port), hostname, resolve));
  const { username, password } = key;
  socket.write(
    encodeConnect(5, {
      clientId: "slow",
      cleanStart: true,
      keepAliveSeconds: 0,
      username,
      password,
    }),
  );
  socket.write(encodeSubscribe(5, 1, [{ filter: "bus/#", qos: 0 }]));
  await until("the guest is subscribed", () => subscribed);
  await device.publish("bus/1", "first", { qos: 1 });
  await until("the guest is served", () => seen === 1);
  socket.pause();
  const payload = Buffer.alloc(16_384, "x");
  const published = 900;
  for (let i = 0; i < published; i++) await device.publish("bus/1", payload, { qos: 1 });
  const usage = async () => (await world.provider.http.usage())[0];
  const handedOver = (await usage())?.oneSided?.messages ?? 0;
  assert.ok(handedOver < published, `${published - handedOver} packets wait in the queue`);
  await world.provider.http.revoke(agreement.id);
  socket.resume();
  await until("the refused are counted", async () => (await refused("revoked")) > 0);
  await until("the socket is closed", () => socket.destroyed);
  const queueFull = await refused("queue-full");
  assert.equal(seen, handedOver, "not one message more than was handed on before");
  assert.equal((await usage())?.oneSided?.messages, handedOver);
  assert.equal((await refused("revoked")) + handedOver + queueFull, published + 1);
});
