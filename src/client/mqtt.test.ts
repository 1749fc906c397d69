/** Against servers that do what a test tells them, in packets of an independent codec. */
import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import mqttPacket, { type Packet } from "mqtt-packet";
import type { ComityError } from "../kernel/errors.ts";
import { connectMqtt, MqttClient } from "./mqtt.ts";

interface Scripted {
  readonly url: string;
  /** What clients sent. */
  readonly received: Packet[];
  readonly send: (...packets: readonly (Packet | Buffer)[]) => void;
  readonly socket: () => Socket;
}

type Script = (packet: Packet, answer: (packet: Packet) => void) => void;

const accept: Packet = { cmd: "connack", sessionPresent: false, reasonCode: 0 };

const welcoming: Script = (packet, answer) => {
  if (packet.cmd === "connect") answer(accept);
  if (packet.cmd === "pingreq") answer({ cmd: "pingresp" });
};

async function server(t: TestContext, script: Script, host = "127.0.0.1"): Promise<Scripted> {
  const received: Packet[] = [];
  let latest: Socket | undefined;
  const bytesOf = (packet: Packet): Buffer => mqttPacket.generate(packet, { protocolVersion: 5 });
  const listening = createServer({ allowHalfOpen: true }, (socket) => {
    latest = socket;
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    parser.on("packet", (packet: Packet) => {
      received.push(packet);
      script(packet, (answer) => socket.write(bytesOf(answer)));
    });
    socket.on("data", (chunk: Buffer) => parser.parse(chunk));
    socket.on("error", () => {});
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    listening.once("error", reject);
    listening.listen(0, host, resolve);
  });
  t.after(() => listening.close());
  const { port } = listening.address() as AddressInfo;
  return {
    url: `mqtt://${host.includes(":") ? `[${host}]` : host}:${port}`,
    received,
    send: (...packets) => {
      for (const packet of packets) {
        latest!.write(Buffer.isBuffer(packet) ? packet : bytesOf(packet));
      }
    },
    socket: () => latest!,
  };
}

