import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { twoNodes, until } from "../two-nodes.ts";

const month = new Date().toISOString().slice(0, 7);

test("charges by the month - are offered, agreed, metered, told and proved, alike on both sides", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const agreement = await world.share({
    id: "buses",
    title: "Bus positions",
    topics: ["bus/#"],
    delivery: "logged",
    terms: {
      price: {
        currency: "EUR",
        charges: [
          { per: "month", amount: "31" },
          { perMessages: 1, amount: "0.50", included: 60 },
          { perBytes: 1000, volume: [{ upTo: 1000, amount: "2" }, { amount: "1" }] },
        ],
        cap: "1000",
      },
    },
  });
  const text =
    "31 EUR a month plus 0.5 EUR per message after 60 messages a month plus per kB for all of a " +
    "month's 2 EUR up to 1 kB, 1 EUR beyond, at most 1000 EUR a month";
  const [found] = await world.consumer.http.find({ q: "bus" });
  assert.equal(found?.plain, `You may use this data paying ${text}.`);
  const device = await world.mqtt("provider");
  for (let i = 0; i < 100; i++) await device.publish("bus/1", "x".repeat(25), { qos: 1 });
  await until("a receipt is signed by both", async () => {
    const [line] = await world.consumer.http.statement(month);
    return line?.messages === 100;
  });
  const [usage] = await world.consumer.http.usage();
  assert.equal(usage?.amount, "22.5");
  const [earned] = await world.provider.http.statement(month);
  const [owed] = await world.consumer.http.statement(month);
  assert.deepEqual({ ...owed, role: "provider" }, earned);
  assert.deepEqual(earned?.parts?.[0], { charge: "usage", amount: "22.5" });
  const now = new Date();
  const days = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 0)).getUTCDate();
  const micro = (31_000_000n * BigInt(days - now.getUTCDate() + 1)) / BigInt(days);
  assert.equal(earned?.parts?.[1]?.amount, String(Number(micro) / 1e6));
  const bill = await world.consumer.http.bill(month, agreement.id);
  const verified = await verifyBill(bill);
  assert.equal(verified.amount, earned?.amount);
  assert.deepEqual(verified.parts, earned?.parts);
});
