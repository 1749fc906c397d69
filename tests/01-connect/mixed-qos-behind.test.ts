/** Messages of QoS 0 beside those that wait in a log for who is there: once, in turn, over a stop. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { freePort } from "../free-port.ts";
import { nodeOptions, startTestNode, type TestNode, until } from "../two-nodes.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const folder = await mkdtemp(join(tmpdir(), "comity-mixed-"));
const options = await nodeOptions(folder, {
  ...{ name: "door", title: "The door", dev: true },
  mqtt: { host: "127.0.0.1", port: await freePort() },
});
let door: TestNode = await startTestNode(options);
after(async () => {
  await door.node.close();
  await rm(folder, { recursive: true, force: true });
});
const price = { amount: "0", currency: "EUR", perMessages: 1 };
const product = { id: "mixed", title: "Mixed", topics: ["mixed/#"], delivery: "logged" } as const;
await door.http.addProduct({ ...product, terms: { price } });

/** A client whose session stays, and that takes one message of QoS 1 at a time. */
async function staying(clientId: string): Promise<RawClient> {
  return RawClient.in(door.node.mqttUrl, 5, {
    ...{ clientId, clean: false },
    properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 },
  });
}

async function writerOf(topic: string, t: TestContext) {
  const writer = await RawClient.in(door.node.mqttUrl, 5);
  t.after(() => writer.destroy());
  return async (text: string, qos: 0 | 1): Promise<void> => {
    writer.send(publishPacket(topic, text, qos === 1 ? { qos, messageId: 1 } : {}));
    if (qos === 1) await writer.next("puback");
  };
}

/** Of all that comes the first word and the QoS, acknowledged as it comes, until the last one has. */
async function takenUntil(last: string, client: RawClient): Promise<(readonly [string, number])[]> {
  const taken: (readonly [string, number])[] = [];
  await until(`${last} comes`, async () => {
    await client.settled();
    for (const packet of client.received.splice(0)) {
      if (packet.cmd !== "publish") continue;
      taken.push([packet.payload.toString().split(" ")[0]!, packet.qos]);
      if (packet.qos === 1) client.send({ cmd: "puback", messageId: packet.messageId! });
    }
    return taken.some(([word]) => word === last);
  });
  await client.settled();
  return taken;
}

test("mixed QoS - who comes back and is behind in its log has each message once", async (t) => {
  const topic = "mixed/back";
  const away = await staying("back");
  await away.subscribe({ topic, qos: 1 });
  away.destroy();
  await away.closed;
  const send = await writerOf(topic, t);
  // More than is read of a log at once.
  const filling = "x".repeat(100_000);
  const all: (readonly [string, 0 | 1])[] = [];
  for (let i = 0; i < 8; i++) {
    await send(`away-${i} ${filling}`, 1);
    all.push([`away-${i}`, 1]);
  }
  const back = await staying("back");
  t.after(() => back.destroy());
  await until("the first has come", () => back.received.some(({ cmd }) => cmd === "publish"));
  for (const [word, qos] of [
    ["now-0", 0],
    ["now-1", 1],
    ["now-2", 0],
    ["now-3", 0],
    ["now-4", 1],
  ] as const) {
    await send(word, qos);
    all.push([word, qos]);
  }
  assert.deepEqual(await takenUntil("now-4", back), all);
});

test("mixed QoS - what came before an orderly stop does not come again after it", async (t) => {
  const topic = "mixed/stop";
  const first = await staying("stop");
  await first.subscribe({ topic, qos: 1 });
  const send = await writerOf(topic, t);
  await send("under-way", 1);
  await send("waits", 1);
  await send("light", 0);
  await send("last", 1);
  await first.settled();
  const before = first.received
    .splice(0)
    .map((packet) => (packet.cmd === "publish" ? packet.payload.toString() : packet.cmd));
  await door.node.close();
  door = await startTestNode(options);
  const back = await staying("stop");
  t.after(() => back.destroy());
  const words = (await takenUntil("last", back)).map(([word]) => word);
  // What is under way comes again, as it must.
  assert.deepEqual([...before, ...words.slice(1)], ["under-way", "waits", "light", "last"]);
});

test("mixed QoS - what waits in memory keeps its QoS and its order", async (t) => {
  const topic = "mixed/memory";
  const slow = await staying("memory");
  t.after(() => slow.destroy());
  await slow.subscribe({ topic, qos: 1 });
  const send = await writerOf(topic, t);
  const qosOf = { a: 1, b: 1, c: 0, d: 0, e: 1 } as const;
  for (const [word, qos] of Object.entries(qosOf)) await send(word, qos);
  assert.deepEqual(await takenUntil("e", slow), Object.entries(qosOf));
});
