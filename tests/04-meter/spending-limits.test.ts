/** Limits that an organisation sets itself: never passed, whatever stops and starts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Journal } from "../../src/kernel/journal.ts";
import { Agreements } from "../../src/market/agreements.ts";
import { monthForecast } from "../../src/settle/month-forecast.ts";
import { SpendingLimits } from "../../src/settle/spending-limits.ts";
import { statementOf } from "../../src/settle/statement.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";
import { asBuyer, Pair } from "./sides.ts";

const price = { amount: "1", currency: "EUR", perMessages: 1 };

test("spending limits - a month is not passed, and the next one goes on by itself", async (t) => {
  const pair = await Pair.open(price);
  t.after(() => pair.close());
  const journal = new Journal();
  const agreement = asBuyer(pair.agreement);
  const open = async (): Promise<SpendingLimits> =>
    SpendingLimits.open({
      ...{ store: pair.buyer.store, clock: pair.clock, journal, counts: pair.buyer.counts },
      owed: pair.buyer.owed,
      agreements: await Agreements.open(pair.buyer.store),
      onFailed: (error) => assert.fail(String(error)),
    });
  const told = (): string[] => journal.latest().map(({ kind }) => kind);
  let limits = await open();
  assert.equal(
    limits.affords(agreement, { messages: 1_000_000, bytes: 0 }),
    true,
    "there is no limit yet",
  );
  await limits.set({ agreement: agreement.id, currency: "EUR", amount: "5", per: "month" });
  await limits.set({ currency: "EUR", amount: "100", per: "month" });
  assert.equal(limits.affords(agreement, { messages: 3, bytes: 0 }), true);
  await pair.deliver(3);
  assert.deepEqual(told(), ["budget.warning"]);
  assert.equal(limits.affords(agreement, { messages: 4, bytes: 0 }), true);
  await pair.deliver(1);
  assert.deepEqual(told(), ["budget.warning", "budget.warning"]);
  assert.equal(
    limits.affords(agreement, { messages: 6, bytes: 0 }),
    false,
    "two more cost more than is left",
  );
  assert.equal(limits.rests(agreement.id), true);
  const [own, overall] = limits.list().sort((a, b) => Number(a.amount) - Number(b.amount));
  assert.deepEqual(own, {
    ...{ agreement: agreement.id, currency: "EUR", amount: "5", per: "month" },
    ...{ spent: "4", percent: 80, resting: [agreement.id] },
  });
  assert.equal(overall?.spent, "4");

  // A start finds it as it was.
  limits.close();
  limits = await open();
  t.after(() => limits.close());
  const resumed: string[] = [];
  limits.onResumed((id) => resumed.push(id));
  assert.equal(limits.rests(agreement.id), true);
  await limits.set({ currency: "EUR", amount: "99", per: "month" });
  assert.equal(limits.rests(agreement.id), true, "another limit holds it");

  await pair.seller.provider.closeWindows();
  pair.clock.at = Date.UTC(2026, 11, 1, 0, 0, 1);
  // whoever asks first sees to it that the month is looked at
  limits.affords(agreement, { messages: 6, bytes: 0 });
  await until("the month has begun", () => resumed.length > 0);
  assert.equal(limits.affords(agreement, { messages: 6, bytes: 0 }), true);
  assert.equal(limits.affords(agreement, { messages: 9, bytes: 0 }), true);
  assert.equal(limits.affords(agreement, { messages: 10, bytes: 0 }), false);
  await pair.deliver(5);
  await pair.seller.provider.closeWindows();
  for (const [month, amount] of [
    ["2026-11", "4"],
    ["2026-12", "5"],
  ] as const) {
    const [line] = await statementOf(pair.buyer.store, [agreement], month);
    assert.equal(line?.amount, amount);
  }
  await limits.clear({ agreement: agreement.id, currency: "EUR" });
  assert.deepEqual(resumed, [agreement.id, agreement.id]);
});

test("forecast - by what both signed on the days before", async (t) => {
  const pair = await Pair.open(price);
  t.after(() => pair.close());
  const agreement = asBuyer(pair.agreement);
  const rooms = { store: pair.buyer.store, owed: pair.buyer.owed, clock: pair.clock };
  // From the 20th on ten a day, and the evening of the 25th.
  const used = { messages: 0, bytes: 0 };
  for (let day = 0; day < 5; day++) {
    pair.clock.at += 86_399_000;
    await pair.deliver(10);
    await pair.seller.provider.closeWindows();
    pair.clock.at += 1000;
    used.messages += 10;
  }
  const { spent, expected, least, most } = await monthForecast(agreement, used, rooms);
  // Five and a half days are left, at ten a day.
  assert.deepEqual([spent, expected, least, most], ["50", "105", "105", "105"]);
});

test("spending limits - what makes no sense is refused", async (t) => {
  const pair = await Pair.open(price);
  t.after(() => pair.close());
  const { store, counts, owed } = pair.seller;
  const limits = await SpendingLimits.open({
    ...{ store, counts, owed, clock: pair.clock, journal: new Journal() },
    agreements: await Agreements.open(store),
    onFailed: (error) => assert.fail(String(error)),
  });
  t.after(() => limits.close());
  const { id } = pair.agreement;
  for (const limit of [
    { currency: "EUR", amount: "-1", per: "month" },
    { currency: "EUR", amount: "1.1234567", per: "month" },
    { currency: "EUR", amount: "1", per: "life" },
    { agreement: id, currency: "EUR", amount: "1", per: "month" }, // it sells here
  ] as const) {
    await assert.rejects(limits.set(limit), { code: "BODY_INVALID" });
  }
  const unknown = { agreement: "urn:x", currency: "EUR", amount: "1", per: "month" } as const;
  await assert.rejects(limits.set(unknown), { code: "NOT_FOUND" });
  await assert.rejects(limits.clear({ currency: "EUR" }), { code: "NOT_FOUND" });
});

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

test("spending limits - a logged stream rests at its limit, over restarts, and goes on whole", async () => {
  const agreement = await nodes.share({
    ...{ title: "Soil", topics: ["soil/#"], delivery: "logged" },
    terms: { price },
  });
  const { consumer } = nodes;
  await consumer.http.spending.set({ agreement: agreement.id, amount: "4" });
  const publisher = await nodes.mqtt("provider");
  const taken = async (): Promise<number> => {
    const usage = await nodes.consumer.http.usage();
    return usage.find((one) => one.agreement === agreement.id)?.messages ?? 0;
  };
  for (let i = 1; i <= 4; i++) {
    await publisher.publish(`soil/${i}`, String(i), { qos: 1 });
    await until(`${i} are taken`, async () => (await taken()) === i);
  }
  for (let i = 5; i <= 9; i++) await publisher.publish(`soil/${i}`, String(i), { qos: 1 });
  const linkOf = async () =>
    (await nodes.consumer.http.links()).find((one) => one.agreement === agreement.id);
  await until("it rests", async () => (await linkOf())?.problem === "limit");
  await nodes.restart("consumer");
  const { http } = nodes.consumer;
  const [limit] = await http.spending.list();
  assert.deepEqual([limit?.spent, limit?.percent, limit?.resting], ["4", 100, [agreement.id]]);
  assert.equal((await linkOf())?.problem, "limit");
  assert.equal(await taken(), 4);
  const [forecast] = await http.spending.forecasts();
  assert.equal(forecast?.spent, "4");
  assert.equal(forecast.expected, undefined, "a minute says nothing of a month");

  await http.spending.clear({ agreement: agreement.id });
  await until("the rest came", async () => (await taken()) === 9);
  const topics: string[] = [];
  const [log] = (await http.logs()).filter(({ messages }) => messages > 0);
  for await (const line of http.readLog(log!.log)) topics.push(line.topic.split("/").at(-1)!);
  assert.deepEqual(topics, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("spending limits - charges by the month are spent with the month, whatever comes", async (t) => {
  const flat = { per: "month" as const, amount: "3" };
  const charges = [flat, { perMessages: 1, amount: "1" }];
  const pair = await Pair.open({ currency: "EUR", charges });
  t.after(() => pair.close());
  const { store, counts, owed } = pair.buyer;
  const limits = await SpendingLimits.open({
    ...{ store, counts, owed, clock: pair.clock, journal: new Journal() },
    agreements: await Agreements.open(store),
    onFailed: (error) => assert.fail(String(error)),
  });
  t.after(() => limits.close());
  const agreement = asBuyer(pair.agreement);
  await limits.set({ agreement: agreement.id, currency: "EUR", amount: "5", per: "month" });
  // 11 of November's 30 days are 1.1 of 3
  assert.equal(limits.list()[0]?.spent, "1.1");
  assert.equal(limits.affords(agreement, { messages: 3, bytes: 0 }), true);
  assert.equal(limits.affords(agreement, { messages: 4, bytes: 0 }), false);
  const rooms = { store, owed, clock: pair.clock };
  pair.clock.at = Date.UTC(2026, 10, 20, 12, 30);
  assert.equal((await monthForecast(agreement, { messages: 3, bytes: 0 }, rooms)).spent, "4.1");
});
