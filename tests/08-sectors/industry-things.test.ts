/** Machines that are born are Things of the directory: their Descriptions lead to their streams. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Ajv } from "ajv";
import { connectMqtt, type MqttClient } from "../../src/client/mqtt.ts";
import { encodeSparkplug, type Metric } from "../../src/wire/sparkplug-b.ts";
import { datatype } from "../../src/wire/sparkplug-datatype.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

interface Property {
  readonly forms: readonly { readonly href: string; readonly "mqv:filter": string }[];
  readonly [member: string]: unknown;
}

interface Description {
  readonly id: string;
  readonly title: string;
  readonly properties: Readonly<Record<string, Property>>;
  readonly registration: { readonly modified: string };
}

const at = Date.UTC(2026, 0, 1);
let nodes: TwoNodes;
let edge: MqttClient;
const observers: MqttClient[] = [];
before(async () => {
  nodes = await twoNodes();
  edge = await nodes.mqtt("provider");
  const from = { way: "topic", address: "spBv1.0/#" } as const;
  await nodes.provider.http.addSource({ kind: "sparkplug-b", from, topic: "plant" });
});
after(async () => {
  await Promise.all(observers.map((one) => one.end()));
  await nodes.close();
});

const say = (path: string, seq: number, metrics: readonly Metric[]) =>
  edge.publish(`spBv1.0/${path}`, encodeSparkplug({ timestamp: at, seq, metrics }), { qos: 1 });

async function directory(id: string, body?: object): Promise<Response> {
  const { node, token } = nodes.provider;
  return fetch(new URL(`/things/${encodeURIComponent(id)}`, node.httpUrl), {
    headers: { authorization: `Bearer ${token}`, "content-type": "application/td+json" },
    ...(body !== undefined && { method: "PUT", body: JSON.stringify(body) }),
  });
}

async function described(id: string): Promise<Description> {
  await until(`${id} is described`, async () => (await directory(id)).status === 200);
  return (await (await directory(id)).json()) as Description;
}

const births: readonly Metric[] = [
  { name: "Speed", alias: 1n, datatype: datatype.int32, raw: { as: "int", value: 900 } },
  {
    ...{ name: "Bearing/Temperature", alias: 2n, datatype: datatype.float, isNull: true },
    properties: { engUnit: "°C", engHigh: 120, Quality: 192 },
  },
  { name: "Tripped", alias: 3n, datatype: datatype.boolean, raw: { as: "boolean", value: false } },
  {
    name: "Count",
    alias: 4n,
    datatype: datatype.uint64,
    raw: { as: "long", value: 2n ** 64n - 1n },
  },
  { name: "Device Control/Stop", datatype: datatype.boolean, isNull: true },
];

test("industry - a machine that is born is a Thing; what its Description promises comes as it says", async () => {
  await say("hall 1/NBIRTH/edge", 0, []);
  await say("hall 1/DBIRTH/edge/press", 1, births);
  const { title, properties } = await described("urn:ngsi-ld:Device:hall%201/edge/press");
  assert.equal(title, "press (hall 1/edge)");
  const names = ["Speed", "Bearing/Temperature", "Tripped", "Count"];
  assert.deepEqual(Object.keys(properties), [...names, "$state"]);
  assert.deepEqual(properties["Bearing/Temperature"]!["properties"], {
    numValue: { type: "number", unit: "Cel" },
    dateObserved: { type: "string", format: "date-time" },
  });
  const [node, heard] = [nodes.provider, new Map<string, unknown>()];
  for (const [name, { forms }] of Object.entries(properties)) {
    const [form = assert.fail()] = forms;
    // the broker and the topic are what the form says, and nothing else
    const url = `mqtt://${new URL(form.href).host}`;
    const client = await connectMqtt({ url, username: "admin", password: node.token });
    await client.subscribe(form["mqv:filter"], { qos: 1 }, ({ payload }) => {
      heard.set(name, JSON.parse(Buffer.from(payload).toString("utf8")));
    });
    observers.push(client);
  }
  await say("hall 1/DDATA/edge/press", 2, [
    { alias: 1n, raw: { as: "int", value: 0xffff_fff0 } },
    { alias: 2n, raw: { as: "float", value: 60.5 }, properties: { Quality: 500 } },
    { alias: 3n, raw: { as: "boolean", value: true } },
    { alias: 4n, raw: { as: "long", value: 2n ** 64n - 2n } },
  ]);
  await until("each property was observed", () => heard.size === names.length + 1);
  const ajv = new Ajv({ strict: false, formats: { "date-time": true } });
  for (const [name, { forms: _, ...schema }] of Object.entries(properties)) {
    assert.ok(ajv.validate(schema, heard.get(name)), `${name}: ${ajv.errorsText()}`);
  }
  const values = names.map((name) => {
    const { numValue, textValue } = heard.get(name) as Record<string, unknown>;
    return numValue ?? textValue;
  });
  assert.deepEqual(values, [-16, 60.5, "true", "18446744073709551614"]);
  const { unit, quality } = heard.get("Bearing/Temperature") as Record<string, unknown>;
  assert.deepEqual([unit, quality], ["Cel", "stale"], "the birth's unit, the message's quality");
});

test("industry - births that say nothing new change no Description; a new metric does", async () => {
  const id = "urn:ngsi-ld:Device:hall/saw";
  await say("hall/NBIRTH/saw", 0, births.slice(0, 1));
  const first = await described(id);
  await say("hall/NBIRTH/saw", 0, births.slice(0, 1));
  await say("hall/NBIRTH/other", 0, []);
  await described("urn:ngsi-ld:Device:hall/other");
  const { registration } = await described(id);
  assert.equal(registration.modified, first.registration.modified);
  await say("hall/NBIRTH/saw", 0, births.slice(0, 3));
  await until("it is described anew", async () => {
    return Object.keys((await described(id)).properties).length === 4;
  });
});

test("industry - whoever names a machine like somebody's Thing does not get at its Description", async () => {
  const id = "urn:ngsi-ld:Device:office/lamp";
  const bare = {
    ...{ "@context": "https://www.w3.org/2022/wot/td/v1.1", id, title: "The lamp" },
    ...{ securityDefinitions: { none: { scheme: "nosec" } }, security: "none" },
  };
  const on = { type: "boolean", forms: [{ href: "http://lamp.example/on" }] };
  for (const [refused, lamp] of [bare, { ...bare, properties: { on } }].entries()) {
    assert.ok((await directory(id, lamp)).ok);
    await say("office/NBIRTH/lamp", 0, births);
    await until("it is refused", async () => {
      return (await nodes.provider.http.sources())[0]?.faults["description"] === refused + 1;
    });
    assert.equal((await described(id)).title, "The lamp");
  }
});

test("industry - a machine whose Description would be too large is read, and not described", async () => {
  const { faults } = (await nodes.provider.http.sources())[0]!;
  const many = (count: number, length: number) =>
    Array.from({ length: count }, (_, at): Metric => {
      return { name: `${at}`.padStart(length, "x"), datatype: datatype.int32, isNull: true };
    });
  await say("hall/NBIRTH/wide", 0, many(1_001, 4));
  await say("hall/NBIRTH/long", 0, many(1_000, 900));
  await until("both are faults", async () => {
    const { faults: now } = (await nodes.provider.http.sources())[0]!;
    return now["description"] === (faults["description"] ?? 0) + 2;
  });
  assert.equal((await directory("urn:ngsi-ld:Device:hall/wide")).status, 404);
  assert.equal((await directory("urn:ngsi-ld:Device:hall/long")).status, 404);
});
