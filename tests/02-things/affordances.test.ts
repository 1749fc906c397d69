/** What a Thing Description's forms point to, used as its reader uses them. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { oneNode } from "../01-connect/one-node.ts";
import { until } from "../two-nodes.ts";

const { node, http, token } = await oneNode();

interface Form {
  readonly href: string;
  readonly op: readonly string[];
  readonly subprotocol?: string;
  readonly [term: string]: unknown;
}
interface Affordance {
  readonly forms: readonly Form[];
}
interface Td {
  readonly properties: Readonly<Record<string, Affordance>>;
  readonly actions: Readonly<Record<string, Affordance>>;
  readonly events: Readonly<Record<string, Affordance>>;
}

const pressure = { type: "number", unit: "bar", minimum: 0, maximum: 16, readOnly: true };
const made = await http.addThing({
  name: "pump",
  subscribe: ["pump/+/set", "pump/stop"],
  td: {
    title: "Pump",
    properties: { pressure, speed: { type: "integer" } },
    actions: { stop: {} },
    events: { leak: { data: { type: "string" } } },
  },
});
const td = (await http.thing("pump")) as unknown as Td;
const headers = { authorization: `Bearer ${token}` };
const device = () => connectMqtt({ url: node.mqttUrl, username: "pump", password: made.token });

function form({ forms }: Affordance = { forms: [] }, op: string, scheme: string): Form {
  const found = forms.find((one) => one.op.includes(op) && one.href.startsWith(`${scheme}:`));
  assert.ok(found, `no form for ${op} by ${scheme}`);
  return found;
}

test("forms - a property is read as its Thing sent it, byte for byte", async (t) => {
  const read = form(td.properties["pressure"], "readproperty", "http");
  const early = await fetch(read.href, { headers });
  assert.equal(early.status, 404);
  const { error } = (await early.json()) as { error: { code: string } };
  assert.equal(error.code, "VALUE_ABSENT");
  const client = await device();
  t.after(() => client.end());
  await client.publish("pump/pressure", "3.50", { qos: 1 });
  const answer = await fetch(read.href, { headers });
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(await answer.text(), "3.50");
  const none = await fetch(read.href.replace("pressure", "colour"), { headers });
  assert.equal(none.status, 404);
});

test("forms - a property is observed over MQTT and as events, each event one value", async (t) => {
  const observe = form(td.properties["pressure"], "observeproperty", "mqtt");
  assert.equal(observe["mqv:filter"], "pump/pressure");
  const reader = await connectMqtt({
    url: observe.href,
    username: "token",
    password: token,
  });
  t.after(() => reader.end());
  const seen: string[] = [];
  await reader.subscribe("pump/pressure", {}, ({ payload }) => {
    seen.push(Buffer.from(payload).toString());
  });
  const stop = new AbortController();
  t.after(() => stop.abort());
  const follow = td.properties["pressure"]?.forms.find((one) => one.subprotocol === "sse");
  assert.ok(follow);
  const events = await fetch(follow.href, {
    headers: { ...headers, accept: "text/event-stream" },
    signal: stop.signal,
  });
  assert.match(events.headers.get("content-type") ?? "", /^text\/event-stream/);
  const client = await device();
  t.after(() => client.end());
  await client.publish("pump/pressure", '{"value":4,\n"unit":"bar"}', { qos: 1 });
  let text = "";
  for await (const chunk of events.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes("bar")) break;
  }
  assert.match(text, /^data: \{"value":4, "unit":"bar"\}$/m);
  await until("the observer has it", () => seen.length === 1);
});

test("forms - a long poll waits for the next value, and its HEAD does not", async (t) => {
  const polls = td.properties["pressure"]?.forms.find((one) => one.subprotocol === "longpoll");
  assert.ok(polls);
  assert.equal((await fetch(polls.href, { method: "HEAD", headers })).status, 200);
  const client = await device();
  t.after(() => client.end());
  const polled = Promise.withResolvers<string>();
  const stop = new AbortController();
  void fetch(polls.href, { headers }).then(async (answer) => {
    stop.abort();
    polled.resolve(await answer.text());
  });
  for (let value = 5; !stop.signal.aborted; value++) {
    await client.publish("pump/pressure", String(value % 16), { qos: 1 });
  }
  assert.match(await polled.promise, /^[0-9]+$/);
  const missing = await fetch(polls.href.replace("pressure", "colour"), { headers });
  assert.equal(missing.status, 404);
});

test("forms - what can be written, invoked or awaited reaches the Thing, and nothing else does", async (t) => {
  const client = await device();
  t.after(() => client.end());
  const told: string[] = [];
  for (const filter of ["pump/+/set", "pump/stop"]) {
    await client.subscribe(filter, {}, ({ topic, payload }) => {
      told.push(`${topic} ${Buffer.from(payload).toString()}`);
    });
  }
  const speed = form(td.properties["speed"], "writeproperty", "http");
  const put = { method: "PUT", headers, body: "1500" };
  assert.equal((await fetch(speed.href, put)).status, 204);
  const stop = form(td.actions["stop"], "invokeaction", "http");
  assert.equal((await fetch(stop.href, { method: "POST", headers })).status, 204);
  await until("both arrived", () => told.length === 2);
  assert.deepEqual(told, ["pump/speed/set 1500", "pump/stop "]);
  const readOnly = `${node.httpUrl}/api/v1/things/pump/properties/pressure`;
  assert.equal((await fetch(readOnly, put)).status, 403);
  const { token: viewer } = await http.addUser("vera", "viewer");
  const asViewer = { ...put, headers: { authorization: `Bearer ${viewer}` } };
  assert.equal((await fetch(speed.href, asViewer)).status, 403);
  assert.equal(
    (await fetch(stop.href.replace("stop", "go"), { method: "POST", headers })).status,
    404,
  );
});

test("readings - one that departs from its Description is delivered, flagged and counted", async (t) => {
  const client = await device();
  t.after(() => client.end());
  const reader = await connectMqtt({ url: node.mqttUrl, username: "token", password: token });
  t.after(() => reader.end());
  let delivered = 0;
  await reader.subscribe("pump/pressure", {}, () => {
    delivered++;
  });
  const readings = ["17", '{"value":3,"unit":"kPa"}', '"high"', "{", "3"];
  for (const reading of readings) await client.publish("pump/pressure", reading, { qos: 1 });
  await until("all are delivered", () => delivered === readings.length);
  const flagged = async () => (await http.things()).find(({ id }) => id === "pump")?.flagged;
  assert.deepEqual(await flagged(), [
    { property: "pressure", counts: { bounds: 1, unit: 1, type: 1, unreadable: 1 } },
  ]);
  await client.publish("pump/pressure", "-1", { qos: 1 });
  assert.equal((await flagged())?.[0]?.now, "bounds");
});

test("readings - what a Thing measures and in which unit is told when it is added, and held", async (t) => {
  const properties = {
    air: { type: "number", "@type": "saref:Temperature", unit: "°C", minimum: -40 },
    ground: { type: "number", "@type": "saref:Temperature", unit: "C" },
  };
  const made = await http.addThing({ name: "weather", td: { title: "Weather", properties } });
  assert.deepEqual(made.warnings, [
    'properties.ground.unit "C" is none of temperature, which is told in units such as Cel',
  ]);
  const weather = await connectMqtt({
    ...{ url: node.mqttUrl, username: "weather", password: made.token },
  });
  t.after(() => weather.end());
  const readings = [
    ...["21", '{"value":21,"unitCode":"CEL"}', '{"v":294.15,"u":"K"}', '{"value":1,"unit":"Pa"}'],
    ...['{"value":-60,"unit":"FAH"}', '{"value":-900,"unit":"[degF]"}', "-300", "1e400"],
  ];
  for (const reading of readings) await weather.publish("weather/air", reading, { qos: 1 });
  const flagged = (await http.things()).find(({ id }) => id === "weather")?.flagged;
  const counts = { unit: 1, dimension: 1, bounds: 1, physical: 3 };
  assert.deepEqual(flagged, [{ property: "air", now: "physical", counts }]);
  const wind = {
    type: "object",
    properties: { speed: { type: "number" }, gust: { type: "number" } },
  };
  await http.describeThing("weather", { td: { title: "Weather", properties: { wind } } });
  await weather.publish("weather/wind", '{"speed":"calm","gust":3}', { qos: 1 });
  await weather.publish("weather/wind", '{"speed":1,"gust":null}', { qos: 1 });
  assert.deepEqual((await http.things()).find(({ id }) => id === "weather")?.flagged, [
    { property: "wind", member: "speed", counts: { type: 1 } },
    { property: "wind", member: "gust", now: "type", counts: { type: 1 } },
  ]);
  assert.match(await printed("thing", "list"), /wind\.speed: type 1, wind\.gust: type 1 \(now\)/);
  const folder = await mkdtemp(join(tmpdir(), "comity-units-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "weather.td.json");
  await writeFile(file, JSON.stringify({ title: "Weather", properties }));
  const described = await printed("thing", "describe", "weather", "--td", file);
  assert.match(
    described,
    /2 properties.*\n\nWarning: properties\.ground\.unit "C" is none of temp/,
  );
});

/** What a command prints. */
async function printed(...args: string[]): Promise<string> {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const all = ["--url", node.httpUrl, "--token", token, ...args];
  assert.equal(await runCli(all, { stdout: stream, stderr: stream, env: {} }), 0, text);
  return text;
}

test("infer - a Thing that says nothing of itself is described by what it publishes", async (t) => {
  const { token: secret } = await http.addThing({ name: "probe" });
  await assert.rejects(http.inferThing("probe", 0.1), { code: "THING_SILENT" });
  const probe = await connectMqtt({ url: node.mqttUrl, username: "probe", password: secret });
  t.after(() => probe.end());
  await probe.publish("probe/ph", "7.1", { qos: 1, retain: true });
  const draft = await http.inferThing("probe", 0.1);
  assert.deepEqual(draft["properties"], { ph: { readOnly: true, type: "number" } });
  await http.describeThing("probe", { td: draft });
  const described = (await http.thing("probe")) as unknown as Td;
  const read = form(described.properties["ph"], "readproperty", "http");
  assert.equal(await (await fetch(read.href, { headers })).text(), "7.1");
});
