/** The same streams over plain HTTP: publish with POST, follow as Server-Sent Events. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ComityHttp } from "../../src/client/http.ts";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode();

test("HTTP - what is published arrives over MQTT, retained where asked", async (t) => {
  const client = await RawClient.in(node.mqttUrl, 4);
  t.after(() => client.destroy());
  await client.subscribe({ topic: "http/#", qos: 1 });
  await http.publish("http/a b/ü", '{"n":1}');
  const packet = await client.next("publish");
  assert.equal(packet.topic, "http/a b/ü");
  assert.equal(packet.payload.toString(), '{"n":1}');
  const response = await fetch(`${node.httpUrl}/api/v1/publish/http/kept?retain=true`, {
    method: "POST",
    body: "kept",
  });
  assert.equal(response.status, 204);
  const late = await RawClient.in(node.mqttUrl, 4);
  t.after(() => late.destroy());
  await late.subscribe({ topic: "http/kept", qos: 1 });
  const kept = await late.next("publish");
  assert.deepEqual([kept.payload.toString(), kept.retain], ["kept", true]);
});

test("HTTP - a stream shows what is retained and then what comes, text as text, bytes as base64", async (t) => {
  const client = await RawClient.in(node.mqttUrl, 5);
  t.after(() => client.destroy());
  client.send(publishPacket("sse/kept", "before", { qos: 1, messageId: 1, retain: true }));
  await client.next("puback");
  const stop = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const one of http.stream("sse/#", stop.signal)) seen.push(JSON.stringify(one));
  })().catch(() => {});
  await until("the retained one", () => seen.length === 1);
  client.send(publishPacket("sse/x", "now"));
  client.send(publishPacket("other", "not asked for"));
  client.send({ ...publishPacket("sse/y", ""), payload: Buffer.from([0xff, 0x00]) });
  await until("what comes", () => seen.length === 3);
  assert.deepEqual(
    seen.map((line) => JSON.parse(line) as unknown),
    [
      { topic: "sse/kept", payload: "before", retain: true },
      { topic: "sse/x", payload: "now" },
      { topic: "sse/y", payloadBase64: "/wA=" },
    ],
  );
  stop.abort();
  await following;
});

test("HTTP - a Thing's token is good for its own topics alone", async () => {
  const { thing, token } = await http.addThing({
    name: "http-sensor",
    publish: ["own/#"],
    subscribe: ["commands/+"],
  });
  const own = new ComityHttp({ url: node.httpUrl, token: `${thing.id}:${token}` });
  await own.publish("own/x", "1");
  await assert.rejects(own.publish("else", "1"), { code: "FORBIDDEN" });
  await assert.rejects(own.stream("own/#").next(), { code: "FORBIDDEN" });
  await assert.rejects(own.stream("$SYS/#").next(), { code: "FORBIDDEN" });
});

test("HTTP - topics and filters that are none, and those of the node's own, are refused", async () => {
  const post = async (path: string): Promise<number> =>
    (await fetch(`${node.httpUrl}/api/v1/publish/${path}`, { method: "POST", body: "x" })).status;
  assert.equal(await post("a/%23"), 400);
  assert.equal(await post("a%00b"), 400);
  assert.equal(await post("x".repeat(1025)), 400);
  assert.equal(await post("from/peer/x"), 403);
  assert.equal(await post("$SYS/x"), 403);
  const follow = async (path: string): Promise<number> =>
    (await fetch(`${node.httpUrl}/api/v1/streams/${path}`)).status;
  assert.equal(await follow("a/%23/b"), 400);
  assert.equal(await follow("$claim/%23"), 403);
});
