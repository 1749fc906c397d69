/** What a claim code does not open, and how what waits by it stays bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import mqtt from "mqtt";
import { ComityHttp } from "../../src/client/http.ts";
import { until } from "../two-nodes.ts";
import { credentialsTopic, deviceWith } from "./claimed-device.ts";
import { guardedNode } from "./guarded-node.ts";

const plant = await guardedNode();
const http = () => plant.running.http;
const wrong = "00000-00000-00000-00000";

/** Over HTTP, under a name; the status. */
async function send(name: string, code: string, topic = `${name}/t`): Promise<number> {
  const answer = await fetch(`${plant.running.node.httpUrl}/api/v1/publish/${topic}`, {
    method: "POST",
    headers: { authorization: `Bearer ${name}:${code}` },
    body: "1",
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("onboarding - there is no code unless somebody makes one, and a viewer makes none", async () => {
  assert.deepEqual(await http().claims(), []);
  const come = { version: 4, code: wrong, clientId: "a" } as const;
  await assert.rejects(deviceWith(plant.running, come), /bad user ?name or password/i);
  const { token } = await http().addUser("vera", "viewer");
  const viewer = new ComityHttp({ url: plant.running.node.httpUrl, token });
  await assert.rejects(viewer.addClaim({}), { code: "FORBIDDEN" });
  await assert.rejects(viewer.pending(), { code: "FORBIDDEN" });
  await assert.rejects(http().addClaim({ topicPrefix: "$SYS/" }), { code: "BODY_INVALID" });
  await assert.rejects(http().addClaim({ seconds: 30 * 86_400 }), { code: "BODY_INVALID" });
});

test("onboarding - wrong codes wait ever longer at both doors, right ones never", async () => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  const began = performance.now();
  for (let i = 0; i < 5; i++) {
    const come = { version: 5, code: wrong, clientId: `guess-${i}` } as const;
    await assert.rejects(deviceWith(plant.running, come), /bad user ?name or password/i);
  }
  const overMqtt = performance.now() - began;
  assert.ok(overMqtt > 50 + 100 + 200 + 400 + 800, `five guesses took ${overMqtt} ms`);
  const sixth = deviceWith(plant.running, { version: 5, code: wrong, clientId: "guess-5" });
  const refused = sixth.then(
    () => "let in",
    () => "refused",
  );
  const device = await deviceWith(plant.running, { version: 5, code, clientId: "right" });
  const first = await Promise.race([refused, Promise.resolve("still waiting")]);
  assert.equal(first, "still waiting", "the right one waits behind nobody's guesses");
  assert.equal(await refused, "refused");
  await device.end();
  const overHttp = performance.now();
  for (let i = 0; i < 4; i++) assert.equal(await send("guess", wrong), 401);
  assert.ok(performance.now() - overHttp > 50 + 100 + 200 + 400);
  assert.equal(await send("claim", code), 403, "over HTTP a device has a name of its own");
});

test("onboarding - with its code's end a device is let go, and what it sent is forgotten", async () => {
  const { code, claim } = await http().addClaim({ seconds: 3 });
  const device = await deviceWith(plant.running, { version: 5, code, clientId: "late" });
  await device.publish("late/t", "1");
  assert.equal((await http().pending()).length, 1);
  await device.closed;
  await until("the card is gone", async () => (await http().pending()).length === 0);
  const again = deviceWith(plant.running, { version: 5, code, clientId: "late" });
  await assert.rejects(again, /not authorized/i);
  assert.equal(await send("late", code), 403);
  const [listed] = (await http().claims()).filter(({ id }) => id === claim.id);
  assert.equal(listed?.state, "expired");
});

test("onboarding - a revoked code lets everybody go; the Things it made stay", async () => {
  const { code, claim } = await http().addClaim({ devicesMax: 20 });
  const made = await deviceWith(plant.running, { version: 4, code, clientId: "made" });
  const waiting = await deviceWith(plant.running, { version: 4, code, clientId: "waiting" });
  await made.publish("made/t", "1");
  await waiting.publish("waiting/t", "1");
  await http().accept("made");
  await http().revokeClaim(claim.id);
  await Promise.all([made.closed, waiting.closed]);
  assert.deepEqual(await http().pending(), []);
  assert.equal(await send("made", code), 403, "it had not come with its own token yet");
  assert.ok(await http().thing("made"));
  const { token } = await http().rotateThing("made", 0);
  assert.equal(await send("made", token), 204);
  const acts = (await http().audit({ limit: 1_000 })).map(
    ({ act, outcome }) => `${act} ${outcome}`,
  );
  for (const act of ["claim.create done", "pending.accept done", "claim.revoke done"]) {
    assert.ok(acts.includes(act), act);
  }
});

test("onboarding - a code makes as many Things as it may, then it is used up", async () => {
  const { code, claim } = await http().addClaim({ devicesMax: 1 });
  const lucky = await deviceWith(plant.running, { version: 5, code, clientId: "lucky" });
  const other = await deviceWith(plant.running, { version: 5, code, clientId: "other" });
  await lucky.publish("lucky/t", "1");
  await other.publish("other/t", "1");
  const both = await Promise.allSettled([http().accept("lucky"), http().accept("other")]);
  const [refused] = both.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  assert.equal(both.filter(({ status }) => status === "fulfilled").length, 1, "one of two at once");
  assert.match(refused?.message ?? "", /limit of 1 devices of this claim code/);
  await Promise.race([lucky.closed, other.closed]);
  assert.equal(await send("third", code), 403);
  assert.equal((await http().claims()).find(({ id }) => id === claim.id)?.state, "used up");
  await Promise.all([lucky.end(), other.end()]);
});

test("onboarding - a code is for one device unless more is said, and its prefix is of whole levels", async () => {
  const { code, claim } = await http().addClaim({ topicPrefix: "factory" });
  assert.equal(claim.devicesMax, 1);
  const device = await deviceWith(plant.running, { version: 5, code, clientId: "press" });
  for (const topic of ["factory2/press", "factory/press", "factory"]) {
    await device.publish(topic, "1");
  }
  const card = (await http().pending()).find(({ name }) => name === "press");
  assert.deepEqual([card?.messages, card?.outside], [3, 1]);
  await device.end();
});

test("onboarding - a refused device is let go and stays refused, over a restart too", async () => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  const device = await deviceWith(plant.running, { version: 5, code, clientId: "stranger" });
  await device.publish("stranger/t", "1");
  await http().refuse("stranger");
  await device.closed;
  assert.equal(await send("stranger", code), 403);
  await plant.restart();
  const again = deviceWith(plant.running, { version: 5, code, clientId: "stranger" });
  await assert.rejects(again, /not authorized/i);
  assert.equal(await send("friend", code), 202, "others are not");
  await assert.rejects(http().accept("stranger"), { code: "NOT_FOUND" });
});

test("onboarding - a flood under one code takes no place of another code's devices", async () => {
  const quiet = await http().addClaim({ devicesMax: 20 });
  const loud = await http().addClaim({ devicesMax: 20 });
  assert.equal(await send("quiet", quiet.code), 202);
  for (let i = 0; i < 100; i++) assert.equal(await send(`loud-${i}`, loud.code), 202);
  const waiting = await http().pending();
  assert.equal((await http().status()).counts.pending, waiting.length);
  const ofLoud = waiting.filter(({ claim }) => claim === loud.claim.id);
  assert.equal(ofLoud.length, 64);
  assert.deepEqual(
    [ofLoud[0]?.name, ofLoud.at(-1)?.name],
    ["loud-36", "loud-99"],
    "the quietest made room",
  );
  assert.ok(waiting.some(({ name }) => name === "quiet"));
  for (let i = 0; i < 40; i++) assert.equal(await send("topics", quiet.code, `topics/${i}`), 202);
  const { topics, beyond, publish } = await http().pendingDevice("topics");
  assert.deepEqual([topics.length, beyond, publish], [32, 8, ["topics/#"]]);
});

test("onboarding - over a restart codes and acceptances stand, and who waits is seen when it sends", async (t) => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  const before = await deviceWith(plant.running, { version: 5, code, clientId: "crane" });
  await before.publish("crane/load", "1");
  await plant.restart();
  await before.closed;
  assert.deepEqual(await http().pending(), [], "what waited was in memory");
  const device = await deviceWith(plant.running, { version: 5, code, clientId: "crane" });
  await device.publish("crane/load", "2");
  assert.equal((await http().pendingDevice("crane")).messages, 1);
  await http().accept("crane");
  await plant.restart();
  await device.closed;

  const back = await deviceWith(plant.running, { version: 5, code, clientId: "crane" });
  t.after(() => back.end());
  const seen = http().thingSeen("crane");
  const first = seen.next();
  await back.publish("crane/load", "3");
  assert.equal((await first).value?.summary, "3", "it is its Thing at once");
  await seen.return(undefined);
  await back.subscribe([credentialsTopic]);
  await back.subscribe([credentialsTopic]);
  await until("its credentials, each time the same", () => back.heard.length === 2);
  assert.equal(back.heard[0], back.heard[1]);
  const { username, token } = JSON.parse(back.heard[0] ?? "") as Record<string, string>;
  const own = await mqtt.connectAsync(plant.running.node.mqttUrl, {
    ...(username !== undefined && { username }),
    ...(token !== undefined && { password: token }),
  });
  t.after(() => own.endAsync(true));
  await own.publishAsync("crane/load", "4", { qos: 1 });
  await back.closed;
});

