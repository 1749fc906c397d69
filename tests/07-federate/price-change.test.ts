import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { twoNodes, until } from "../two-nodes.ts";

const unit = (amount: string) => ({ amount, currency: "EUR", perMessages: 1 });
const month = new Date().toISOString().slice(0, 7);
const soon = (ms = 1500): string => new Date(Date.now() + ms).toISOString();
const passed = (from: string): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Date.parse(from) - Date.now() + 50));

async function trading() {
  const world = await twoNodes();
  const { id } = await world.share({
    ...{ id: "soil", title: "Soil moisture", topics: ["soil/+"], delivery: "logged" },
    terms: { price: unit("0.5") },
  });
  const device = await world.mqtt("provider");
  let sent = 0;
  const deliver = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await device.publish("soil/1", String(sent++), { qos: 1 });
    await until("both have signed for it", async () => {
      const [line] = await world.provider.http.statement(month);
      const [theirs] = await world.consumer.http.statement(month);
      return line?.messages === sent && theirs?.messages === sent;
    });
  };
  return { world, id, deliver, provider: world.provider.http, consumer: world.consumer.http };
}

test("price change - a lower one is signed by the consumer's node itself, and rates what follows", async (t) => {
  const { world, id, deliver, provider, consumer } = await trading();
  t.after(() => world.close());
  await deliver(10);
  const from = soon();
  await provider.prices.offer(id, unit("0.2"), from);
  await until("both have signed", async () => {
    const states = await Promise.all([provider, consumer].map(({ prices }) => prices.of(id)));
    return states.every((told) => told[1]?.state === "signed");
  });
  await deliver(2);
  await passed(from);
  await deliver(10);
  const [earned] = await provider.statement(month);
  const [owed] = await consumer.statement(month);
  assert.deepEqual([earned?.amount, owed?.amount], ["8", "8"]); // 12 × 0.5 and 10 × 0.2
  const [usage] = await consumer.usage();
  assert.equal(usage?.amount, "8");
  const bill = (await consumer.bill(month, id)) as { prices: { payload: string }[] };
  assert.equal((await verifyBill(bill)).amount, "8");
  const { prices: _prices, ...bare } = bill;
  await assert.rejects(verifyBill(bare), /the agreement has no price 2/);
  const forged = structuredClone(bill);
  const [change] = forged.prices;
  const text = Buffer.from(change!.payload, "base64url").toString().replace('"0.2"', '"0.3"');
  change!.payload = Buffer.from(text).toString("base64url");
  await assert.rejects(verifyBill(forged), /price 2: the provider's signature does not verify/);
});

test("price change - a dearer one waits for the consumer's owner, who may take it or leave it", async (t) => {
  const { world, id, deliver, provider, consumer } = await trading();
  t.after(() => world.close());
  await provider.prices.offer(id, unit("0.9"), soon(60_000));
  await until("it waits", async () => (await consumer.prices.of(id))[1]?.state === "waiting");
  await consumer.prices.decide(id, false);
  await until("it is refused", async () => (await provider.prices.of(id))[1]?.state === "refused");
  await deliver(4);
  const from = soon(2500);
  await provider.prices.offer(id, unit("0.8"), from);
  await until("it waits", async () => (await consumer.prices.of(id))[1]?.state === "waiting");
  await consumer.prices.decide(id, true);
  await until(
    "both have signed",
    async () => (await provider.prices.of(id))[1]?.state === "signed",
  );
  await passed(from);
  await deliver(5);
  const [earned] = await provider.statement(month);
  const [owed] = await consumer.statement(month);
  assert.deepEqual([earned?.amount, owed?.amount], ["6", "6"]); // 4 × 0.5 and 5 × 0.8
});

test("price change - none is taken that is past, of another currency, or of the wrong side", async (t) => {
  const { world, id, provider, consumer } = await trading();
  t.after(() => world.close());
  const refused = (call: Promise<unknown>, message: RegExp) =>
    assert.rejects(call, { code: "BODY_INVALID", message });
  const { prices } = provider;
  await refused(prices.offer(id, unit("0.2"), soon(-1000)), /takes effect after both have signed/);
  await refused(prices.offer(id, { ...unit("1"), currency: "KES" }, soon()), /currency is EUR/);
  await refused(prices.offer(id, unit("0"), soon()), /what is free is another agreement/);
  await refused(prices.offer(id, unit("0.50"), soon()), /the price is what it was/);
  const flat = { currency: "EUR", charges: [{ per: "month" as const, amount: "5" }] };
  await refused(prices.offer(id, flat, soon()), /charges by the month change with a month/);
  await refused(consumer.prices.offer(id, unit("0.1"), soon()), /not its provider/);
  await assert.rejects(consumer.prices.decide(id, true), { code: "NOT_FOUND" });
  await prices.offer(id, unit("0.9"), soon(60_000));
  await refused(prices.offer(id, unit("0.8"), soon(60_000)), /waits for an answer/);
  await provider.revoke(id);
  await refused(prices.offer(id, unit("0.2"), soon()), /has ended/);
});

test("price change - a consumer put back to before it signed one takes it back with what it rated", async (t) => {
  const { world, id, deliver, provider } = await trading();
  t.after(() => world.close());
  const copy = await mkdtemp(join(tmpdir(), "comity-older-"));
  t.after(() => rm(copy, { recursive: true }));
  const { data } = world.consumer.options;
  await deliver(4);
  await world.restart("consumer", {}, () => cp(data, copy, { recursive: true }));
  const from = soon();
  await provider.prices.offer(id, unit("0.2"), from);
  await passed(from);
  await deliver(10);
  await world.restart("consumer", {}, async () => {
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true });
  });
  const { http } = world.consumer;
  assert.equal((await http.prices.of(id)).length, 1, "lost");
  await provider.books.draw(world.consumer.node.did, month);
  await until("it has taken back what it lost, and accepts", async () => {
    const [statement] = await http.books.statements(month);
    return statement?.lines[0]?.state === "accepted" && statement.lines[0].stated === "4";
  });
  assert.equal((await http.prices.of(id))[1]?.state, "signed");
  assert.equal((await http.statement(month))[0]?.messages, 14);
});
