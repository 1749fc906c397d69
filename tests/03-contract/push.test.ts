/** `Mqtt5-PUSH`: a stream brought to the consumer's own broker. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { freePort } from "../free-port.ts";
import { startTestNode, until } from "../two-nodes.ts";
import { openCustomer } from "./customer.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const buses = { id: "buses", title: "Buses", topics: ["bus/#"], terms: { price } } as const;

interface Broker {
  /** All it has taken, in order, over its restarts. */
  readonly seen: () => Promise<string[]>;
  /** What lets in there. */
  readonly token: string;
  readonly close: () => Promise<void>;
}

/** A node of the consumer's own, of which the provider knows the MQTT address alone. */
async function openBroker(port: number, data: string): Promise<Broker> {
  const { node, token, http } = await startTestNode({
    name: "broker",
    title: "The broker",
    country: "KE",
    currency: "EUR",
    place: { lat: -1.3, lon: 36.8 },
    did: "did:web:broker.example",
    data,
    http: { host: "127.0.0.1", port: 0 },
    mqtt: { host: "127.0.0.1", port },
    localPeers: [],
    dev: false,
    publicWorld: false,
    receiptWindowMs: 1_000,
    logLevel: "error",
  });
  const known = await http.products();
  const topics = ["in/#", "capped/#"];
  if (known.length === 0) {
    await http.addProduct({
      id: "taken",
      title: "Taken",
      topics,
      delivery: "logged",
      terms: { price },
    });
  }
  const seen = async (): Promise<string[]> => {
    const lines: string[] = [];
    for await (const line of http.readLog("product/taken", { limit: 10_000 })) {
      lines.push(`${line.topic} ${"payload" in line ? line.payload : "?"}`);
    }
    return lines;
  };
  return { seen, token, close: () => node.close() };
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "comity-broker-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function target(port: number, token: string, more: Record<string, string> = {}) {
  const named = { username: "admin", authorization: token, topicPrefix: "in/", ...more };
  const endpointProperties = Object.entries(named).map(([name, value]) => {
    return { "@type": "EndpointProperty", name, value };
  });
  return {
    dataAddress: {
      "@type": "DataAddress",
      endpointType: "https://w3id.org/comity/mqtt5",
      endpoint: `mqtt://127.0.0.1:${port}`,
      endpointProperties,
    },
  };
}

async function customer(t: TestContext, delivery: "live" | "logged", terms: object = { price }) {
  const opened = await openCustomer({ ...buses, delivery, terms: { price, ...terms } });
  t.after(() => opened.close());
  return opened;
}

test("Mqtt5-PUSH - a logged stream goes on after every break, in order, nothing lost", async (t) => {
  const world = await customer(t, "logged");
  const port = await freePort();
  const data = await folder(t);
  let broker = await openBroker(port, data);
  t.after(() => broker.close());
  await world.device.publish("bus/1", "0", { qos: 1 });
  const key = await world.transfer("Mqtt5-PUSH", target(port, broker.token));
  assert.equal(key.endpoint, "", "there is nothing to fetch");
  const came = async (count: number): Promise<boolean> => {
    return new Set(await broker.seen().catch(() => [])).size === count;
  };
  await until("what came before the transfer is there", () => came(1));
  assert.deepEqual(await broker.seen(), ["in/bus/1 0"]);
  const publish = async (from: number, to: number) => {
    for (let n = from; n < to; n++) await world.device.publish("bus/1", `${n}`, { qos: 1 });
  };
  await publish(1, 500);
  await until("five hundred", () => came(500));
  await broker.close();
  await publish(500, 600);
  await world.restart();
  broker = await openBroker(port, data);
  await publish(600, 700);
  await until("all have come", () => came(700));
  const again = (await broker.seen()).map((line) => Number(line.split(" ")[1])).slice(500);
  assert.deepEqual(
    again,
    again.toSorted((a, b) => a - b),
    "in the log's order",
  );
  assert.ok(again.length <= 200 + 256, "what was acknowledged is not sent again");
  const told = JSON.stringify(await world.provider.http.transfers.list());
  assert.ok(!told.includes(broker.token), "what opens the broker is told to nobody");
});

test("Mqtt5-PUSH - a cap, a suspension and a revocation stop it", async (t) => {
  const port = await freePort();
  const broker = await openBroker(port, await folder(t));
  t.after(() => broker.close());
  const world = await customer(t, "live");
  const count = async () => (await broker.seen().catch(() => [])).length;
  const key = await world.transfer("Mqtt5-PUSH", target(port, broker.token));
  await until("it is pushed", async () => {
    await world.device.publish("bus/1", "hello", { qos: 1 });
    return (await count()) > 0;
  });
  assert.equal(await world.say(key, "/suspension", "TransferSuspensionMessage"), 200);
  const before = await count();
  await world.device.publish("bus/1", "suspended", { qos: 1 });
  assert.equal(await world.say(key, "/start", "TransferStartMessage"), 200);
  await until("it goes on", async () => {
    await world.device.publish("bus/1", "again", { qos: 1 });
    return (await count()) > before;
  });
  await world.provider.http.revoke(world.agreement);
  const atRevocation = await count();
  for (let n = 0; n < 5; n++) await world.device.publish("bus/1", "revoked", { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await count(), atRevocation);
  assert.ok(!(await broker.seen()).some((line) => /suspended|revoked/.test(line)));

  const capped = await customer(t, "logged", { messagesMax: 7 });
  await capped.transfer("Mqtt5-PUSH", target(port, broker.token, { topicPrefix: "capped/" }));
  for (let n = 0; n < 20; n++) await capped.device.publish("bus/1", `${n}`, { qos: 1 });
  await until("it has ended", async () => {
    return (await capped.provider.http.agreements())[0]?.ended?.reason === "cap";
  });
  const taken = (await broker.seen()).filter((line) => line.includes("capped/"));
  assert.deepEqual(
    taken,
    Array.from({ length: 7 }, (_, n) => `capped/bus/1 ${n}`),
  );
});

test("Mqtt5-PUSH - an address that is none, or not to be called, is refused by name", async (t) => {
  const world = await customer(t, "live");
  const ask = async (more: object) => {
    const { callbackAddress } = world.stranger;
    const about = { consumerPid: "urn:uuid:wrong", agreementId: world.agreement, callbackAddress };
    const { status, body } = await world.post("/transfers/request", {
      "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
      "@type": "TransferRequestMessage",
      ...about,
      format: "Mqtt5-PUSH",
      ...more,
    });
    return `${status} ${String(body["code"])}`;
  };
  const { dataAddress } = target(1883, "secret");
  assert.equal(await ask({}), "400 BODY_INVALID");
  assert.equal(await ask(target(1883, "secret", { topicPrefix: "#" })), "400 BODY_INVALID");
  assert.equal(await ask(target(1883, "secret", { authorization: "a\r\nb" })), "400 BODY_INVALID");
  for (const endpoint of [
    "mqtt://10.1.2.3:1883",
    "http://127.0.0.1:1",
    "mqtt://localhost.evil:0",
  ]) {
    const asked = await ask({ dataAddress: { ...dataAddress, endpoint } });
    assert.equal(asked, "400 ADDRESS_FORBIDDEN", endpoint);
  }
  assert.deepEqual(await world.provider.http.transfers.list(), []);
});
