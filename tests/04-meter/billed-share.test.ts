/** A partner without a node that is billed: MQTT.js as it is, a raw client, and the node killed. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import mqtt, { type MqttClient } from "mqtt";
import type { IConnectPacket, Packet } from "mqtt-packet";
import { runCli } from "../../src/cli/program.ts";
import type { ComityHttp } from "../../src/client/http.ts";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { RawClient } from "../01-connect/raw-client.ts";
import { oneChild } from "../07-federate/node-child.ts";
import { nodeOptions, startTestNode, type TestNode, until } from "../two-nodes.ts";

const price = { amount: "0.3", currency: "EUR", perMessages: 1 };
const product = {
  ...{ id: "meters", title: "Meter readings", topics: ["meters/#"] },
  ...{ delivery: "logged" as const, terms: { price } },
};
const dear = { amount: "1000000", currency: "EUR" };

interface Access {
  readonly agreement: string;
  readonly token: string;
}

/** The clock of a node under test: it runs, and can be set forward. */
function movable() {
  const monotonic = (): number => systemClock.monotonic();
  return { ahead: 0, now: () => systemClock.now() + clock.ahead, monotonic };
}
const clock = movable();

async function oneNode(t: TestContext): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), "comity-billed-"));
  clock.ahead = 0;
  const side = await startTestNode(
    await nodeOptions(folder, {
      ...{ name: "seller", title: "The seller", receiptWindowMs: 100, clock },
    }),
  );
  t.after(async () => {
    await side.node.close();
    await rm(folder, { recursive: true, force: true });
  });
  await side.http.addProduct(product);
  return side;
}

async function accepted(http: ComityHttp, ceiling = dear): Promise<Access & { page: string }> {
  const { share, url } = await http.share(product.id, "City of Delft", 3, ceiling);
  const typed = { name: "Ann", email: "ann@city.example", agree: "yes", terms: share.offer };
  const answered = await fetch(url, { method: "POST", body: new URLSearchParams(typed) });
  const page = await answered.text();
  assert.equal(answered.status, 201, page);
  const found = (pattern: RegExp): string => pattern.exec(page)?.[1] ?? assert.fail(page);
  const token = found(/the token\)<\/dt>\s*<dd><code>([^<]+)/);
  return { page, token, agreement: found(/the agreement\)<\/dt>\s*<dd><code>([^<]+)/) };
}

async function billed(http: ComityHttp, agreement: string): Promise<number> {
  return (await http.usage()).find((one) => one.agreement === agreement)?.messages ?? 0;
}

/** What the partner's program got and acknowledged, over all of its connections. */
class Partner {
  readonly texts: string[] = [];
  pubacks = 0;
  readonly client: MqttClient;
  readonly #byId = new Map<number, string>();
  /** Texts whose PUBACK left. */
  readonly acknowledged = new Set<string>();

  constructor(url: string, access: Access, protocolVersion: 4 | 5, reconnectPeriod = 20) {
    const { agreement: username, token: password } = access;
    const options = { username, password, protocolVersion, reconnectPeriod } as const;
    this.client = mqtt.connect(url, options);
    this.client.on("error", () => {});
    this.client.on("packetreceive", (packet) => {
      if (packet.cmd !== "publish") return;
      this.texts.push(packet.payload.toString());
      this.#byId.set(packet.messageId!, packet.payload.toString());
    });
    this.client.on("packetsend", (packet) => {
      if (packet.cmd !== "puback") return;
      this.pubacks++;
      this.acknowledged.add(this.#byId.get(packet.messageId!)!);
    });
    this.client.on("connect", () => this.client.subscribe("meters/#", { qos: 1 }));
  }

  get distinct(): string[] {
    return [...new Set(this.texts)];
  }
}

const texts = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => String(from + n));

async function raw(
  { node }: TestNode,
  { agreement, token }: Access,
  more: Partial<IConnectPacket> = {},
): Promise<RawClient> {
  const login = { username: agreement, password: Buffer.from(token) };
  return RawClient.in(node.mqttUrl, 5, { ...login, ...more });
}

function publishes(client: RawClient): Extract<Packet, { cmd: "publish" }>[] {
  return client.received.filter((packet) => packet.cmd === "publish");
}

