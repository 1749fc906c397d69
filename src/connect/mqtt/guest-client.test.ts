import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connectMqtt, MqttClient } from "../../client/mqtt.ts";
import { openEmbeddedStore } from "../../engines/embedded/store.ts";
import { Flow } from "../../flow/flow.ts";
import { Run } from "../../flow/run.ts";
import { systemClock } from "../../kernel/clock.ts";
import { neverCrash } from "../../kernel/crash.ts";
import { systemEntropy } from "../../kernel/id.ts";
import type { Grant } from "../../market/grant.ts";
import type { Store } from "../../ports/store.ts";
import { countedUsage } from "../../../tests/counted-usage.ts";
import { decodeControl, linkTopic } from "../../wire/link/control.ts";
import { mqttLimits } from "./limits.ts";
import { MqttServer } from "./server.ts";

interface Ground {
  readonly flow: Flow;
  readonly server: MqttServer;
  readonly handed: { messages: number; payloadBytes: number };
  readonly refused: Record<string, number>;
  /** Reading logs and counting fail from now on. */
  failing: boolean;
  readonly guest: (agreement?: string) => Promise<MqttClient>;
  /** A guest as a link is: told the topic of every message. */
  readonly link: (onTopic: (topic: string) => void) => Promise<MqttClient>;
}

