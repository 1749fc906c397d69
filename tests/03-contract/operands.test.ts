import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { MqttClient } from "../../src/client/mqtt.ts";
import { mqttLimits } from "../../src/connect/mqtt/limits.ts";
import { MqttServer } from "../../src/connect/mqtt/server.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { Flow } from "../../src/flow/flow.ts";
import { Run } from "../../src/flow/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { neverCrash } from "../../src/kernel/crash.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { grantOf } from "../../src/market/compile.ts";
import { evidenceOf } from "../../src/market/evidence.ts";
import { rulesOf } from "../../src/market/policy.ts";
import type { Terms } from "../../src/market/product.ts";
import { Meter } from "../../src/meter/usage.ts";
import { walkPublishes } from "../../src/wire/mqtt/publish.ts";
import { until } from "../two-nodes.ts";

/** A whole ten seconds, so that windows of rates begin where they are expected. */
const begin = Math.ceil(Date.now() / 10_000) * 10_000;
const iso = (afterMs: number): string => new Date(begin + afterMs).toISOString();
const secret = Buffer.alloc(32, 9);
const agreement = "urn:uuid:6d1f3c1e-0000-4000-8000-000000000001";

type Door = "plain" | "link";

interface Sold {
  /** What reached the other end of the socket. */
  readonly received: string[];
  refused(): Record<string, number>;
  /** Resolves when it is durable, where the product is logged. */
  publish(afterMs: number, topic: string, payload: string): Promise<void>;
}

/**
 * The terms as they are sold: written as a policy, compiled from it, and asked by a client at a
 * real socket, a plain one of a live stream or a node's link to a logged one.
 */