const whole = { topic: "meters/#", qos: 1 } as const;

for (const version of [4, 5] as const) {
  test(`billed share - MQTT.js (${version}) pays for what it acknowledged, over broken connections`, async (t) => {
    const { node, http } = await oneNode(t);
    const access = await accepted(http);
    const partner = new Partner(node.mqttUrl, access, version);
    t.after(() => partner.client.endAsync(true));
    const all = texts(0, 300);
    for (const text of all) {
      await http.publish("meters/1", text);
      if (Number(text) % 60 === 59) {
        partner.client.stream.destroy();
        assert.ok((await billed(http, access.agreement)) <= partner.acknowledged.size);
      }
    }
    await until("all have come", () => partner.acknowledged.size === all.length);
    await until("it is billed", async () => (await billed(http, access.agreement)) === all.length);
    assert.deepEqual(partner.distinct, all, "whole and in order");
    assert.ok(partner.pubacks >= all.length);
    const { amount } = (await http.usage()).find((one) => one.agreement === access.agreement)!;
    assert.equal(amount, "90");
  });
}

test("billed share - a message sent again is billed once, and a gap is not billed", async (t) => {
  const side = await oneNode(t);
  const access = await accepted(side.http);
  for (const text of texts(0, 10)) await side.http.publish("meters/1", text);
  const first = await raw(side, access);
  await first.subscribe(whole);
  await until("all come", () => publishes(first).length === 10);
  const ids = publishes(first).map(({ messageId }) => messageId!);
  const ack = (id: number): Packet => ({ cmd: "puback", messageId: id, reasonCode: 0 });
  first.send(...[0, 1, 2, 3, 5, 0, 1].map((n) => ack(ids[n]!)));
  await until("four are billed", async () => (await billed(side.http, access.agreement)) === 4);
  first.destroy();

  const second = await raw(side, access);
  await second.subscribe(whole);
  await until("the rest comes again", () => publishes(second).length === 6);
  const again = publishes(second);
  assert.deepEqual(
    again.map(({ payload }) => payload.toString()),
    texts(4, 10),
  );
  // a reason code of failure does not make it free
  for (const { messageId } of again) {
    second.send({ cmd: "puback", messageId: messageId!, reasonCode: 0x80 });
  }
  await until("ten are billed", async () => (await billed(side.http, access.agreement)) === 10);
  second.destroy();
});

test("billed share - the newest connection has the stream, and both together pay once", async (t) => {
  const side = await oneNode(t);
  const access = await accepted(side.http);
  await side.http.publish("meters/1", "0");
  const first = await raw(side, access);
  await first.subscribe(whole);
  await first.next("publish");
  const second = await raw(side, access);
  await second.subscribe(whole);
  assert.equal((await first.next("disconnect")).reasonCode, 0x8e);
  const { messageId, payload } = await second.next("publish");
  assert.equal(payload.toString(), "0");
  second.send({ cmd: "puback", messageId: messageId!, reasonCode: 0 });
  await until("it is billed", async () => (await billed(side.http, access.agreement)) === 1);
  second.destroy();
});

test("billed share - where nothing is acknowledged delivery rests", async (t) => {
  const side = await oneNode(t);
  const access = await accepted(side.http);
  const owner = await connectMqtt({
    ...{ url: side.node.mqttUrl, username: "admin", password: side.token },
  });
  await Promise.all(
    texts(0, 1100).map((text) => owner.publish("meters/1", Buffer.from(text), { qos: 1 })),
  );
  await owner.end();
  const few = await raw(side, access, { properties: { receiveMaximum: 5 } });
  await few.subscribe(whole);
  await until("some come", () => publishes(few).length >= 5);
  await few.settled();
  assert.equal(publishes(few).length, 5);
  few.send({ cmd: "puback", messageId: publishes(few)[0]!.messageId!, reasonCode: 0 });
  await until("one more comes", () => publishes(few).length === 6);
  few.destroy();
  const many = await raw(side, access);
  await many.subscribe(whole);
  await until("they come", () => publishes(many).length >= 1000);
  await many.settled();
  assert.equal(publishes(many).length, 1000);
  assert.equal(await billed(side.http, access.agreement), 1);
  many.destroy();
});

