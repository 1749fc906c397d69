/** What a consumer erases after an agreement's end, and the receipt its provider gets for it. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { verifiedErasure } from "../../src/federate/erasure-record.ts";
import type { NewProduct } from "../../src/client/resources.ts";
import type { ErasureResource } from "../../src/client/erasure.ts";
import { runCli } from "../../src/cli/program.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { type TestNode, type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0.001", currency: "EUR", perMessages: 1 };
const month = new Date().toISOString().slice(0, 7);
const yearMs = 365 * 86_400_000;

function soil(id: string, deleteAfterSeconds: number): NewProduct {
  const terms = { price, deleteAfterSeconds };
  return { id, title: "Soil", topics: [`${id}/+`], delivery: "logged", terms };
}

async function openWorld(t: TestContext): Promise<TwoNodes> {
  const world = await twoNodes();
  t.after(() => world.close());
  return world;
}

/** Publishes and waits until the consumer has stored it. */
async function send(world: TwoNodes, product: string, count: number, from = 0): Promise<void> {
  const device = await world.mqtt("provider");
  const texts = Array.from({ length: count }, (_, i) => `SECRET ${product} ${from + i}`);
  await Promise.all(texts.map((text) => device.publish(`${product}/1`, text, { qos: 1 })));
  await until("all is stored", async () => (await logOf(world, product))?.end === from + count);
}

async function logOf(world: TwoNodes, product: string) {
  const logs = await world.consumer.http.logs();
  return logs.find(({ log }) => log === `from/provider/${product}`);
}

async function rowsOf(world: TwoNodes, product: string): Promise<number[]> {
  const rows: number[] = [];
  for await (const row of world.consumer.http.readLog(`from/provider/${product}`)) {
    rows.push(row.position);
  }
  return rows;
}

async function historyOf(world: TwoNodes, product: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  const filter = `from/provider/${product}/#`;
  for await (const row of world.consumer.http.history({ filter })) rows.push(row);
  return rows;
}

async function erased(node: TestNode, agreement: string): Promise<ErasureResource> {
  let found: ErasureResource | undefined;
  await until(`${node.options.name} knows what was erased`, async () => {
    found = await node.http.erasure(agreement);
    return found.state === "erased" && (found.role === "provider" || found.told !== undefined);
  });
  return found!;
}

async function inFiles({ options }: TestNode, text: string): Promise<string[]> {
  const names = (await readdir(options.data)).filter((name) => name.includes(".db"));
  const has = await Promise.all(
    names.map(async (name) => (await readFile(join(options.data, name))).includes(text)),
  );
  return names.filter((_, i) => has[i]);
}

test("erasure - when it is due the data are gone, and the provider has it signed", async (t) => {
  const world = await openWorld(t);
  const { id } = await world.share(soil("soil", 1));
  await send(world, "soil", 300);
  assert.ok((await inFiles(world.consumer, "SECRET soil")).length > 0);
  assert.equal((await world.provider.http.erasure(id)).state, "running");
  assert.equal((await historyOf(world, "soil")).length, 300);
  await world.provider.http.revoke(id);
  const told = await erased(world.provider, id);
  const own = await erased(world.consumer, id);
  assert.deepEqual(own.told, { taken: true });
  assert.deepEqual(own.signed, told.signed);
  const { record } = told;
  assert.ok(record !== undefined);
  const bytes = (await world.consumer.http.usage())[0]?.bytes;
  assert.deepEqual(record.erased, { messages: 300, bytes });
  assert.deepEqual([record.from?.position, record.to?.position], [0, 300]);
  assert.equal(record.kept, undefined);
  assert.ok(Date.parse(record.erasedAt) - Date.parse(record.endedAt) >= 1000);
  const agreement = await world.provider.http.agreement(id);
  const verified = await verifiedErasure(agreement as never, told.signed as never);
  assert.deepEqual(verified, record);
  const log = await logOf(world, "soil");
  assert.deepEqual([log?.end, log?.messages, log?.bytes, log?.erased], [300, 0, 0, 300]);
  assert.deepEqual(await rowsOf(world, "soil"), []);
  assert.deepEqual(await historyOf(world, "soil"), []);
  assert.deepEqual(await inFiles(world.consumer, "SECRET soil"), []);
  // what was counted and signed stands without it
  await until("the receipt is signed", async () => {
    const [line] = await world.consumer.http.statement(month);
    return line?.messages === 300;
  });
  await verifyBill(await world.consumer.http.bill(month, id));
});

test("erasure - of a live stream nothing is stored, and that is what is signed", async (t) => {
  const world = await openWorld(t);
  const product = { ...soil("air", 1), delivery: "live" } as const;
  const { id } = await world.share(product);
  await world.consumer.http.revoke(id);
  const { record } = await erased(world.provider, id);
  assert.deepEqual(record?.erased, { messages: 0, bytes: 0 });
  assert.equal(record?.from, undefined);
});

test("erasure - the owner may end and erase before it is due; then it is done once", async (t) => {
  const world = await openWorld(t);
  const { id } = await world.share(soil("soil", 3600));
  await send(world, "soil", 20);
  await assert.rejects(world.provider.http.erase(id), { code: "STATE_INVALID" });
  assert.equal((await world.consumer.http.agreement(id)).state, "active");
  const done = await world.consumer.http.erase(id);
  assert.deepEqual([done.state, done.record?.erased.messages], ["erased", 20]);
  assert.deepEqual(await inFiles(world.consumer, "SECRET soil"), []);
  const told = await erased(world.provider, id);
  assert.deepEqual((await world.consumer.http.erase(id)).record, told.record);
  assert.deepEqual((await world.consumer.http.erasure(id)).signed, told.signed);
});

