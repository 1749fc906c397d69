/** A log that is kept for a time: what goes, who notices, and what stands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryRow } from "../../src/client/history.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const dayMs = 86_400_000;

test("retention - old messages leave log and history; who is behind is told of the gap and goes on", async (t) => {
  let skipped = 0;
  const clock = { ...systemClock, now: () => Date.now() + skipped };
  const nodes = await twoNodes({ clock, retentionMs: 50 });
  t.after(() => nodes.close());
  const { provider, consumer } = nodes;
  const agreement = await nodes.share({
    ...{ id: "buses", title: "Buses", topics: ["bus/#"], delivery: "logged" },
    ...{ terms: { price }, retention: { days: 1 } },
  });
  assert.equal((await provider.http.product("buses")).sheet?.retentionDays, 1);
  const device = await nodes.mqtt("provider");
  const publish = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await device.publish("bus/1", `${n}`, { qos: 1 });
  };
  const history = async (node: typeof provider, filter: string): Promise<string[]> => {
    const found: HistoryRow[] = [];
    for await (const row of node.http.history({ filter })) if ("topic" in row) found.push(row);
    return found.map(({ payload }) => payload!);
  };
  const texts = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, n) => String(n + from));
  const received = (): Promise<string[]> => history(consumer, "from/provider/buses/#");

  await publish(0, 3);
  await until("three came", async () => (await received()).length === 3);
  await consumer.http.link(agreement.id, "cut");
  await publish(3, 10);
  skipped = 2 * dayMs;
  await publish(10, 12); // the newest block always stays
  await until("the old ones went", async () => {
    const rows: number[] = [];
    for await (const { position } of provider.http.readLog("product/buses")) rows.push(position);
    return rows[0] === 10;
  });
  assert.deepEqual(await history(provider, "bus/#"), texts(10, 12));
  assert.deepEqual(await received(), texts(0, 3)); // what was delivered is the consumer's
  await consumer.http.link(agreement.id, "mend");
  await publish(12, 14);
  await until("it went on", async () => (await received()).length === 7);
  assert.deepEqual(await received(), [...texts(0, 3), ...texts(10, 14)]);
  assert.equal((await provider.http.status()).refusals["retention"], 7);
});

test("retention - by size the oldest go, and what cannot be kept so is refused", async (t) => {
  const nodes = await twoNodes({ retentionMs: 50 });
  t.after(() => nodes.close());
  const { http } = nodes.provider;
  const product = {
    title: "Big",
    topics: ["big/#"],
    delivery: "logged",
    terms: { price },
  } as const;
  for (const retention of [{}, { days: 0 }, { bytesMax: 1000 }]) {
    await assert.rejects(http.addProduct({ ...product, retention }), /retention|days/);
  }
  const live = { ...product, delivery: "live", retention: { days: 1 } } as const;
  await assert.rejects(http.addProduct(live), { code: "PRODUCT_INVALID" });
  await http.addProduct({ ...product, retention: { bytesMax: 1_048_576 } });
  const device = await nodes.mqtt("provider");
  const payload = Buffer.alloc(100_000, "x");
  for (let n = 0; n < 30; n++) await device.publish("big/1", payload, { qos: 1 });
  await until("it is small enough", async () => {
    const [log] = await http.logs();
    return log!.bytes <= 1_048_576;
  });
  const [log] = await http.logs();
  assert.deepEqual([log?.end, log?.messages], [30, 10]);
});
