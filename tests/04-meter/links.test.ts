import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { MqttClient } from "../../src/client/mqtt.ts";
import { mqttLimits } from "../../src/connect/mqtt/limits.ts";
import { MqttServer } from "../../src/connect/mqtt/server.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { Flow } from "../../src/flow/flow.ts";
import type { Notice } from "../../src/flow/grants.ts";
import { layout5, Run } from "../../src/flow/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { neverCrash } from "../../src/kernel/crash.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import type { Grant } from "../../src/market/grant.ts";
import { Meter } from "../../src/meter/usage.ts";
import { noUsage } from "../../src/ports/usage.ts";
import type { Checkpoint } from "../../src/ports/usage.ts";
import {
  claimProperties,
  decodeControl,
  encodeControl,
  linkTopic,
} from "../../src/wire/link/control.ts";
import { walkPublishes } from "../../src/wire/mqtt/publish.ts";
import { until } from "../two-nodes.ts";

const agreement = "a";
const grant: Grant = {
  agreement,
  consumer: "did:c",
  product: "p",
  filters: ["bus/#"],
  billed: true,
};
const logged: Grant = { ...grant, log: "product/p" };

/** A consumer's end of one link connection. */
interface Taker {
  readonly client: MqttClient;
  readonly topics: string[];
  /** The last checkpoint that came. */
  checkpoint: Checkpoint | undefined;
  hear(payload: Buffer): void;
  acknowledge(): Promise<void>;
}