test("billed share - QoS 0, part of a filter, the link and HTTP are refused", async (t) => {
  const side = await oneNode(t);
  const access = await accepted(side.http);
  const client = await raw(side, access);
  client.send({ cmd: "subscribe", messageId: 7, subscriptions: [{ topic: "meters/#", qos: 0 }] });
  const refused = await client.next("suback");
  assert.deepEqual([...refused.granted], [0x83]);
  assert.match(String(refused.properties?.reasonString), /subscribe with QoS 1/);
  // [MQTT-3.9.2-1]: who takes no packet as large is told without words.
  const narrow = await raw(side, access, { properties: { maximumPacketSize: 32 } });
  narrow.send({ cmd: "subscribe", messageId: 7, subscriptions: [{ topic: "meters/#", qos: 0 }] });
  const told = await narrow.next("suback");
  assert.deepEqual([[...told.granted], told.properties?.reasonString], [[0x83], undefined]);
  narrow.destroy();
  // [MQTT-3.1.2-29]: so is who asked for no words.
  const terse = await raw(side, access, { properties: { requestProblemInformation: false } });
  terse.send({ cmd: "subscribe", messageId: 7, subscriptions: [{ topic: "meters/#", qos: 0 }] });
  const short = await terse.next("suback");
  assert.deepEqual([[...short.granted], short.properties?.reasonString], [[0x83], undefined]);
  terse.destroy();
  assert.deepEqual([...(await client.subscribe({ topic: "meters/1", qos: 1 }))], [0x87]);
  const link = { topic: `$link/${access.agreement}`, qos: 1 } as const;
  assert.deepEqual([...(await client.subscribe(link))], [0x87]);
  assert.deepEqual([...(await client.subscribe({ topic: "#", qos: 2 }))], [1]);
  await side.http.publish("meters/1", "0");
  await client.next("publish");
  client.destroy();
  const data = `${side.node.httpUrl}/data/${encodeURIComponent(access.agreement)}`;
  const headers = { authorization: `Bearer ${access.token}` };
  for (const path of ["latest", "history", "stream"]) {
    const answer = await fetch(`${data}/${path}`, { headers });
    assert.equal(answer.status, 403, path);
    assert.match(await answer.text(), /UNBILLED/);
  }
  assert.doesNotMatch(access.page, /curl/);
  assert.match(access.page, /at most 1000000 EUR in a calendar month/);
});

test("billed share - a month costs the ceiling or less, and the next month goes on", async (t) => {
  const side = await oneNode(t);
  const { http } = side;
  const access = await accepted(http, { amount: "1", currency: "EUR" });
  const { agreement } = access;
  const partner = new Partner(side.node.mqttUrl, access, 5);
  t.after(() => partner.client.endAsync(true));
  for (const text of texts(0, 10)) await http.publish("meters/1", text);
  await until("three are billed", async () => (await billed(http, agreement)) === 3);
  // a new connection is no new month
  partner.client.stream.destroy();
  await http.publish("meters/1", "10");
  await until("it is back", () => partner.client.connected);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(partner.texts, texts(0, 3));

  const months = [clock.now()];
  for (const billedThen of [6, 9]) {
    const next = new Date(clock.now());
    clock.ahead += Date.UTC(next.getUTCFullYear(), next.getUTCMonth() + 1, 2) - clock.now();
    months.push(clock.now());
    await http.publish("meters/1", "more");
    await until("three more", async () => (await billed(http, agreement)) === billedThen);
  }
  for (const at of months) {
    const month = new Date(at).toISOString().slice(0, 7);
    const [line, ...others] = await http.statement(month);
    assert.deepEqual(others, []);
    const told = [line?.messages, line?.amount, line?.evidence, line?.receipts];
    assert.deepEqual(told, [3, "0.9", "one-sided", 0], month);
  }
});

