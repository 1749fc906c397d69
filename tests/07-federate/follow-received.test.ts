/** What was bought is followed on one's own node as one's own streams are: with ids where logged. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type EventReader, followEvents } from "../01-connect/event-reader.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const soil = { id: "soil", title: "Soil", topics: ["soil/+"], terms: { price } };

async function publish(world: TwoNodes, payloads: readonly string[]): Promise<void> {
  const device = await world.mqtt("provider");
  for (const text of payloads) await device.publish("soil/a", text, { qos: 1 });
  await device.end();
}

function follow(t: TestContext, world: TwoNodes, lastId?: string): Promise<EventReader> {
  const { node, token } = world.consumer;
  const more = lastId === undefined ? {} : { "last-event-id": lastId };
  const url = `${node.httpUrl}/api/v1/streams?filter=from/provider/%23`;
  return followEvents(t, url, { authorization: `Bearer ${token}`, ...more });
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

test("received - a stream that was bought as logged goes on after an event, over restarts of both", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const early = await follow(t, world);
  await until("it has begun", () => early.told("begin").length === 1);
  assert.equal(early.lastId, undefined, "nothing is logged yet");
  await world.share({ ...soil, delivery: "logged" });
  await publish(world, numbers(0, 5));
  await until("five came", () => early.messages.length === 5);
  assert.deepEqual(early.payloads, numbers(0, 5));
  const [first] = early.messages;
  assert.equal(first?.topic, "from/provider/soil/soil/a");
  assert.match(first?.id ?? "", /^[0-9a-f-]{36}\/[0-9a-f]{8}:0$/);
  early.close();
  await publish(world, numbers(5, 8));
  await world.restart("consumer");
  const { id } = early.messages[2]!;
  const again = await follow(t, world, id);
  await until("what came since came", () => again.messages.length === 5);
  await world.restart("provider");
  await publish(world, numbers(8, 10));
  await until("and what is new", () => again.messages.length === 7);
  assert.deepEqual(again.payloads, numbers(3, 10));
  assert.deepEqual(again.told("begin")[0]?.filters, [
    { filter: "from/provider/#", delivery: "both" },
  ]);
  const late = await follow(t, world);
  await until("it has begun", () => late.told("begin").length === 1);
  await publish(world, ["last"]);
  await until("what is new came", () => late.messages.length === 1);
  assert.deepEqual(late.payloads, ["last"]);
  assert.equal(late.lastId, again.lastId);
  const other = id!.replace(/^.{8}/, "00000000");
  await assert.rejects(follow(t, world, other), { status: 410, code: "POSITION_GONE" });
  // an id of before it was bought: all that was bought since
  const empty = id!.replace(/^.*:/, "00000000-0000/0:-").replace(/\d+$/, "1");
  const whole = await follow(t, world, empty);
  await until("all came", () => whole.messages.length === 11);
  assert.deepEqual(whole.payloads, [...numbers(0, 10), "last"]);
  assert.deepEqual(whole.told("gap"), []);
});

test("received - one that was bought live has no ids", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  await world.share({ ...soil, delivery: "live" });
  const reader = await follow(t, world);
  await until("it has begun", () => reader.told("begin").length === 1);
  await until("it flows", async () => {
    await publish(world, ["x"]);
    return reader.messages.length > 0;
  });
  assert.deepEqual(reader.messages[0], { topic: "from/provider/soil/soil/a", payload: "x" });
});
