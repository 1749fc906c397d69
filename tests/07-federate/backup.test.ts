import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { test } from "node:test";
import type { ReceiptRecord } from "../../src/meter/receipt.ts";
import { type TestNode, twoNodes, until, type TwoNodes } from "../two-nodes.ts";
import { readWholeLog } from "./recorded.ts";

const free = { amount: "0", currency: "EUR", perMessages: 1 };

type Side = "provider" | "consumer";

async function publish(world: TwoNodes, payloads: readonly string[]): Promise<void> {
  const device = await world.mqtt("provider");
  for (const text of payloads) await device.publish("soil/a", text, { qos: 1 });
  await device.end();
}

function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(3, "0")}`);
}

async function counted({ http }: TestNode): Promise<number> {
  const [usage] = await http.usage();
  return usage?.messages ?? 0;
}

async function arrived(world: TwoNodes, count: number): Promise<void> {
  await until(`the consumer has ${count}`, async () => (await counted(world.consumer)) === count);
  await until(`${count} are billed`, async () => (await counted(world.provider)) === count);
}

async function stored(world: TwoNodes): Promise<(string | undefined)[]> {
  const lines = await readWholeLog(world.consumer.http, "from/provider/soil");
  return lines.map(({ payload }) => payload);
}

/** Copies of a side's folder, taken while it is stopped as a cold backup is. */
async function backUp(world: TwoNodes, side: Side): Promise<() => Promise<void>> {
  const { data } = world[side].options;
  const copy = `${data}-backup`;
  await world.restart(side, {}, () => cp(data, copy, { recursive: true }));
  return () =>
    world.restart(side, {}, async () => {
      await rm(data, { recursive: true });
      await cp(copy, data, { recursive: true });
    });
}

async function shared(price = free): Promise<TwoNodes> {
  const world = await twoNodes();
  const product = { id: "soil", title: "Soil", topics: ["soil/+"] };
  await world.share({ ...product, delivery: "logged", terms: { price } });
  return world;
}

test("backup - a provider that is restored goes on in a new epoch, where both pasts part", async (t) => {
  const world = await shared();
  t.after(() => world.close());
  await publish(world, texts("a", 40));
  await arrived(world, 40);
  const restore = await backUp(world, "provider");
  await publish(world, texts("b", 30));
  await arrived(world, 70);
  await restore();
  await publish(world, texts("c", 10));
  await arrived(world, 80);
  // what it lost is kept here, what is new has come, and nothing came or is billed twice
  assert.deepEqual(await stored(world), [...texts("a", 40), ...texts("b", 30), ...texts("c", 10)]);
  await world.restart("consumer");
  await publish(world, texts("d", 5));
  await arrived(world, 85);
  assert.equal((await stored(world)).length, 85);
});

test("backup - positions that were used again by as many messages of the same size are told apart", async (t) => {
  const world = await shared();
  t.after(() => world.close());
  const [agreement] = await world.consumer.http.agreements();
  const { id } = agreement!;
  await publish(world, texts("a", 40));
  await arrived(world, 40);
  const restore = await backUp(world, "provider");
  await publish(world, texts("b", 30));
  await arrived(world, 70);
  await world.consumer.http.link(id, "cut");
  await restore();
  await publish(world, texts("c", 35));
  await world.consumer.http.link(id, "mend");
  await arrived(world, 105);
  assert.deepEqual(await stored(world), [...texts("a", 40), ...texts("b", 30), ...texts("c", 35)]);
});

test("backup - a consumer that is restored is served again, and billed once", async (t) => {
  const world = await shared();
  t.after(() => world.close());
  await publish(world, texts("a", 40));
  await arrived(world, 40);
  const restore = await backUp(world, "consumer");
  await publish(world, texts("b", 30));
  await arrived(world, 70);
  await restore();
  await publish(world, texts("c", 10));
  await arrived(world, 80);
  assert.deepEqual(await stored(world), [...texts("a", 40), ...texts("b", 30), ...texts("c", 10)]);
});

test("backup - a priced stream's provider takes its receipts back, and both bills are one", async (t) => {
  const world = await shared({ amount: "0.002", currency: "EUR", perMessages: 1 });
  t.after(() => world.close());
  const month = new Date().toISOString().slice(0, 7);
  const billed = async (side: Side) => (await world[side].http.statement(month))[0];
  const signed = (count: number) =>
    until(`both have signed for ${count}`, async () => {
      const lines = [await billed("provider"), await billed("consumer")];
      return lines.every((line) => line?.messages === count);
    });
  await publish(world, texts("a", 40));
  await signed(40);
  const restore = await backUp(world, "provider");
  for (const [i, part] of ["b", "c", "d"].entries()) {
    await publish(world, texts(part, 10));
    await signed(50 + i * 10);
  }
  const { receipts: had } = (await billed("consumer"))!;
  await restore();
  assert.equal((await billed("provider"))?.messages, 40, "the backup knows no more");
  await publish(world, texts("e", 5));
  await arrived(world, 75);
  await signed(75);
  const [sold, bought] = [await billed("provider"), await billed("consumer")];
  assert.equal(sold?.amount, "0.15");
  assert.deepEqual({ ...bought, role: "provider" }, sold);
  assert.ok(sold.receipts > had, "none of those signed before was made anew");
  const [agreement] = await world.consumer.http.agreements();
  const evidence = async (side: Side) => {
    const receipts = (await world[side].http.receipts(agreement!.id)) as ReceiptRecord[];
    return receipts.map(({ body, signatures }) => ({ body, signatures }));
  };
  assert.deepEqual(await evidence("provider"), await evidence("consumer"));
});

for (const side of ["provider", "consumer"] as const) {
  test(`backup - a ${side} that lost a price both had signed has it again`, async (t) => {
    const world = await shared({ amount: "0.5", currency: "EUR", perMessages: 1 });
    t.after(() => world.close());
    const month = new Date().toISOString().slice(0, 7);
    const billed = async (one: Side) => (await world[one].http.statement(month))[0];
    const signed = (count: number) =>
      until(`both have signed for ${count}`, async () => {
        const lines = [await billed("provider"), await billed("consumer")];
        return lines.every((line) => line?.messages === count);
      });
    await publish(world, texts("a", 10));
    await signed(10);
    const [agreement] = await world.provider.http.agreements();
    const { id } = agreement!;
    const restore = await backUp(world, side);
    const from = new Date(Date.now() + 1500).toISOString();
    const price = { amount: "0.2", currency: "EUR", perMessages: 1 };
    await world.provider.http.prices.offer(id, price, from);
    await until("both have signed", async () => {
      const [sold, bought] = [world.provider, world.consumer].map(({ http }) => http.prices);
      const told = [...(await sold!.of(id)), ...(await bought!.of(id))];
      return told.filter(({ state }) => state === "signed").length === 4;
    });
    await until("its moment has come", () => Date.now() > Date.parse(from) + 100);
    await publish(world, texts("b", 10));
    await signed(20);
    await restore();
    assert.equal((await world[side].http.prices.of(id)).length, 1, "the backup knows no other");
    await publish(world, texts("c", 10));
    await signed(30);
    const amounts = [await billed("provider"), await billed("consumer")].map((one) => one?.amount);
    assert.deepEqual(amounts, ["9", "9"]); // 10 × 0.5 and 20 × 0.2
    assert.equal((await world[side].http.prices.of(id))[1]?.state, "signed");
  });
}