async function ground(t: TestContext, terms: Partial<Grant> = {}): Promise<Ground> {
  const dir = await mkdtemp(join(tmpdir(), "comity-guest-"));
  const real = await openEmbeddedStore({ path: join(dir, "store.db") });
  const made = { failing: false };
  const broken = (): Promise<never> => Promise.reject(new Error("the disk is gone"));
  const store: Store = {
    failed: real.failed,
    get: (kind, id) => real.get(kind, id),
    list: (kind, range) => real.list(kind, range),
    log: (log) => real.log(log),
    logs: () => real.logs(),
    readLog: (log, after, max) => (made.failing ? broken() : real.readLog(log, after, max)),
    producers: (log) => real.producers(log),
    close: () => real.close(),
    commit: (writes) => real.commit(writes),
  };
  const { usage, handed, refused } = countedUsage(() =>
    made.failing ? broken() : Promise.resolve(),
  );
  const flow = await Flow.open({
    store,
    clock: systemClock,
    entropy: systemEntropy,
    crash: neverCrash,
    secret: new Uint8Array(32),
    usage,
  });
  const grant = { consumer: "did:c", product: "p", filters: ["bus/#"], billed: false, ...terms };
  await flow.serve({ id: "p", topics: ["bus/#"], delivery: terms.log ? "logged" : "live" });
  for (const agreement of ["a", "b"]) await flow.open({ ...grant, agreement });
  const server = new MqttServer({
    flow,
    limits: { ...mqttLimits, subscriptionsPerClientMax: 3 },
    onSeen() {},
    authenticate: ({ username: agreement = "" }) => ({
      ok: true,
      principal: { kind: "participant", did: "did:c", agreement },
    }),
  });
  const { url } = await server.listen({ transport: "tcp", host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await server.close();
    await flow.close();
    await real.close();
    await rm(dir, { recursive: true });
  });
  const guest = async (agreement = "a"): Promise<MqttClient> => {
    const client = await connectMqtt({ url, username: agreement, password: "x" });
    t.after(() => client.destroy());
    return client;
  };
  const link = async (onTopic: (topic: string) => void): Promise<MqttClient> => {
    const client = new MqttClient({ url, username: "a", password: "x" }, ({ topic, count }) => {
      for (let i = 0; i < count; i++) onTopic(topic.toString("utf8"));
    });
    t.after(() => client.destroy());
    await client.connected;
    return client;
  };
  return Object.assign(made, { flow, server, handed, refused, guest, link });
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 3000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function publish(flow: Flow, topic: string, text: string): void {
  void flow.publish(Run.of(topic, Buffer.from(text), { qos: 1 }));
}

test("guest - a plain client has the grant's topics, its fields alone, and is counted", async (t) => {
  const { flow, guest, handed, refused } = await ground(t, { shape: { allow: ["n"] } });
  const client = await guest();
  const seen: string[] = [];
  await client.subscribe("#", {}, ({ topic, payload }) => seen.push(`${topic} ${String(payload)}`));
  publish(flow, "depot/x", '{"n":0}');
  publish(flow, "bus/1", '{"n":1,"driver":"x"}');
  publish(flow, "bus/2", "no object");
  publish(flow, "bus/3", '{"n":3}');
  await until(() => seen.length === 2);
  assert.deepEqual(seen, ['bus/1 {"n":1}', 'bus/3 {"n":3}']);
  assert.deepEqual(handed, { messages: 2, payloadBytes: 14 });
  assert.deepEqual(refused, { topic: 1, field: 1 });
});

test("guest - a plain client has QoS 1 where it asks for it, and the end cuts that as well", async (t) => {
  const { flow, guest, handed, refused } = await ground(t);
  const client = await guest();
  const seen: string[] = [];
  await client.subscribe("bus/#", { qos: 1 }, ({ qos, payload }) => {
    seen.push(`${qos} ${String(payload)}`);
  });
  const one = (text: string) =>
    void flow.publish(Run.of("bus/1", Buffer.from(text), { qos: 1, publisher: "thing bus" }));
  for (const text of ["a", "b", "c"]) one(text);
  await until(() => seen.length === 3);
  assert.deepEqual(seen, ["1 a", "1 b", "1 c"]);
  one("too late");
  flow.grants.end("a", "revoked");
  await until(() => refused["revoked"] === 1);
  assert.equal(seen.length, 3);
  assert.deepEqual(handed, { messages: 3, payloadBytes: 3 });
});

test("guest - its token publishes nothing, with any QoS, and its connection ends", async (t) => {
  const { flow, guest, refused } = await ground(t);
  let seen = 0;
  flow.router.subscribe({ filter: "#", receiver: { receive: () => seen++ }, qos: 0 });
  for (const topic of ["bus/1", linkTopic("b"), "$SYS/x"]) {
    const client = await guest();
    await assert.rejects(client.publish(topic, "x", { qos: 1 }), /receiving only/);
  }
  assert.equal(seen, 0);
  assert.deepEqual(refused, { topic: 3 });
});

test("guest - opens its own link alone, and as many subscriptions as the limit has", async (t) => {
  const { guest, flow, refused } = await ground(t);
  const client = await guest();
  await assert.rejects(client.subscribe(linkTopic("b"), {}), /0x87/);
  await assert.rejects(client.subscribe("depot/#", {}), /0x87/);
  for (const filter of ["bus/1", "bus/2", "bus/+", "bus/1"]) await client.subscribe(filter, {});
  await assert.rejects(client.subscribe("bus/3", {}), /0x97/);
  await client.subscribe(linkTopic("a"), {});
  assert.equal(flow.router.size, 3 + 1, "the link's feed beside the limit");
  assert.deepEqual(refused, { topic: 2 });
  client.destroy();
  await until(() => flow.router.size === 0);
});

test("guest - a link's checkpoints follow its messages, and end with its subscription", async (t) => {
  const { guest, flow } = await ground(t);
  const client = await guest();
  const seen: string[] = [];
  await client.subscribe(linkTopic("a"), {}, ({ payload }) => {
    const control = decodeControl(payload);
    seen.push(control?.t === "checkpoint" ? `${control.messages}` : "?");
  });
  await until(() => flow.router.size === 1);
  publish(flow, "bus/1", "x");
  publish(flow, "bus/1", "y");
  await until(() => seen.length > 0);
  assert.deepEqual(seen, ["2"]);
  await client.unsubscribe(linkTopic("a"));
  assert.equal(flow.router.size, 0);
});

test("guest - when the store fails under its link, the connection ends so that it comes back", async (t) => {
  const world = await ground(t, { log: "product/p" });
  const big = Buffer.alloc(1_000_000, "x");
  const client = await world.guest();
  await client.subscribe(linkTopic("a"), {}, () => {});
  // More than is kept in memory, so that the log has to be read.
  for (let i = 0; i < 12; i++) await world.flow.publish(Run.of("bus/1", big, { qos: 1 }));
  world.failing = true;
  const late = await world.guest("b");
  await late.subscribe(linkTopic("b"), {
    properties: {
      userProperties: [
        ["epoch", world.flow.logOf("p")!.epoch],
        ["position", "0"],
        ["messages", "0"],
        ["payloadBytes", "0"],
      ],
    },
  });
  const told = await late.closed;
  assert.match(told, /cannot be served now/);
  assert.doesNotMatch(told, /disk/, "what failed here is for the node's owner");
});

test("guest - under an agreement that costs money only a link is served", async (t) => {
  const { guest, flow, refused } = await ground(t, { billed: true });
  const client = await guest();
  await assert.rejects(client.subscribe("bus/1", {}), /0x87/);
  assert.equal(flow.router.size, 0);
  assert.deepEqual(refused, { unbilled: 1 });
  await client.subscribe(linkTopic("a"), {});
  await until(() => flow.router.size === 1);
});

test("guest - of two link subscriptions at once the last is served, and taken back it is none", async (t) => {
  const { link, flow } = await ground(t);
  const topics: string[] = [];
  const client = await link((topic) => topics.push(topic));
  await Promise.all([1, 2].map(() => client.subscribe(linkTopic("a"), {})));
  await until(() => flow.router.size > 0);
  publish(flow, "bus/1", "x");
  await until(() => topics.includes(linkTopic("a")));
  assert.equal(topics.filter((topic) => topic === "bus/1").length, 1);
  assert.equal(flow.router.size, 1);
  await Promise.all([client.subscribe(linkTopic("a"), {}), client.unsubscribe(linkTopic("a"))]);
  await client.subscribe("bus/2", {});
  assert.equal(flow.router.size, 1, "the plain subscription alone");
});

test("guest - the newest connection of an agreement has its stream", async (t) => {
  const { guest, link, flow } = await ground(t);
  const older = await guest();
  await older.subscribe(linkTopic("a"), {});
  const topics: string[] = [];
  const newer = await link((topic) => topics.push(topic));
  await newer.subscribe(linkTopic("a"), {});
  assert.match(await older.closed, /a newer connection has the stream/);
  publish(flow, "bus/1", "x");
  await until(() => topics.includes("bus/1"));
  assert.equal(flow.router.size, 1);
});

test("guest - a link whose agreement ends while it is opened hears of the end", async (t) => {
  const { guest, flow } = await ground(t);
  const client = await guest();
  const said: string[] = [];
  const subscribed = client.subscribe(linkTopic("a"), {}, ({ payload }) => {
    said.push(String(payload));
  });
  const gate = flow.grants.get("a")!;
  const hold = gate.hold.bind(gate);
  gate.hold = (holder) => {
    hold(holder);
    gate.end("revoked");
  };
  await subscribed;
  await until(() => said.length > 0);
  assert.deepEqual(said, ['{"t":"end","reason":"revoked"}']);
});

test("guest - a stream sold as logged is not served as live where its log is not open", async (t) => {
  const { guest, flow, refused } = await ground(t, { log: "product/p" });
  flow.withdraw("p");
  const client = await guest();
  await client.subscribe(linkTopic("a"), {});
  assert.match(await client.closed, /log is not open/);
  assert.equal(flow.router.size, 0);
  assert.deepEqual(refused, { claim: 1 });
});