async function client(t: TestContext, url: string, more: object = {}): Promise<MqttClient> {
  const made = await connectMqtt({ url, ...more });
  t.after(() => made.destroy());
  return made;
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 3000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("MQTT client - greets with what it was given", async (t) => {
  const { url, received } = await server(t, welcoming);
  await client(t, url, { clientId: "c", username: "u", password: "p", keepAliveSeconds: 7 });
  const [connect] = received;
  assert.equal(connect?.cmd, "connect");
  assert.equal(connect.clientId, "c");
  assert.equal(connect.username, "u");
  assert.equal(String(connect.password), "p");
  assert.equal(connect.keepalive, 7);
});

test("MQTT client - a will goes with its CONNECT", async (t) => {
  const { url, received } = await server(t, welcoming);
  const will = { topic: "machine/state", payload: Buffer.from("gone"), qos: 1 as const };
  await client(t, url, { will });
  const [connect] = received;
  assert.equal(connect?.cmd, "connect");
  const { topic, payload, qos, retain } = connect.will ?? {};
  assert.deepEqual({ topic, payload, qos, retain }, { ...will, retain: false });
});

test("MQTT client - a refusal rejects with the server's reason", async (t) => {
  const { url } = await server(t, (_packet, answer) =>
    answer({
      cmd: "connack",
      sessionPresent: false,
      reasonCode: 0x87,
      properties: { reasonString: "not you" },
    }),
  );
  await assert.rejects(connectMqtt({ url }), (error: ComityError) => {
    assert.equal(error.code, "CONNECT_FAILED");
    assert.match(error.message, /not you/);
    return error.details["reasonCode"] === 0x87;
  });
});

test("MQTT client - a server that falls silent is noticed though pings can still be written", async (t) => {
  const { url, received } = await server(t, (packet, answer) => {
    if (packet.cmd === "connect") answer(accept);
  });
  const answering = await server(t, welcoming);
  const kept = await client(t, answering.url, { keepAliveSeconds: 1 });
  const one = await client(t, url, { keepAliveSeconds: 1 });
  const start = Date.now();
  assert.match(await one.closed, /silent/);
  assert.ok(Date.now() - start < 4000);
  assert.ok(received.some(({ cmd }) => cmd === "pingreq"));
  const closed = kept.closed.then(() => "closed");
  const later = new Promise((resolve) => setTimeout(resolve, 700, "still there"));
  assert.equal(await Promise.race([closed, later]), "still there");
});

test("MQTT client - a keep-alive of 0 sends no pings", async (t) => {
  const { url, received } = await server(t, welcoming);
  await client(t, url, { keepAliveSeconds: 0 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(
    received.map(({ cmd }) => cmd),
    ["connect"],
  );
});

test("MQTT client - the server's keep-alive goes before its own", async (t) => {
  const { url, received } = await server(t, (packet, answer) => {
    if (packet.cmd !== "connect") return;
    answer({ ...accept, properties: { serverKeepAlive: 1 } });
  });
  const one = await client(t, url, { keepAliveSeconds: 1000 });
  await until(() => received.some(({ cmd }) => cmd === "pingreq"));
  one.destroy();
});

test("MQTT client - each QoS 1 message has its own acknowledgement, whatever their order", async (t) => {
  const ids: number[] = [];
  const { url, send } = await server(t, (packet, answer) => {
    welcoming(packet, answer);
    if (packet.cmd === "publish") ids.push(packet.messageId!);
  });
  const one = await client(t, url, { username: "me" });
  const settled: string[] = [];
  const publish = (name: string): Promise<unknown> =>
    one.publish("t", name, { qos: 1 }).then(
      () => settled.push(name),
      (error: Error) => settled.push(`${name} ${error.message}`),
    );
  const all = [publish("a"), publish("b"), publish("c")];
  await until(() => ids.length === 3);
  assert.equal(new Set(ids).size, 3);
  send(
    { cmd: "puback", messageId: ids[1]! },
    { cmd: "puback", messageId: ids[2]!, reasonCode: 0x87 },
    { cmd: "puback", messageId: ids[0]! },
  );
  await Promise.all(all);
  assert.deepEqual(settled, ["b", "c me may not publish there (reason code 0x87).", "a"]);
});

test("MQTT client - what waits for an answer is told when the connection goes", async (t) => {
  const { url, send, received } = await server(t, welcoming);
  const one = await client(t, url);
  const publishing = one.publish("t", "x", { qos: 1 });
  const subscribing = one.subscribe("t", {});
  await until(() => received.length === 3);
  send({ cmd: "disconnect", reasonCode: 0x8b, properties: { reasonString: "good night" } });
  await assert.rejects(publishing, /good night/);
  await assert.rejects(subscribing, /good night/);
  assert.equal(await one.closed, "good night");
  await assert.rejects(one.publish("t", "x"), { code: "CONNECT_FAILED" });
  await assert.rejects(one.subscribe("t", {}), { code: "CONNECT_FAILED" });
});

test("MQTT client - messages reach the listeners whose filters match, QoS 1 is acknowledged", async (t) => {
  const { url, send, received } = await server(t, (packet, answer) => {
    welcoming(packet, answer);
    if (packet.cmd === "subscribe") {
      const refuse = packet.subscriptions[0]?.topic === "no/#";
      answer({ cmd: "suback", messageId: packet.messageId!, granted: [refuse ? 0x87 : 1] });
    }
    if (packet.cmd === "unsubscribe") {
      answer({ cmd: "unsuback", messageId: packet.messageId!, granted: [0] });
    }
  });
  const one = await client(t, url);
  const seen: string[] = [];
  const note =
    (name: string) => (message: { topic: string; payload: Buffer; userProperties: unknown }) =>
      seen.push(`${name} ${message.topic} ${message.payload.toString()}`);
  await one.subscribe("a/#", { qos: 1 }, note("all"));
  await one.subscribe("a/b", { qos: 1 }, note("one"));
  await assert.rejects(one.subscribe("no/#", {}, note("none")), { code: "FORBIDDEN" });
  const publish = (topic: string, messageId: number): Packet => ({
    cmd: "publish",
    topic,
    payload: "x",
    qos: 1,
    dup: false,
    retain: false,
    messageId,
  });
  send(publish("a/b", 1), publish("a/c", 2), publish("no/x", 3));
  await until(() => received.filter(({ cmd }) => cmd === "puback").length === 3);
  assert.deepEqual(seen, ["all a/b x", "one a/b x", "all a/c x"]);
  await one.unsubscribe("a/#");
  send(publish("a/b", 4));
  await until(() => seen.length === 4);
  assert.equal(seen[3], "one a/b x");
});

test("MQTT client - who waits for QoS 0 cannot outrun the connection", async (t) => {
  const { url, socket } = await server(t, welcoming);
  const one = await client(t, url);
  socket().pause();
  const payload = Buffer.alloc(100_000);
  let sent = 0;
  let full: Promise<void> | undefined;
  while (full === undefined) {
    const written = one.publish("t", payload);
    const quick = await Promise.race([
      written.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
    ]);
    if (quick) sent++;
    else full = written;
    assert.ok(sent < 1000, "100 MB wait in memory");
  }
  socket().resume();
  await full;
});

test("MQTT client - a server that breaks the protocol ends the connection with that reason", async (t) => {
  const { url, send } = await server(t, welcoming);
  const one = await client(t, url);
  send(Buffer.from([0x36, 0x03, 0, 1, 97]));
  assert.match(await one.closed, /broke the protocol: PUBLISH with QoS 3/);
});

test("MQTT client - ends in good order, also where the server never hangs up", async (t) => {
  const { url, received } = await server(t, welcoming);
  const one = await client(t, url);
  const start = Date.now();
  await one.publish("t", "last");
  await one.end();
  await one.end();
  assert.ok(Date.now() - start < 4000);
  assert.deepEqual(
    received.map(({ cmd }) => cmd),
    ["connect", "publish", "disconnect"],
  );
});

test("MQTT client - at most 65,535 messages wait for their acknowledgement", async (t) => {
  const { url } = await server(t, welcoming);
  const one = await client(t, url);
  for (let i = 0; i < 65_535; i++) one.publish("t", "x", { qos: 1 }).catch(() => {});
  await assert.rejects(one.publish("t", "x", { qos: 1 }), { code: "LIMIT_REACHED" });
});

test("MQTT client - takes an IPv6 address", async (t) => {
  let scripted: Scripted;
  try {
    scripted = await server(t, welcoming, "::1");
  } catch {
    t.skip("this machine has no IPv6");
    return;
  }
  await client(t, scripted.url);
  assert.equal(scripted.received.length, 1);
});

test("MQTT client - where nobody listens it says so", async () => {
  await assert.rejects(connectMqtt({ url: "mqtt://127.0.0.1:1" }), {
    code: "CONNECT_FAILED",
    message: /127\.0\.0\.1:1/,
  });
});

test("MQTT client - a packet longer than it takes ends the connection", async (t) => {
  const { url, send } = await server(t, welcoming);
  const long = { cmd: "publish", topic: "a", payload: "x".repeat(2000), qos: 0 } as const;
  const one = await client(t, url, { packetBytesMax: 1000 });
  send({ ...long, dup: false, retain: false });
  assert.match(await one.closed, /at most 1000 are taken/);
  assert.equal(one.reasonCode, 0x95);
});