test("onboarding - a device that comes again takes its own place, and may listen on another line", async (t) => {
  const { code, claim } = await http().addClaim({ devicesMax: 20 });
  const come = { version: 5, code, username: "twin" } as const;
  const first = await deviceWith(plant.running, { ...come, clientId: "a" });
  const listener = await deviceWith(plant.running, { ...come, clientId: "b" });
  t.after(() => listener.end());
  await listener.subscribe([credentialsTopic]);
  const second = await deviceWith(plant.running, { ...come, clientId: "a" });
  t.after(() => second.end());
  await first.closed;
  await second.publish("twin/t", "1");
  const cards = (await http().pending()).filter((device) => device.claim === claim.id);
  assert.deepEqual(
    cards.map(({ name, listens }) => [name, listens]),
    [["twin", true]],
  );
  await http().accept("twin");
  await until("the credentials, on the line that listens", () => listener.heard.length === 1);
  assert.deepEqual(second.heard, []);
});

test("onboarding - a claimed device has no way to anything but its credentials", async (t) => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  for (const version of [4, 5] as const) {
    const clientId = `curious-${version}`;
    const device = await deviceWith(plant.running, { version, code, clientId });
    t.after(() => device.end());
    const refused = version === 4 ? 128 : 0x87;
    const filters = [
      "#",
      "+/#",
      "$claim/#",
      "$claim/+",
      "$SYS/#",
      "$share/g/#",
      "from/#",
      clientId,
    ];
    assert.deepEqual(
      await device.subscribe(filters),
      filters.map(() => refused),
    );
    for (const topic of ["$claim/credentials", "$link/urn:uuid:1", "from/peer/p/t"]) {
      await device.publish(topic, "1");
    }
    const { outside, topics } = await http().pendingDevice(clientId);
    assert.deepEqual([outside, topics], [3, []]);
    await http().accept(clientId, { subscribe: ["news/#"] });
    assert.deepEqual(await device.subscribe(["#", "$claim/#", "news/today"]), [
      refused,
      refused,
      1,
    ]);
    assert.deepEqual(await device.subscribe(["news/#", credentialsTopic]), [1, 1]);
    await until("its credentials alone", () => device.heard.length === 1);
  }
  const scope = { authorization: `Bearer someone:${code}` };
  for (const path of ["/api/v1/things", "/api/v1/streams/%23", "/api/v1/pending", "/things"]) {
    const answer = await fetch(`${plant.running.node.httpUrl}${path}`, { headers: scope });
    assert.equal(answer.status, 401, path);
  }
});

test("onboarding - a Thing that is removed or given a token by hand is opened by no code", async () => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  for (const name of ["gone", "by-hand"]) {
    const device = await deviceWith(plant.running, { version: 4, code, clientId: name });
    await device.publish(`${name}/t`, "1");
    await http().accept(name);
    if (name === "gone") await http().removeThing(name);
    else await http().rotateThing(name, 0);
    await device.closed;
    assert.equal(await send(name, code), 403);
  }
});

test("onboarding - a claimed device is told that it has no session that stays", async (t) => {
  const { code } = await http().addClaim({ devicesMax: 20 });
  const login = {
    username: "claim",
    password: code,
    clientId: "long",
    protocolVersion: 5,
  } as const;
  const asking = { clean: false, properties: { sessionExpiryInterval: 3_600 } };
  const client = mqtt.connect(plant.running.node.mqttUrl, {
    ...login,
    ...asking,
    reconnectPeriod: 0,
  });
  t.after(() => client.endAsync(true));
  const connack = await new Promise<mqtt.IConnackPacket>((resolve) =>
    client.once("connect", resolve),
  );
  assert.equal(connack.sessionPresent, false);
  assert.equal(connack.properties?.sessionExpiryInterval, 0, "§3.2.2.3.2");
});