async function sold(t: TestContext, door: Door, more: Partial<Terms>): Promise<Sold> {
  const dir = await mkdtemp(join(tmpdir(), "comity-operands-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  const usage = await Meter.open({ store, clock: systemClock });
  const clock = { at: begin, now: () => clock.at, monotonic: () => performance.now() };
  const outside = { store, usage, clock, entropy: systemEntropy, crash: neverCrash, secret };
  const flow = await Flow.open(outside);
  const delivery = door === "link" ? "logged" : "live";
  const free = { amount: "0", currency: "EUR", perMessages: 1 };
  const policy = rulesOf({ ...more, price: free });
  const topics = more.topics ?? ["bus/#"];
  await flow.serve({ id: "buses", topics: ["bus/#"], delivery });
  await flow.open(
    grantOf({
      ...{ id: agreement, role: "provider", provider: "did:web:p", consumer: "did:web:c" },
      ...{ product: "buses", title: "Buses", delivery, topics, price: free, policy },
      ...{ policyHash: "", evidence: evidenceOf(policy), keys: {}, state: "active" },
      signedAt: iso(0),
    }),
  );
  const server = new MqttServer({
    flow,
    limits: mqttLimits,
    onSeen() {},
    authenticate: () => ({
      ok: true,
      principal: { kind: "participant", did: "did:web:c", agreement },
    }),
  });
  const { url } = await server.listen({ transport: "tcp", host: "127.0.0.1", port: 0 });
  const received: string[] = [];
  const client = new MqttClient({ url, username: agreement, password: "x" }, (run) => {
    if (run.topic.toString("utf8").startsWith("$link/")) return;
    const layout = { version: 5, withIds: run.ids.length > 0 } as const;
    walkPublishes(run.packets, layout, ({ payloadAt, end }) => {
      received.push(run.packets.toString("utf8", payloadAt, end));
    });
  });
  t.after(async () => {
    client.destroy();
    await server.close();
    await flow.close();
    await usage.close();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });
  await client.connected;
  await client.subscribe(door === "link" ? `$link/${agreement}` : "bus/#", {});
  return {
    received,
    refused: () => usage.tally(agreement).refused,
    async publish(afterMs, topic, payload) {
      clock.at = begin + afterMs;
      await flow.publish(Run.of(topic, Buffer.from(payload), { qos: 1 }));
      // What waits for the socket leaves at its own time; the next moment must not overtake it.
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

interface Border {
  readonly operand: string;
  readonly terms: Partial<Terms>;
  /** When, on which topic, what; and what of it arrives, undefined for nothing. */
  readonly messages: readonly (readonly [
    afterMs: number,
    topic: string,
    payload: string,
    arrives: string | undefined,
  ])[];
  readonly refused: Record<string, number>;
}

const place = (lat: number, lon: number): string => `{"lat":${lat},"lon":${lon}}`;
const square = {
  type: "Polygon",
  coordinates: [
    [
      [4, 51],
      [5, 51],
      [5, 52],
      [4, 52],
      [4, 51],
    ],
  ],
} as const;

function pseudonym(value: string): string {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `comity pseudonyms ${agreement}`, 32));
  return createHmac("sha256", key).update(value).digest("base64url").slice(0, 22);
}

/** A day moved as the agreement moves those of one subject. */
function moved(day: string, subject: string): string {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `comity date shifts ${agreement}`, 32));
  const drawn = createHmac("sha256", key).update(subject).digest().readUIntBE(0, 6) % 60;
  const days = drawn < 30 ? drawn - 30 : drawn - 29;
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}

const borders: readonly Border[] = [
  {
    operand: "topics",
    terms: { topics: ["bus/1/#"] },
    messages: [
      [0, "bus/1/position", "a", "a"],
      [0, "bus/11/position", "b", undefined],
      [0, "bus/1", "c", "c"],
    ],
    refused: { topic: 1 },
  },
  {
    operand: "fields",
    terms: { fields: ["lat", "crew.size"] },
    messages: [
      [
        0,
        "bus/1",
        '{"lat":51.50,"lon":4,"crew":{"size":2,"name":"A"}}',
        '{"lat":51.50,"crew":{"size":2}}',
      ],
      [0, "bus/1", "lat=51.5", undefined],
    ],
    refused: { field: 1 },
  },
  {
    operand: "drop",
    terms: { drop: ["driver", "stops.name"] },
    messages: [
      [
        0,
        "bus/1",
        '{"v":1.0,"driver":"A","stops":[{"name":"B","at":3}]}',
        '{"v":1.0,"stops":[{"at":3}]}',
      ],
      [0, "bus/1", '["driver"]', undefined],
    ],
    refused: { field: 1 },
  },
  {
    operand: "round",
    terms: { round: { lat: 0.01, v: 0.1 } },
    messages: [
      [0, "bus/1", '{"lat":51.924999,"v":0.30000000000000004}', '{"lat":51.92,"v":0.3}'],
      [0, "bus/1", '{"lat":51.925}', '{"lat":51.93}'],
      [0, "bus/1", '{"lat":"51.924999"}', undefined],
    ],
    refused: { field: 1 },
  },
  {
    operand: "pseudonymise",
    terms: { pseudonymise: ["driver"] },
    messages: [
      [0, "bus/1", '{"driver":7,"v":1.0}', `{"driver":"${pseudonym("7")}","v":1.0}`],
      [0, "bus/1", '{"driver":{"name":"A"}}', undefined],
    ],
    refused: { field: 1 },
  },
  {
    operand: "dateShift",
    terms: { shift: { at: 30 }, shiftBy: "id" },
    messages: [
      [
        0,
        "bus/1",
        '{"id":7,"at":"2024-03-15T10:00:00+01:00","v":1.0}',
        `{"id":7,"at":"${moved("2024-03-15", "7")}T10:00:00+01:00","v":1.0}`,
      ],
      [0, "bus/1", '{"id":8,"at":"2024-03-15"}', `{"id":8,"at":"${moved("2024-03-15", "8")}"}`],
      [0, "bus/1", '{"at":"2024-03-15"}', undefined],
      [0, "bus/1", '{"id":7,"at":"soon"}', undefined],
    ],
    refused: { field: 2 },
  },
  {
    operand: "area",
    terms: { area: square },
    messages: [
      [0, "bus/1", place(52, 5), place(52, 5)],
      [0, "bus/1", place(52.000001, 5), undefined],
      [0, "bus/1", '{"speed":5}', undefined],
    ],
    refused: { place: 2 },
  },
  {
    operand: "dataFrom and dataUntil",
    terms: { dataFrom: iso(1000), dataUntil: iso(2000) },
    messages: [
      [999, "bus/1", "a", undefined],
      [1000, "bus/1", "b", "b"],
      [1999, "bus/1", "c", "c"],
      [2000, "bus/1", "d", undefined],
    ],
    refused: { time: 2 },
  },
  {
    operand: "rate per topic",
    terms: { rate: { messages: 1, seconds: 10, per: "topic" } },
    messages: [
      [0, "bus/1", "a", "a"],
      [9999, "bus/1", "b", undefined],
      [9999, "bus/2", "c", "c"],
      [10_000, "bus/1", "d", "d"],
    ],
    refused: { rate: 1 },
  },
  {
    operand: "rate of the stream",
    terms: { rate: { messages: 2, seconds: 1, per: "stream" } },
    messages: [
      [0, "bus/1", "a", "a"],
      [500, "bus/2", "b", "b"],
      [999, "bus/3", "c", undefined],
      [1000, "bus/3", "d", "d"],
    ],
    refused: { rate: 1 },
  },
  {
    operand: "messagesMax",
    terms: { messagesMax: 2 },
    messages: [
      [0, "bus/1", "a", "a"],
      [0, "bus/1", "b", "b"],
      [0, "bus/1", "c", undefined],
    ],
    refused: { cap: 1 },
  },
  {
    operand: "bytesMax",
    terms: { bytesMax: 10 },
    messages: [
      [0, "bus/1", "12345", "12345"],
      [0, "bus/1", "67890", "67890"],
      [0, "bus/1", "1", undefined],
    ],
    refused: { volume: 1 },
  },
];

for (const { operand, terms, messages, refused } of borders) {
  for (const door of ["plain", "link"] as const) {
    test(`operand ${operand} - the last that passes and the first that does not, ${door}`, async (t) => {
      const stream = await sold(t, door, terms);
      for (const [afterMs, topic, payload] of messages) {
        await stream.publish(afterMs, topic, payload);
      }
      const expected = messages.flatMap(([, , , arrives]) => arrives ?? []);
      await until("all that passes arrives", () => stream.received.length >= expected.length);
      await until("the rest is counted", () => sum(stream.refused()) >= sum(refused));
      assert.deepEqual(stream.received, expected);
      assert.deepEqual(stream.refused(), refused);
    });
  }
}

test("operand notAfter - passes to the last millisecond, on either door", async (t) => {
  for (const door of ["plain", "link"] as const) {
    const stream = await sold(t, door, { notAfter: iso(5000) });
    await stream.publish(4999, "bus/1", "a");
    await until("the last arrives", () => stream.received.length === 1);
    await stream.publish(5000, "bus/1", "b");
    await until("the first too late is counted", () => sum(stream.refused()) === 1);
    assert.deepEqual(stream.received, ["a"]);
    assert.deepEqual(stream.refused(), { expired: 1 });
  }
});

test("operand lifeSeconds - is counted from the signing", async (t) => {
  const stream = await sold(t, "plain", { lifeSeconds: 60 });
  await stream.publish(59_999, "bus/1", "a");
  await until("the last arrives", () => stream.received.length === 1);
  await stream.publish(60_000, "bus/1", "b");
  await until("the first too late is counted", () => sum(stream.refused()) === 1);
  assert.deepEqual(stream.received, ["a"]);
});

test("operand notBefore - a live stream has nothing of what came before", async (t) => {
  const stream = await sold(t, "plain", { notBefore: iso(5000) });
  await stream.publish(4999, "bus/1", "a");
  await stream.publish(5000, "bus/1", "b");
  await until("the first in time arrives", () => stream.received.length === 1);
  assert.deepEqual(stream.received, ["b"]);
  assert.deepEqual(stream.refused(), { early: 1 });
});

test("operand notBefore - a log rests until then, and nothing of it is lost", async (t) => {
  const stream = await sold(t, "link", { notBefore: iso(300) });
  await stream.publish(299, "bus/1", "a");
  await new Promise((resolve) => setTimeout(resolve, 400)); // its timer looks, and it is not time
  assert.deepEqual(stream.received, []);
  await stream.publish(300, "bus/1", "b");
  await until("both arrive when the time has come", () => stream.received.length === 2);
  assert.deepEqual(stream.received, ["a", "b"]);
  assert.deepEqual(stream.refused(), {});
});

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
