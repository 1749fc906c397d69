/** MQTT as a newcomer's own program speaks it: MQTT.js, both versions, over a real socket. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";

const { node, http, token } = await oneNode();

async function client(t: TestContext, options: IClientOptions = {}): Promise<MqttClient> {
  const made = await mqtt.connectAsync(node.mqttUrl, { reconnectPeriod: 0, ...options });
  made.on("error", () => {});
  t.after(() => made.endAsync(true));
  return made;
}

interface Seen {
  readonly texts: string[];
  readonly packets: IPublishPacket[];
}

function seenBy(one: MqttClient): Seen {
  const seen: Seen = { texts: [], packets: [] };
  one.on("message", (topic, payload, packet) => {
    seen.texts.push(`${topic} ${payload.toString()}`);
    seen.packets.push(packet);
  });
  return seen;
}

for (const protocolVersion of [4, 5] as const) {
  const options: IClientOptions = { protocolVersion };
  const name = `MQTT.js ${protocolVersion === 4 ? "3.1.1" : "5"}`;
  const at = `v${protocolVersion}`;

  test(`${name} - QoS 0, 1 and 2 go through, in order, each once`, async (t) => {
    const publisher = await client(t, options);
    const subscriber = await client(t, options);
    const seen = seenBy(subscriber);
    const [granted] = await subscriber.subscribeAsync(`${at}/+/#`, { qos: 2 });
    assert.equal(granted?.qos, 2);
    const expected: string[] = [];
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 60; i++) {
      const qos = (i % 3) as 0 | 1 | 2;
      all.push(publisher.publishAsync(`${at}/q${qos}/x`, String(i), { qos }));
      expected.push(`${at}/q${qos}/x ${i}`);
    }
    await Promise.all(all);
    await until("all arrive", () => seen.texts.length === 60);
    for (const qos of [0, 1, 2]) {
      const of = (texts: string[]): string[] => texts.filter((text) => text.includes(`/q${qos}/`));
      assert.deepEqual(of(seen.texts), of(expected));
    }
  });

  test(`${name} - wildcards match as the standard says, unsubscribed is silent`, async (t) => {
    const one = await client(t, options);
    const seen = seenBy(one);
    await one.subscribeAsync([`${at}/w/+/c`, `${at}/deep/#`]);
    for (const topic of ["w/b/c", "w/b/d", "w/b/c/d", "deep", "deep/1/2", "other"]) {
      await one.publishAsync(`${at}/${topic}`, "x", { qos: 1 });
    }
    const expected = ["w/b/c", "deep", "deep/1/2"].map((topic) => `${at}/${topic} x`);
    await until("the matching ones arrive", () => seen.texts.length >= 3);
    assert.deepEqual(seen.texts, expected);
    await one.unsubscribeAsync(`${at}/deep/#`);
    await one.publishAsync(`${at}/deep/1`, "x", { qos: 1 });
    await one.publishAsync(`${at}/w/z/c`, "last", { qos: 1 });
    await until("the last arrives", () => seen.texts.length >= 4);
    assert.deepEqual(seen.texts.slice(3), [`${at}/w/z/c last`]);
  });

  test(`${name} - retained is set, replaced, sent to who comes later, and cleared`, async (t) => {
    const publisher = await client(t, options);
    const topic = `${at}/kept`;
    const publish = (text: string): Promise<unknown> =>
      publisher.publishAsync(topic, text, { qos: 1, retain: true });
    await publish("1");
    await publish("2");
    const early = await client(t, options);
    const earlySeen = seenBy(early);
    await early.subscribeAsync(`${at}/kept/#`, { qos: 1 });
    await until("it comes", () => earlySeen.texts.length === 1);
    assert.deepEqual(earlySeen.texts, [`${topic} 2`]);
    assert.equal(earlySeen.packets[0]?.retain, true);
    await publish("3");
    await until("the next comes", () => earlySeen.texts.length === 2);
    assert.equal(earlySeen.packets[1]?.retain, false, "to who was there it is news");
    await publish("");
    const late = await client(t, options);
    const lateSeen = seenBy(late);
    await late.subscribeAsync([topic, `${at}/marker`], { qos: 1 });
    await publisher.publishAsync(`${at}/marker`, "x", { qos: 1 });
    await until("the marker comes", () => lateSeen.texts.length > 0);
    assert.deepEqual(lateSeen.texts, [`${at}/marker x`]);
  });

  test(`${name} - a persistent session's QoS 1 messages wait, a clean one's do not`, async (t) => {
    const publisher = await client(t, options);
    const clientId = `sleeper-${at}`;
    const persistent: IClientOptions = {
      ...options,
      clientId,
      clean: false,
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    };
    const first = await client(t, persistent);
    await first.subscribeAsync(`${at}/sleep`, { qos: 1 });
    await first.endAsync();
    for (const text of ["1", "2", "3"]) {
      await publisher.publishAsync(`${at}/sleep`, text, { qos: 1 });
    }
    await publisher.publishAsync(`${at}/sleep`, "lost", { qos: 0 });
    const second = mqtt.connect(node.mqttUrl, { reconnectPeriod: 0, ...persistent });
    const seen = seenBy(second);
    const [connack] = await new Promise<[{ sessionPresent: boolean }]>((resolve) => {
      second.once("connect", (packet) => resolve([packet]));
    });
    assert.equal(connack.sessionPresent, true);
    await until("what waited arrives", () => seen.texts.length === 3);
    assert.deepEqual(seen.texts, [`${at}/sleep 1`, `${at}/sleep 2`, `${at}/sleep 3`]);
    await second.endAsync();
    const third = mqtt.connect(node.mqttUrl, { ...options, reconnectPeriod: 0, clientId });
    const [clean] = await new Promise<[{ sessionPresent: boolean }]>((resolve) => {
      third.once("connect", (packet) => resolve([packet]));
    });
    assert.equal(clean.sessionPresent, false);
    await third.endAsync();
  });

  test(`${name} - a Thing has its own topics and no others`, async (t) => {
    const { thing, token } = await http.addThing({
      name: `sensor-${at}`,
      publish: [`${at}/own/#`],
      subscribe: [`${at}/commands/+`],
    });
    const credentials = { ...options, username: thing.id, password: token };
    const device = await client(t, credentials);
    const watcher = await client(t, options);
    const seen = seenBy(watcher);
    await watcher.subscribeAsync("#");
    await device.publishAsync(`${at}/own/x`, "mine", { qos: 1 });
    await device.subscribeAsync(`${at}/commands/+`);
    await assert.rejects(device.subscribeAsync(`${at}/#`), /Unspecified error|Not authorized/);
    const closed = new Promise<void>((resolve) => device.once("close", () => resolve()));
    if (protocolVersion === 5) {
      await assert.rejects(device.publishAsync(`${at}/else`, "no", { qos: 1 }), /Not authorized/);
      device.publish(`${at}/else`, "no", { qos: 0 });
    } else device.publish(`${at}/else`, "no", { qos: 1 });
    await closed; // neither QoS 0 nor 3.1.1 can refuse one message
    await watcher.publishAsync(`${at}/end`, "", { qos: 1 });
    await until("the end", () => seen.texts.some((text) => text.startsWith(`${at}/end`)));
    const mine = seen.texts.filter((text) => text.startsWith(`${at}/`));
    assert.deepEqual(mine, [`${at}/own/x mine`, `${at}/end `]);
  });

  test(`${name} - the owner's token lets in, wrong credentials do not`, async (t) => {
    const owner = await client(t, { ...options, username: "token", password: token });
    assert.equal(owner.connected, true);
    for (const [username, password] of [
      ["token", "wrong"],
      ["nobody", token],
      ["", ""],
    ] as const) {
      const refused = mqtt.connectAsync(node.mqttUrl, {
        ...options,
        reconnectPeriod: 0,
        username,
        password,
      });
      await assert.rejects(refused, /Bad [Uu]ser ?[Nn]ame or [Pp]assword/);
    }
  });
}

test("MQTT.js 5 - no-local, retain-as-published, retain handling and identifiers are kept", async (t) => {
  const one = await client(t, { protocolVersion: 5 });
  const other = await client(t, { protocolVersion: 5 });
  const seen = seenBy(one);
  await one.subscribeAsync("opt/local", { qos: 1, nl: true });
  await one.subscribeAsync("opt/#", {
    qos: 0,
    properties: { subscriptionIdentifier: 300 },
  } as never);
  await one.unsubscribeAsync("opt/#");
  await one.subscribeAsync("opt/rap", { qos: 1, rap: true, nl: false, rh: 0 });
  await one.publishAsync("opt/local", "own", { qos: 1 });
  await other.publishAsync("opt/local", "other's", { qos: 1 });
  await other.publishAsync("opt/rap", "kept", { qos: 1, retain: true });
  await until("both arrive", () => seen.texts.length === 2);
  assert.deepEqual(seen.texts, ["opt/local other's", "opt/rap kept"]);
  assert.equal(seen.packets[1]?.retain, true);
  seen.texts.length = 0;
  await one.subscribeAsync("opt/rap", { qos: 1, rh: 1 }); // not new: nothing retained
  await one.subscribeAsync("opt/+", { qos: 1, rh: 2 }); // never
  await one.publishAsync("opt/local", "own again", { qos: 1 });
  await until("only the news", () => seen.texts.length > 0);
  assert.deepEqual(seen.texts, ["opt/local own again"], "one filter of two has no-local");
});

test("MQTT.js 5 - both identifiers come with a message that two filters match", async (t) => {
  const one = await client(t, { protocolVersion: 5 });
  const seen = seenBy(one);
  for (const [filter, subscriptionIdentifier] of [
    ["ids/#", 7],
    ["ids/+", 300],
  ] as const) {
    await one.subscribeAsync(filter, { qos: 1, properties: { subscriptionIdentifier } } as never);
  }
  await one.publishAsync("ids/x", "x", { qos: 1 });
  await until("it arrives", () => seen.texts.length === 1);
  const found = seen.packets[0]?.properties?.subscriptionIdentifier as number | number[];
  assert.deepEqual(new Set([found].flat()), new Set([7, 300]));
});

test("MQTT.js 5 - a message's properties reach the other side", async (t) => {
  const one = await client(t, { protocolVersion: 5 });
  const seen = seenBy(one);
  await one.subscribeAsync("props", { qos: 1 });
  const properties = {
    contentType: "application/json",
    responseTopic: "back",
    correlationData: Buffer.from("7"),
    userProperties: { site: "north" },
    messageExpiryInterval: 60,
  };
  await one.publishAsync("props", "{}", { qos: 1, properties });
  await until("it arrives", () => seen.texts.length === 1);
  assert.deepEqual(
    { ...seen.packets[0]?.properties },
    {
      ...properties,
      userProperties: seen.packets[0]?.properties?.userProperties,
    },
  );
  assert.deepEqual({ ...seen.packets[0]?.properties?.userProperties }, { site: "north" });
});
