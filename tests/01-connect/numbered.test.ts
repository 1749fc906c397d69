/** Messages that their producer numbers: each number once into a log, and no number that is not exact. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchAnswer } from "../../src/client/resources.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode();
const terms = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
const topics = ["numbered/#"];
const { id } = await http.addProduct({ title: "Numbered", topics, delivery: "logged", terms });

async function payloads(): Promise<(string | undefined)[]> {
  const all: (string | undefined)[] = [];
  for await (const { payload } of http.readLog(`product/${id}`)) all.push(payload);
  return all;
}

test("numbered - over MQTT a number above 2^53 - 1 is refused in words, none is taken for another", async () => {
  const numbered = (text: string, seq: string, messageId: number) =>
    publishPacket("numbered/mqtt", text, {
      ...{ qos: 1, messageId },
      properties: { userProperties: { producer: "p", seq } },
    });
  const client = await RawClient.in(node.mqttUrl, 5);
  client.send(numbered("last", "9007199254740991", 1));
  assert.equal((await client.next("puback")).reasonCode ?? 0, 0);
  client.send(numbered("beyond", "9007199254740993", 2));
  const { reasonCode, properties } = await client.next("disconnect");
  assert.equal(reasonCode, 0x83);
  assert.match(String(properties?.reasonString), /The number 9007199254740993 .* 9007199254740991/);
  await client.closed;
  assert.deepEqual(await payloads(), ["last"]);
});

test("numbered - a batch tells how many of its lines the log had already", async () => {
  const before = await payloads();
  const line = (seq: number, payload: string): string =>
    JSON.stringify({ topic: "numbered/http", producer: "q", seq, payload });
  const sent = async (...lines: string[]): Promise<BatchAnswer> => {
    const response = await fetch(`${node.httpUrl}/api/v1/publish`, {
      ...{ method: "POST", headers: { "content-type": "application/x-ndjson" } },
      body: lines.join("\n"),
    });
    return (await response.json()) as BatchAnswer;
  };
  const within = await sent(line(1, "a"), line(1, "another"), line(2, "b"));
  assert.deepEqual(within, { accepted: 3, repeated: 1, refused: [] });
  const again = await sent(line(1, "a"), line(2, "b"), line(3, "c"));
  assert.deepEqual(again, { accepted: 3, repeated: 2, refused: [] });
  assert.deepEqual(await sent(line(4, "d")), { accepted: 1, refused: [] });
  assert.deepEqual(await payloads(), [...before, "a", "b", "c", "d"]);
});