test("erasure - also what no terms want erased is, where its owner says so", async (t) => {
  const world = await openWorld(t);
  const { deleteAfterSeconds: _, ...terms } = soil("soil", 1).terms!;
  const { id } = await world.share({ ...soil("soil", 1), terms });
  await send(world, "soil", 5);
  assert.equal((await world.consumer.http.erasure(id)).state, "none");
  await world.consumer.http.erase(id);
  assert.equal((await erased(world.provider, id)).record?.erased.messages, 5);
});

test("erasure - what another agreement paid for as well is kept until that ends", async (t) => {
  const world = await openWorld(t);
  const first = await world.share(soil("soil", 1));
  await send(world, "soil", 50);
  const offer = (await world.consumer.http.find("soil")).find((one) => one.product === "soil")!;
  const second = await world.consumer.http.agree(offer.offer, offer.provider);
  await send(world, "soil", 30, 50);
  await until("both have it", async () => {
    const usage = await world.consumer.http.usage();
    const of = (id: string) => usage.find(({ agreement }) => agreement === id)?.messages;
    return of(first.id) === 80 && of(second.id) === 30;
  });
  await world.consumer.http.revoke(first.id);
  const { record } = await erased(world.provider, first.id);
  assert.equal(record?.erased.messages, 50);
  assert.deepEqual([record?.kept?.messages, record?.kept?.agreements], [30, [second.id]]);
  const later = Array.from({ length: 30 }, (_, i) => 50 + i);
  assert.deepEqual(await rowsOf(world, "soil"), later);
  assert.equal((await historyOf(world, "soil")).length, 30);
  await send(world, "soil", 10, 80); // it goes on
  await world.provider.http.revoke(second.id);
  assert.equal((await erased(world.provider, second.id)).record?.erased.messages, 40);
  assert.deepEqual(await inFiles(world.consumer, "SECRET soil"), []);
  assert.equal((await logOf(world, "soil"))?.erased, 90);
});

test("erasure - a clock that jumps, while it runs or over a stop, erases nothing early", async (t) => {
  const world = await openWorld(t);
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const slow = await world.share(soil("slow", 3600));
  await world.provider.http.addProduct(soil("quick", 1));
  const find = async () => (await world.consumer.http.findPage({ q: "quick", fresh: true })).offers;
  await until("the other product is found", async () => (await find()).length > 0);
  const [offer] = await find();
  const quick = await world.consumer.http.agree(offer!.offer, offer!.provider);
  await world.restart("consumer", { clock });
  await send(world, "slow", 5);
  await send(world, "quick", 5);
  await world.consumer.http.revoke(slow.id);
  aheadMs = yearMs;
  await world.consumer.http.revoke(quick.id);
  await until("what is due is erased", async () => (await logOf(world, "quick"))?.messages === 0);
  assert.equal((await logOf(world, "slow"))?.messages, 5);
  aheadMs = 0;
  await world.restart("consumer", { clock }, async () => {
    aheadMs = yearMs;
  });
  await world.consumer.http.erase(quick.id);
  assert.equal((await logOf(world, "slow"))?.messages, 5);
  await world.consumer.http.erase(slow.id);
  assert.equal((await logOf(world, "slow"))?.messages, 0);
});

async function comity({ node, token }: TestNode, ...args: string[]): Promise<string> {
  const texts = { out: "", err: "" };
  const code = await runCli(["--url", node.httpUrl, "--token", token, ...args], {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  assert.equal(code, 0, texts.err);
  return texts.out;
}

test("comity agreement erase, erasure - tell what was erased, on both sides", async (t) => {
  const world = await openWorld(t);
  const { id } = await world.share(soil("soil", 3600));
  await send(world, "soil", 12);
  const running = await comity(world.provider, "agreement", "erasure", id);
  assert.equal(
    running,
    "The agreement stands; what it gives is erased within 1 hour after its end.\n",
  );
  const done = await comity(world.consumer, "agreement", "erase", id);
  assert.match(done, /^Erased\.\n {2}erased {4}12 messages \(1\d\d bytes\), 20/);
  await erased(world.consumer, id);
  const own = await comity(world.consumer, "agreement", "erasure", id);
  assert.match(own, /^ {2}positions 0 to 12 of [\w-]+$/m);
  assert.match(own, /^ {2}told {6}the provider has it$/m);
  const told = await comity(world.provider, "agreement", "erasure", id);
  assert.match(told, /^Erased, says its consumer\.$/m);
  assert.match(told, /^ {2}It is the consumer's signed word, no proof that no copy is left\.$/m);
});

test("erasure - a provider says when nothing came, a day after it was due", async (t) => {
  const world = await openWorld(t);
  const { id } = await world.share(soil("soil", 3600));
  await world.provider.http.revoke(id);
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  await world.restart("provider", { clock });
  const stateAfter = async (ms: number): Promise<string> => {
    aheadMs = ms;
    return (await world.provider.http.erasure(id)).state;
  };
  assert.equal(await stateAfter(0), "waiting");
  assert.equal(await stateAfter(86_400_000 + 3_500_000), "waiting");
  assert.equal(await stateAfter(86_400_000 + 3_700_000), "overdue");
  const { dueAt, record } = await world.provider.http.erasure(id);
  assert.ok(dueAt !== undefined && record === undefined);
});
