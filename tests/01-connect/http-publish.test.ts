/** Publishing over plain HTTP: what a message says of itself, batches, and each number once. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { BatchAnswer } from "../../src/client/resources.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http, token } = await oneNode();
const ndjson = "application/x-ndjson";

type Told = BatchAnswer & {
  readonly stoppedAt?: number;
  readonly error?: { readonly code: string; readonly message: string };
};

async function post(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${node.httpUrl}/api/v1/publish${path}`, {
    method: "POST",
    body: body as NonNullable<RequestInit["body"]>,
    headers: { "content-type": ndjson, ...headers },
  });
}

async function batch(lines: readonly unknown[], path = ""): Promise<Told> {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  const response = await post(path, text.join("\n"));
  assert.equal(response.status, 200);
  return (await response.json()) as Told;
}

async function payloadsIn(log: string): Promise<(string | undefined)[]> {
  const payloads: (string | undefined)[] = [];
  for await (const line of http.readLog(log)) payloads.push(line.payload);
  return payloads;
}

async function logged(title: string, topics: string[]): Promise<string> {
  const terms = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
  const { id } = await http.addProduct({ title, topics, delivery: "logged", terms });
  return `product/${id}`;
}

test("HTTP publish - subscribers are told a message's content type, where it says one", async (t) => {
  const client = await RawClient.in(node.mqttUrl, 5);
  t.after(() => client.destroy());
  await client.subscribe({ topic: "typed/#", qos: 1 });
  await post("/typed/a", "x", { "content-type": "text/csv; header=absent" });
  await post("/typed/b", "x", { "content-type": "application/x-www-form-urlencoded" });
  await batch([{ topic: "typed/c", payload: "x", contentType: "application/senml+json" }]);
  await batch(['{"n": 1.0}'], "/typed/d");
  const told: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const { topic, payload, properties } = await client.next("publish");
    told.push([topic, payload.toString(), properties?.contentType]);
  }
  assert.deepEqual(told, [
    ["typed/a", "x", "text/csv; header=absent"],
    ["typed/b", "x", undefined],
    ["typed/c", "x", "application/senml+json"],
    ["typed/d", '{"n": 1.0}', "application/json"],
  ]);
});

test("HTTP publish - each line of a batch is a message, text or bytes, retained where it says so", async (t) => {
  const client = await RawClient.in(node.mqttUrl, 5);
  t.after(() => client.destroy());
  await client.subscribe({ topic: "many/#", qos: 1 });
  const answer = await batch([
    { topic: "many/a", payload: "ä\nb" },
    "",
    { topic: "many/b", payloadBase64: "/wA=", qos: 0 },
    { topic: "many/c", retain: true, payload: "kept" },
  ]);
  assert.deepEqual(answer, { accepted: 3, refused: [] });
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const { topic, payload, qos } = await client.next("publish");
    seen.push([topic, payload.toString("latin1"), qos]);
  }
  assert.deepEqual(seen, [
    ["many/a", Buffer.from("ä\nb").toString("latin1"), 1],
    ["many/b", "\xff\x00", 0],
    ["many/c", "kept", 1],
  ]);
  const [kept] = await http.retained("many/#");
  assert.equal(kept?.topic, "many/c");
});

test("HTTP publish - what is wrong with a line is told with its number, and touches no other", async () => {
  const log = await logged("Lines", ["lines/#"]);
  const answer = await batch([
    { topic: "lines/1", payload: "first" },
    '{"topic": "lines/2", "payload": ',
    { topic: "lines/#", payload: "x" },
    { topic: "$SYS/x", payload: "x" },
    { topic: "lines/5", payload: "x", payloadBase64: "eA==" },
    { topic: "lines/6", payloadBase64: "not base64" },
    { topic: "lines/7", payload: "x", colour: "red" },
    { topic: "lines/8", payload: { n: 1 } },
    { topic: "lines/9", payload: "x", qos: 2 },
    { topic: "lines/10", payload: "x", seq: 1 },
    { topic: "lines/11", payload: "x", producer: "p", seq: 0 },
    { topic: "lines/12", payload: "y".repeat(1024 * 1024 + 1) },
    { topic: "lines/13", payload: "z".repeat(2 * 1024 * 1024) },
    "null",
    { topic: "lines/15", payload: "last" },
  ]);
  assert.equal(answer.accepted, 2);
  assert.deepEqual(
    answer.refused.map(({ line, code }) => `${line} ${code}`),
    [
      ...["2 BODY_INVALID", "3 TOPIC_INVALID", "4 FORBIDDEN", "5 BODY_INVALID", "6 BODY_INVALID"],
      ...["7 BODY_INVALID", "8 BODY_INVALID", "9 BODY_INVALID", "10 BODY_INVALID"],
      ...["11 BODY_INVALID", "12 PAYLOAD_TOO_LARGE", "13 PAYLOAD_TOO_LARGE", "14 BODY_INVALID"],
    ],
  );
  assert.match(answer.refused[3]?.message ?? "", /payload and payloadBase64/);
  assert.deepEqual(await payloadsIn(log), ["first", "last"]);
});

test("HTTP publish - a Thing's batch goes to its own topics alone, and it has been seen", async () => {
  const added = await http.addThing({ name: "batcher", publish: ["batcher/#"] });
  const response = await post(
    "",
    '{"topic":"batcher/a","payload":"1"}\n{"topic":"else","payload":"1"}\n',
    { authorization: `Bearer batcher:${added.token}` },
  );
  const told = (await response.json()) as Told;
  assert.deepEqual([told.accepted, told.refused.map(({ code }) => code)], [1, ["FORBIDDEN"]]);
  for await (const { topic } of http.thingSeen(added.thing.id)) {
    assert.equal(topic, "batcher/a");
    break;
  }
});

test("HTTP publish - a number is taken once into a log, of one message and of a batch sent again", async () => {
  const log = await logged("Once", ["once/#"]);
  const one = { "content-type": "text/plain", "comity-producer": "press 7", "comity-seq": "5" };
  assert.equal((await post("/once/a", "one", one)).status, 204);
  assert.equal((await post("/once/a", "one again", one)).status, 204);
  const many = { "comity-producer": "press 8", "comity-seq": "10" };
  const sent = async (body: string): Promise<Told> =>
    (await (await post("/once/b", body, many)).json()) as Told;
  assert.deepEqual(await sent("1\nnone\n3\n"), {
    accepted: 2,
    refused: [
      {
        line: 2,
        code: "BODY_INVALID",
        message: `The request is not valid: it is no JSON: Unexpected token 'o', "none" is not valid JSON`,
      },
    ],
  });
  assert.equal((await sent("1\n2\n3\n4\n")).accepted, 4);
  const named = { topic: "once/c", producer: "press 9", seq: 1 };
  await batch([
    { ...named, payload: "a" },
    { ...named, payload: "a again" },
    { ...named, seq: 2, payload: "b" },
  ]);
  assert.deepEqual(await payloadsIn(log), ["one", "1", "3", "4", "a", "b"]);
  for (const wrong of [
    { "comity-seq": "5" },
    { "comity-producer": "p" },
    { "comity-producer": "p", "comity-seq": "9007199254740992" },
    { "comity-producer": "p", "comity-seq": "-1" },
  ]) {
    assert.equal((await post("/once/a", "x", wrong as never)).status, 400);
  }
  const last = { "comity-producer": "press 10", "comity-seq": "9007199254740991" };
  const told = (await (await post("/once/d", "1\n2\n", last)).json()) as Told;
  assert.equal(told.accepted, 1);
  assert.match(told.refused?.[0]?.message ?? "", /its number would be above 9007199254740991/);
});

test("HTTP publish - what is no batch is none: another type, or compressed", async () => {
  const line = '{"topic":"no/batch","payload":"x"}\n';
  for (const headers of [{ "content-type": "application/json" }, { "content-encoding": "gzip" }]) {
    const body = "content-encoding" in headers ? gzipSync(line) : line;
    const response = await post("", body, headers);
    const { error } = (await response.json()) as Told;
    assert.deepEqual([response.status, error?.code], [400, "BODY_INVALID"]);
  }
  assert.equal((await fetch(`${node.httpUrl}/api/v1/publish`)).status, 404);
});

test("HTTP publish - a batch with too much that is wrong is stopped, and says at which line", async () => {
  const log = await logged("Stopped", ["stopped/#"]);
  const good = '{"topic":"stopped/a","payload":"1"}\n';
  const response = await post("", `${good}${"wrong\n".repeat(1000)}${good}`);
  const told = (await response.json()) as Told;
  assert.deepEqual(
    [response.status, told.accepted, told.refused.length, told.stoppedAt, told.error?.code],
    [413, 1, 1000, 1002, "BATCH_STOPPED"],
  );
  assert.match(told.error?.message ?? "", /line 1002: The limit of 1000 refused lines/);
  assert.deepEqual(await payloadsIn(log), ["1"]);
});

test("HTTP publish - a batch that breaks off gives its whole lines, and nothing of the last", async (t) => {
  const client = await RawClient.in(node.mqttUrl, 5);
  t.after(() => client.destroy());
  await client.subscribe({ topic: "broken/#", qos: 1 });
  const { hostname, port } = new URL(node.httpUrl);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  const lines = '{"topic":"broken/a","payload":"1"}\n{"topic":"broken/b","payload":"2"}';
  socket.write(
    [
      ...["POST /api/v1/publish HTTP/1.1", `host: ${hostname}:${port}`, `content-type: ${ndjson}`],
      ...[`authorization: Bearer ${token}`, "transfer-encoding: chunked", "", ""],
    ].join("\r\n"),
  );
  socket.write(`${lines.length.toString(16)}\r\n${lines}\r\n`);
  assert.equal((await client.next("publish")).topic, "broken/a");
  socket.destroy();
  await http.health();
  const other = await RawClient.in(node.mqttUrl, 5);
  t.after(() => other.destroy());
  other.send(publishPacket("broken/c", "after", { qos: 1, messageId: 1 }));
  await other.next("puback");
  assert.equal((await client.next("publish")).topic, "broken/c");
});
