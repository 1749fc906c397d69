/** The whole way of a device that knows a claim code and nothing else, at the real doors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import mqtt from "mqtt";
import { until } from "../two-nodes.ts";
import { credentialsTopic, type Device, deviceWith, publishedBy } from "./claimed-device.ts";
import { guardedNode } from "./guarded-node.ts";

const plant = await guardedNode();
const http = () => plant.running.http;

interface Told {
  readonly thing: string;
  readonly username: string;
  readonly token: string;
  readonly publish: readonly string[];
}

const told = (device: Device): Told => JSON.parse(device.heard[0] ?? "{}") as Told;

for (const version of [4, 5] as const) {
  test(`onboarding - an MQTT ${version === 4 ? "3.1.1" : "5"} device is looked at, accepted and told its token`, async (t) => {
    const name = `pump-v${version}`;
    const { code, claim } = await http().addClaim({ devicesMax: 2 });
    const device = await deviceWith(plant.running, { version, code, clientId: name });
    t.after(() => device.end());
    const codes = await device.subscribe([credentialsTopic, `${name}/#`]);
    assert.deepEqual(codes, [1, version === 4 ? 128 : 0x87], "its credentials and nothing else");

    const watched = publishedBy(http(), `${name}/#`);
    t.after(() => watched.stop());
    await watched.started;
    await device.publish(`${name}/temperature`, '{"value":21.5,"unit":"Cel"}');
    await device.publish(`${name}/temperature`, '{"value":22,"unit":"Cel"}', 2);
    const [card] = await http().pending();
    assert.deepEqual(
      [card?.name, card?.claim, card?.connected, card?.listens, card?.messages],
      [name, claim.id, true, true, 2],
    );
    assert.deepEqual(card?.publish, [`${name}/#`]);
    assert.equal(card?.topics[0]?.preview, '{"value":22,"unit":"Cel"}');
    const { td } = await http().pendingDevice(name);
    assert.deepEqual(td["properties"], {
      temperature: { readOnly: true, type: "integer", unit: "Cel" },
    });

    const { thing } = await http().accept(name, { describe: true, kind: "pump" });
    assert.deepEqual([thing.id, thing.kind, thing.publish], [name, "pump", [`${name}/#`]]);
    await device.publish(`${name}/temperature`, '{"value":23,"unit":"Cel"}');
    await until("its first message", () => watched.payloads.length > 0);
    assert.deepEqual(watched.payloads, ['{"value":23,"unit":"Cel"}'], "and none of before");
    await until("its credentials", () => device.heard.length > 0);
    const { username, token, publish } = told(device);
    assert.deepEqual([username, publish], [name, [`${name}/#`]]);
    assert.ok("temperature" in ((await http().thing(name))["properties"] as object));

    const own = await mqtt.connectAsync(plant.running.node.mqttUrl, {
      ...{ protocolVersion: version, username, password: token, clientId: name },
    });
    t.after(() => own.endAsync(true));
    await device.closed;
    await own.publishAsync(`${name}/temperature`, "24", { qos: 1 });
    await until("the next message", () => watched.payloads.includes("24"));
    const again = deviceWith(plant.running, { version, code, clientId: name });
    await assert.rejects(again, /not authorized/i, "the code is nothing to it any more");
    assert.deepEqual((await http().claims()).find(({ id }) => id === claim.id)?.accepted, 1);
  });
}

test("onboarding - over HTTP a device is answered what it needs", async () => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  const send = (secret: string, topic = "meter-3/power"): Promise<Response> =>
    fetch(`${plant.running.node.httpUrl}/api/v1/publish/${topic}`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`meter-3:${secret}`).toString("base64")}` },
      body: '{"value":230}',
    });
  const waiting = await send(code);
  assert.deepEqual(
    [waiting.status, await waiting.json()],
    [202, { state: "pending", device: "meter-3" }],
  );
  assert.deepEqual((await http().pendingDevice("meter-3")).door, "HTTP");
  await http().accept("meter-3");
  const outside = await send(code, "other/power");
  assert.equal(outside.status, 403, "it is its Thing, and no more than that");
  const seen = http().thingSeen("meter-3");
  const first = seen.next();
  const accepted = await send(code);
  assert.equal(accepted.status, 200);
  const { token, ...rest } = (await accepted.json()) as Told & { state: string };
  assert.deepEqual(rest, {
    ...{ state: "accepted", thing: "meter-3", username: "meter-3" },
    publish: ["meter-3/#"],
  });
  assert.equal((await first).value?.topic, "meter-3/power");
  await seen.return(undefined);
  assert.equal((await send(token)).status, 204);
  const late = await send(code);
  assert.equal(late.status, 403);
  assert.match(await late.text(), /CLAIM_REFUSED.*it has a token of its own/);
});

test("onboarding - a device under its own user name may keep a code that is for it alone", async (t) => {
  const { code } = await http().addClaim({ devicesMax: 1 });
  const wish = { version: 4, code, clientId: "x1", username: "valve-9" } as const;
  const device = await deviceWith(plant.running, wish);
  await device.publish("valve-9/open", "true");
  await http().accept("valve-9", { keepsCode: true });
  await device.closed;
  const again = await deviceWith(plant.running, wish);
  t.after(() => again.end());
  const watched = publishedBy(http(), "valve-9/#");
  t.after(() => watched.stop());
  await watched.started;
  await again.publish("valve-9/open", "false");
  await until("its message", () => watched.payloads.length === 1);
  const shared = await http().addClaim({ devicesMax: 2 });
  const other = await deviceWith(plant.running, { version: 4, code: shared.code, clientId: "x2" });
  t.after(() => other.end());
  await other.publish("x2/a", "1");
  await assert.rejects(http().accept("x2", { keepsCode: true }), {
    code: "THING_INVALID",
    message: /only a code for one device/,
  });
});

test("onboarding - another Thing's topics are given to nobody unasked, and names are made printable", async (t) => {
  await http().addThing({ name: "bus-7" });
  const { code, claim } = await http().addClaim({ devicesMax: 20 });
  const sly = "bus\u202e-8";
  const device = await deviceWith(plant.running, { version: 5, code, clientId: sly });
  t.after(() => device.end());
  await device.publish("bus-7/position", "\u001b[2Jhere");
  const card = (await http().pending()).find((one) => one.claim === claim.id);
  assert.equal(card?.name, "bus·-8");
  assert.equal(card?.suggestedName, "bus-8");
  assert.equal(card?.topics[0]?.preview, "·[2Jhere");
  assert.match(card?.shared ?? "", /bus-7 may publish on its topics too/);
  await assert.rejects(http().accept(card?.id ?? ""), { code: "THING_INVALID" });
  const taken = http().accept(card?.id ?? "", { name: "bus-7", publish: ["bus-8/#"] });
  await assert.rejects(taken, { code: "STORE_CONFLICT" }, "it waits on");
  const { thing } = await http().accept(card?.id ?? "", { publish: ["bus-8/#"] });
  assert.deepEqual([thing.id, thing.publish], ["bus-8", ["bus-8/#"]]);
});

test("onboarding - nothing outside the code's topics is looked at", async (t) => {
  const { code } = await http().addClaim({ devicesMax: 20, topicPrefix: "factory/" });
  const device = await deviceWith(plant.running, { version: 4, code, clientId: "press-1" });
  t.after(() => device.end());
  await device.publish("office/secret", "1");
  await device.publish("factory/press-1/force", "2");
  const { outside, topics, messages, publish } = await http().pendingDevice("press-1");
  assert.deepEqual([outside, messages, publish], [1, 2, ["factory/press-1/#"]]);
  assert.deepEqual(
    topics.map(({ topic }) => topic),
    ["factory/press-1/force"],
  );
});