/** A provider's data plane with its true meter. */
async function provider(t: TestContext, delivery: "live" | "logged") {
  const dir = await mkdtemp(join(tmpdir(), "comity-links-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  const meter = await Meter.open({ store, clock: systemClock });
  const outside = { store, clock: systemClock, entropy: systemEntropy, crash: neverCrash };
  const flow = await Flow.open({ ...outside, usage: meter, secret: new Uint8Array(32) });
  await flow.serve({ id: "p", topics: ["bus/#"], delivery });
  const notices: Notice[] = [];
  flow.grants.onNotice((notice) => notices.push(notice));
  const server = new MqttServer({
    flow,
    limits: mqttLimits,
    onSeen() {},
    authenticate: () => ({
      ok: true,
      principal: { kind: "participant", did: "did:c", agreement },
    }),
  });
  const { url } = await server.listen({ transport: "tcp", host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await server.close();
    await flow.close();
    await meter.close();
    await store.close();
    await rm(dir, { recursive: true });
  });
  const publish = async (count: number, topic = "bus/1"): Promise<void> => {
    const runs = Array.from({ length: count }, () => Run.of(topic, Buffer.from("x"), { qos: 1 }));
    await Promise.all(runs.map(async (run) => flow.publish(run)));
  };
  const take = async (claim?: Checkpoint): Promise<Taker> => {
    const client = new MqttClient({ url, username: agreement, password: "x" }, (run) =>
      walkPublishes(run.packets, layout5, (place) => {
        const topic = run.topic.toString("utf8");
        if (topic !== linkTopic(agreement)) taker.topics.push(topic);
        else taker.hear(run.packets.subarray(place.payloadAt, place.end));
      }),
    );
    t.after(() => client.destroy());
    await client.connected;
    const taker: Taker = {
      client,
      topics: [],
      checkpoint: undefined,
      hear(payload) {
        const control = decodeControl(payload);
        if (control?.t !== "checkpoint") return;
        const { epoch, position, messages, payloadBytes } = control;
        taker.checkpoint = { epoch, position, messages, payloadBytes };
      },
      async acknowledge() {
        const { epoch, position, messages, payloadBytes } = taker.checkpoint ?? noUsage;
        const ack = encodeControl({ t: "ack", epoch, position, messages, payloadBytes });
        await client.publish(linkTopic(agreement), ack);
        await until("it is counted", () => meter.acknowledged(agreement).messages === messages);
      },
    };
    const properties = claim === undefined ? {} : claimProperties(claim);
    await client.subscribe(linkTopic(agreement), { properties });
    return taker;
  };
  const billed = (): number => meter.acknowledged(agreement).messages;
  const refused = (): object => meter.tally(agreement).refused;
  return { flow, meter, notices, publish, take, billed, refused };
}

test("a dishonest consumer - a claim behind what it acknowledged is refused by name", async (t) => {
  const { flow, publish, take, billed, refused, notices } = await provider(t, "logged");
  await flow.open(logged);
  await publish(10);
  const first = await take();
  await until("all have come", () => first.checkpoint?.messages === 10);
  await first.acknowledge();
  const last = first.checkpoint!;
  first.client.destroy();
  const behind = [
    { ...last, messages: 0, payloadBytes: 0 },
    { ...last, position: 0, messages: 4, payloadBytes: 4 },
  ];
  for (const claim of behind) {
    const taker = await take(claim);
    assert.match(await taker.client.closed, /behind what you acknowledged/);
    assert.deepEqual(taker.topics, []);
  }
  const lighter = await take({ ...last, payloadBytes: 1 });
  assert.match(await lighter.client.closed, /does not go on/);
  assert.deepEqual(refused(), { claim: 3 });
  assert.deepEqual(
    notices.map(({ kind }) => kind),
    ["link.refused", "link.refused"],
  );
  const restored = await take();
  await until("it is served again", () => restored.checkpoint?.messages === 10);
  await restored.acknowledge();
  restored.client.destroy();
  assert.equal(billed(), 10, "and not billed again");
  const honest = await take(last);
  await publish(5);
  await until("the rest has come", () => honest.checkpoint?.messages === 15);
  await honest.acknowledge();
  assert.equal(honest.topics.length, 5);
  assert.equal(billed(), 15);
});

test("a dishonest consumer - no claim reaches back before the agreement", async (t) => {
  const { flow, publish, take } = await provider(t, "logged");
  await publish(100);
  await flow.open(logged);
  const { epoch } = flow.logOf("p")!;
  await publish(2);
  await publish(1);
  const history = await take({ epoch, position: 0, messages: 0, payloadBytes: 0 });
  await until("what is its own has come", () => history.checkpoint?.messages === 3);
  assert.equal(history.topics.length, 3);
  for (const position of [1, 100, 101]) {
    const paying = await take({ epoch, position, messages: 2, payloadBytes: 2 });
    assert.match(await paying.client.closed, /does not go on/, String(position));
  }
  const late = await take({ epoch, position: 102, messages: 2, payloadBytes: 2 });
  await until("the last has come", () => late.checkpoint?.messages === 3);
  assert.equal(late.topics.length, 1);
});

test("a dishonest consumer - a claim must count what the log holds, not less", async (t) => {
  const { flow, publish, take, billed } = await provider(t, "logged");
  await flow.open(logged);
  await publish(50);
  const first = await take();
  await until("all have come", () => first.checkpoint?.messages === 50);
  const stored = first.checkpoint!;
  first.client.destroy();
  for (const lie of [
    { ...stored, messages: 1, payloadBytes: 1 },
    { ...stored, payloadBytes: 0 },
    { ...stored, position: 25, messages: 25, payloadBytes: 25 },
  ]) {
    const taker = await take(lie);
    assert.match(await taker.client.closed, /does not go on/);
    assert.equal(billed(), 0);
  }
  await take(stored);
  await until("the true claim is billed", () => billed() === 50);
});

test("a dishonest consumer - live links that break before they pay find that delivery rests", async (t) => {
  const { flow, publish, take, refused, notices } = await provider(t, "live");
  await flow.open(grant);
  for (let i = 0; i < 3; i++) {
    const taker = await take();
    await until("its feed is open", () => flow.router.size === 1);
    await publish(4000);
    await until("they have come", () => taker.topics.length === 4000);
    taker.client.destroy();
    await until("its feed is closed", () => flow.router.size === 0);
  }
  const fourth = await take();
  await until("its feed is open", () => flow.router.size === 1);
  await publish(7);
  assert.deepEqual(refused(), { suspended: 7 });
  assert.deepEqual(fourth.topics, []);
  assert.deepEqual(
    notices.map(({ kind }) => kind),
    ["delivery.rests"],
  );
});

test("an honest consumer - what a broken live link had stored is billed with its next claim", async (t) => {
  const { flow, publish, take, billed, refused } = await provider(t, "live");
  await flow.open(grant);
  let claim: Checkpoint | undefined;
  for (let i = 1; i <= 4; i++) {
    const taker = await take(claim);
    await until("its feed is open", () => flow.router.size === 1);
    await publish(4000);
    await until("all is said", () => taker.checkpoint?.messages === i * 4000);
    claim = taker.checkpoint;
    taker.client.destroy();
    await until("its feed is closed", () => flow.router.size === 0);
  }
  await take(claim);
  await until("its feed is open", () => flow.router.size === 1);
  assert.equal(billed(), 16_000);
  assert.deepEqual(refused(), {});
});

test("enforcement - a log that keeps more topics than an agreement covers serves those alone", async (t) => {
  const { flow, publish, take, billed, refused } = await provider(t, "logged");
  await flow.open({ ...logged, filters: ["bus/+/position"] });
  await Promise.all([
    publish(2, "bus/1/position"),
    publish(3, "bus/1/driver"),
    publish(1, "bus/2/position"),
  ]);
  const taker = await take();
  await until("the granted ones have come", () => taker.checkpoint?.position === 6);
  assert.deepEqual(taker.topics, ["bus/1/position", "bus/1/position", "bus/2/position"]);
  await taker.acknowledge();
  assert.equal(billed(), 3);
  assert.deepEqual(refused(), { topic: 3 });
});