test("billed share - the bill says that it is one-sided, and does not verify as another", async (t) => {
  const side = await oneNode(t);
  const { http } = side;
  const access = await accepted(http);
  const partner = new Partner(side.node.mqttUrl, access, 5);
  t.after(() => partner.client.endAsync(true));
  await http.publish("meters/1", "hello");
  await until("it is billed", async () => (await billed(http, access.agreement)) === 1);
  const month = new Date(clock.now()).toISOString().slice(0, 7);
  const bill = (await http.bill(month, access.agreement)) as any;
  assert.equal(bill.evidence, "one-sided");
  assert.equal(bill.agreement.signatures.length, 1);
  assert.deepEqual(
    [bill.policy.comity.ceiling, bill.statement.messages, bill.statement.amount],
    ["1000000", 1, "0.3"],
  );
  await assert.rejects(verifyBill(bill), /one-sided/);
  assert.ok(!JSON.stringify(bill).includes("ann@city.example"));
  let out = "";
  const io = {
    env: { COMITY_URL: side.node.httpUrl, COMITY_TOKEN: side.token },
    stdout: { write: (text: string) => void (out += text) },
    stderr: { write: (text: string) => void (out += text) },
  };
  assert.equal(await runCli(["statement", month], io), 0, out);
  assert.match(out, /one-sided.*0\.3 EUR/);
  const shareIt = ["share", product.id, "--to", "Delft", "--billed"];
  assert.notEqual(await runCli(shareIt, io), 0);
  assert.match(out, /monthly ceiling/);
  assert.equal(await runCli([...shareIt, "--ceiling", "20 EUR"], io), 0, out);
  assert.match(out, /at most 20 EUR a month/);
});

test("billed share - what could not be billed is refused when the link is made", async (t) => {
  const { http } = await oneNode(t);
  const free = { price: { ...price, amount: "0" } };
  const base = { title: "x", topics: ["x/#"] };
  await http.addProduct({ ...base, id: "free", delivery: "logged", terms: free });
  await http.addProduct({ ...base, id: "live", delivery: "live", terms: { price } });
  const made = (id: string, amount: string, currency = "EUR") =>
    http.share(id, "Delft", 3, { amount, currency });
  await assert.rejects(made("free", "5"), /is free/);
  await assert.rejects(made("live", "5"), /is live/);
  await assert.rejects(made(product.id, "5", "KES"), /no amount in EUR/);
  await assert.rejects(made(product.id, "0.2"), /buy no message/);
  const { share } = await made(product.id, "0.3");
  assert.deepEqual([share.payment, share.ceiling, share.state], ["billed", "0.3", "open"]);
  await assert.rejects(http.sharePaid(share.id, "5", "EUR"), { code: "STATE_INVALID" });
});

test("billed share - the node killed again and again bills no more than was acknowledged", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-billed-kill-"));
  const child = await oneChild(folder, "seller", 100);
  child.start();
  t.after(async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await child.ready();
  await child.http.addProduct(product);
  const access = await accepted(child.http);
  const partner = new Partner(child.mqttUrl, access, 5);
  t.after(() => partner.client.endAsync(true));
  let next = 0;
  const publish = (): Promise<unknown> => child.http.publish("meters/1", String(next++));
  const publishSome = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await publish();
  };
  for (const crashAt of [undefined, "usage.committed:5", undefined, "usage.committed:40"]) {
    await publishSome(100);
    const before = await billed(child.http, access.agreement);
    child.kill();
    await child.ended(10_000);
    child.start(crashAt);
    await child.ready();
    if (crashAt !== undefined) {
      // between the commit of a count and whatever follows it
      const dies = child.ended(20_000);
      const works = (): Promise<boolean> =>
        publish().then(
          () => true,
          () => false,
        );
      while (await works()) continue;
      assert.equal(await dies, "SIGKILL");
      child.start();
      await child.ready();
    }
    const now = await billed(child.http, access.agreement);
    assert.ok(now >= before, `${now} billed, and ${before} before`);
    const { size } = partner.acknowledged;
    assert.ok(now <= size, `${now} billed, ${size} acknowledged`);
  }
  await publishSome(100);
  await until("the last has come", () => partner.acknowledged.has(String(next - 1)), 20_000);
  const logged = (await child.http.logs())[0]!.end;
  await until("all is billed", async () => (await billed(child.http, access.agreement)) === logged);
  const { distinct } = partner;
  assert.equal(distinct.length, logged);
  assert.deepEqual(
    distinct,
    distinct.toSorted((a, b) => Number(a) - Number(b)),
    "in order",
  );
});
