/** Who publishes faster than it may is read from more slowly; nothing of it is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({
  connectionMessagesPerSecondMax: 1_000,
  principalMessagesPerSecondMax: 1_500,
  connectionBytesPerSecondMax: 200_000,
});

async function publisher(username: string, token: string, clientId: string): Promise<RawClient> {
  const login = { username, password: Buffer.from(token), clientId };
  return RawClient.in(node.mqttUrl, 5, { ...login, keepalive: 1 });
}

/** All of it at once, as whoever is too fast sends it. */
function burst(client: RawClient, topic: string, count: number, payload = "x"): void {
  client.send(...Array.from({ length: count }, () => publishPacket(topic, payload)));
}

async function slowed(reason: string): Promise<number> {
  return (await http.top()).mqtt.slowed[reason] ?? 0;
}

/** Two, for the first may have come in one chunk with what is waited for. */
async function answeredMs(client: RawClient): Promise<number> {
  const start = performance.now();
  await client.settled();
  await client.settled();
  return performance.now() - start;
}

test("pace - a connection above its messages a second waits, loses nothing and stays", async (t) => {
  const { token } = await http.addThing({ name: "fast" });
  const listener = await RawClient.in(node.mqttUrl, 5);
  t.after(() => listener.destroy());
  await listener.subscribe({ topic: "fast/#", qos: 0 });
  const client = await publisher("fast", token, "one");
  t.after(() => client.destroy());
  // A second's worth may come at once; what is beyond takes longer than its keep-alive time.
  burst(client, "fast/1", 3_500);
  client.send(publishPacket("fast/last", "end"));
  assert.ok((await answeredMs(client)) >= 2_300);
  const heard = await listener.messages();
  assert.equal(heard.length, 3_501);
  assert.equal(heard.at(-1), "fast/last end");
  assert.equal(client.isClosed, false);
  assert.ok((await slowed("connection-messages")) > 0);
});

test("pace - all connections of one Thing share its rate, and another's is its own", async (t) => {
  const [two, other] = [
    await http.addThing({ name: "two" }),
    await http.addThing({ name: "other" }),
  ];
  const clients = [
    await publisher("two", two.token, "a"),
    await publisher("two", two.token, "b"),
    await publisher("other", other.token, "c"),
  ] as const;
  t.after(() => clients.forEach((client) => client.destroy()));
  const [a, b, c] = clients;
  burst(a, "two/1", 1_000);
  await a.settled();
  const before = await slowed("principal-messages");
  burst(b, "two/1", 1_000); // within its own second's worth, beyond the Thing's
  const order: string[] = [];
  const slow = answeredMs(b).then((ms) => {
    order.push("two");
    assert.ok(ms >= 150, `${ms} ms`);
  });
  burst(c, "other/1", 900);
  await answeredMs(c);
  order.push("other");
  await slow;
  assert.deepEqual(order, ["other", "two"]);
  assert.ok((await slowed("principal-messages")) > before);
});

test("pace - large messages are slowed by their bytes", async (t) => {
  const { token } = await http.addThing({ name: "large" });
  const client = await publisher("large", token, "one");
  t.after(() => client.destroy());
  const before = await slowed("connection-bytes");
  burst(client, "large/1", 30, "x".repeat(10_000));
  assert.ok((await answeredMs(client)) >= 300);
  assert.ok((await slowed("connection-bytes")) > before);
});

test("pace - QoS 1 is slowed alike, and each message is acknowledged", async (t) => {
  const { token } = await http.addThing({ name: "sure" });
  const client = await publisher("sure", token, "one");
  t.after(() => client.destroy());
  const ids = Array.from({ length: 1_500 }, (_, i) => i + 1);
  client.send(...ids.map((messageId) => publishPacket("sure/1", "x", { qos: 1, messageId })));
  assert.ok((await answeredMs(client)) >= 350);
  for (const id of ids) assert.equal((await client.next("puback")).messageId, id);
});

test("pace - over HTTP a Thing's messages count to the same rate, and the answer waits", async (t) => {
  const { token } = await http.addThing({ name: "both" });
  const client = await publisher("both", token, "one");
  t.after(() => client.destroy());
  const lines = Array.from({ length: 1_500 }, () => '{"topic":"both/1","payload":"x"}');
  const before = await slowed("principal-messages");
  const authorization = `Basic ${Buffer.from(`both:${token}`).toString("base64")}`;
  const start = performance.now();
  const answer = await fetch(`${node.httpUrl}/api/v1/publish`, {
    method: "POST",
    headers: { authorization, "content-type": "application/x-ndjson" },
    body: `${lines.join("\n")}\n`,
  });
  assert.deepEqual(await answer.json(), { accepted: 1_500, refused: [] });
  const tookMs = performance.now() - start;
  assert.ok(tookMs < 600, `a second's worth took ${tookMs} ms`);
  burst(client, "both/1", 600); // within the connection's own, beyond the Thing's
  assert.ok((await answeredMs(client)) >= 150);
  const single = await fetch(`${node.httpUrl}/api/v1/publish/both/1`, {
    method: "POST",
    headers: { authorization },
    body: "x",
  });
  assert.equal(single.status, 204);
  assert.ok((await slowed("principal-messages")) > before);
});
