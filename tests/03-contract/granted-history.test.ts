/** History by time under an agreement: through the same grant, counted message by message. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { NewProduct } from "../../src/client/resources.ts";
import type { HistoryRow } from "../../src/client/history.ts";
import { until } from "../two-nodes.ts";
import { type Customer, type Key, openCustomer } from "./customer.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const buses = { id: "buses", title: "Buses", topics: ["bus/#"], delivery: "logged" } as const;
const day = Date.UTC(2026, 9, 1);
const minute = 60_000;

async function customer(t: TestContext, terms: Partial<NewProduct["terms"]>): Promise<Customer> {
  const opened = await openCustomer({ ...buses, terms: { price, ...terms } });
  t.after(() => opened.close());
  return opened;
}

async function asked(key: Key, query: Record<string, string>, accept?: string) {
  const url = `${key.endpoint}/history?${new URLSearchParams(query).toString()}`;
  const headers = { ...key.headers, ...(accept !== undefined && { accept }) };
  const response = await fetch(url, { headers });
  const text = await response.text();
  const lines = text.trim() === "" ? [] : text.trim().split("\n");
  return { status: response.status, text, lines };
}

async function rows(key: Key, query: Record<string, string>): Promise<HistoryRow[]> {
  const { status, text, lines } = await asked(key, query);
  assert.equal(status, 200, text);
  return lines.map((line) => JSON.parse(line) as HistoryRow);
}

const busAt = (n: number, speed: number, lat = 51.9): string =>
  JSON.stringify({
    observedAt: new Date(day + n * minute).toISOString(),
    speed,
    lat,
    lon: 4.5,
    driver: "Ann",
  });

async function drive(device: Customer["device"], count: number): Promise<void> {
  // one is late, so that time is not the order of the log
  const order = Array.from({ length: count }, (_, n) => (n === 3 ? 9 : n === 9 ? 3 : n));
  for (const n of order) await device.publish("bus/1", busAt(n, 10 + n / 7), { qos: 1 });
}

test("history under an agreement - windows are made of what the shape leaves, and each message counts", async (t) => {
  const terms = { fields: ["observedAt", "speed"], round: { speed: 5 } };
  const { device, transfer, oneSided } = await customer(t, terms);
  const key = await transfer("HttpData-PULL");
  await drive(device, 20);
  const raw = await rows(key, { filter: "bus/#", from: "2026-10-01" });
  assert.deepEqual(
    raw.map(({ time }) => time),
    Array.from({ length: 20 }, (_, n) => day + n * minute),
  );
  const rounded = (n: number): number => Math.round((10 + n / 7) / 5) * 5;
  for (const [n, { payload }] of raw.entries()) {
    assert.deepEqual(JSON.parse(payload!), {
      observedAt: new Date(day + n * minute).toISOString(),
      speed: rounded(n),
    });
  }
  assert.equal(await oneSided(), 20);
  const means = await rows(key, { fn: "mean", field: "speed", step: "10m" });
  const mean = (from: number): number =>
    Array.from({ length: 10 }, (_, n) => rounded(from + n)).reduce((a, b) => a + b, 0) / 10;
  assert.deepEqual(
    means.map(({ time, value, count }) => [time, value, count]),
    [
      [day, mean(0), 10],
      [day + 10 * minute, mean(10), 10],
    ],
  );
  assert.equal(await oneSided(), 40);
  assert.deepEqual(await rows(key, { fn: "max", field: "lat" }), []);
  const [last] = await rows(key, { fn: "last", field: "speed" });
  assert.deepEqual([last?.time, last?.value], [day + 19 * minute, rounded(19)]);
  assert.equal(await oneSided(), 61); // nothing was let through of lat, but the messages were
  const csv = await asked(key, { filter: "bus/1", field: "speed" }, "text/csv");
  assert.equal(csv.lines.length, 21);
  assert.match(csv.text, /^topic,time,value\r\nbus\/1,2026-10-01T00:00:00.000Z,10\r\n/);
});

test("history under an agreement - a time that is withheld is told neither by order nor by range", async (t) => {
  const { device, transfer } = await customer(t, { fields: ["speed"] });
  const key = await transfer("HttpData-PULL");
  const before = Date.now();
  await drive(device, 12);
  assert.deepEqual(await rows(key, { from: "2026-10-01", to: "2026-10-02" }), []);
  const found = await rows(key, { filter: "bus/1" });
  assert.equal(found.length, 12);
  for (const { time, payload } of found) {
    assert.ok(time >= before && time <= Date.now());
    assert.doesNotMatch(payload!, /observedAt/);
  }
  const positions = found.map(({ position }) => position!);
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => a - b),
  );
});

test("history under an agreement - outside the area and of other topics there is none, nor from before it began", async (t) => {
  const area = {
    type: "Polygon" as const,
    coordinates: [
      [
        [4, 51],
        [5, 51],
        [5, 52],
        [4, 52],
        [4, 51],
      ],
    ],
  };
  const topics = ["bus/#", "tram/#"];
  const { device, transfer, refused, agree, close } = await openCustomer({
    ...{ ...buses, topics },
    terms: { price, topics: ["bus/#"], area },
  });
  t.after(close);
  await device.publish("bus/1", busAt(0, 30), { qos: 1 });
  await device.publish("bus/1", busAt(1, 99, 53), { qos: 1 });
  await device.publish("tram/1", busAt(2, 98), { qos: 1 });
  const key = await transfer("HttpData-PULL");
  assert.deepEqual(
    (await rows(key, { fn: "max", field: "speed" })).map(({ value }) => value),
    [30],
  );
  assert.deepEqual(await rows(key, { filter: "tram/#" }), []);
  assert.equal((await refused("place")) > 0, true);
  const agreementId = await agree("urn:uuid:second");
  const later = await transfer("HttpData-PULL", { agreementId });
  assert.deepEqual(await rows(later, { filter: "bus/#" }), []);
});

test("history under an agreement - a rate lets through what it did when it was live", async (t) => {
  const rate = { messages: 3, seconds: 3600, per: "topic" as const };
  const { device, transfer } = await customer(t, { rate });
  const key = await transfer("HttpData-PULL");
  // unless the hour changes in between, which the next question would tell as well
  await drive(device, 20);
  const byPosition = await asked(key, {});
  const positions = byPosition.lines.map((line) => (JSON.parse(line) as HistoryRow).position);
  const byTime = await rows(key, { filter: "#" });
  assert.deepEqual(
    byTime.map(({ position }) => position).toSorted((a, b) => a! - b!),
    positions,
  );
  assert.ok(positions.length >= 3 && positions.length <= 6);
});

test("history under an agreement - a cap is met by what windows are made of", async (t) => {
  const { device, transfer, oneSided } = await customer(t, { messagesMax: 30 });
  const key = await transfer("HttpData-PULL");
  await drive(device, 20);
  assert.deepEqual(
    (await rows(key, { fn: "count" })).map(({ value }) => value),
    [20],
  );
  assert.deepEqual(
    (await rows(key, { fn: "count" })).map(({ value }) => value),
    [10],
  );
  assert.equal(await oneSided(), 30);
  await until("it has ended", async () => (await asked(key, { fn: "count" })).status === 409);
});

test("history under an agreement - of moved dates is read by position, and tells no other time", async (t) => {
  const terms = { shift: { observedAt: 365 }, shiftBy: "driver" };
  const { device, transfer } = await customer(t, terms);
  const key = await transfer("HttpData-PULL");
  await drive(device, 3);
  const { lines } = await asked(key, { after: "-1" });
  const messages = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    messages.map((message) => Object.keys(message)),
    Array.from({ length: 3 }, () => ["topic", "position", "payload"]),
  );
  const times = messages.map(({ payload }) => {
    const { observedAt } = JSON.parse(String(payload)) as { observedAt: string };
    return Date.parse(observedAt);
  });
  assert.deepEqual(
    times.map((time) => time - times[0]!),
    [0, minute, 2 * minute],
  );
  const days = (times[0]! - day) / 86_400_000;
  assert.ok(Number.isInteger(days) && days !== 0 && Math.abs(days) <= 365, `${days} days`);
  const questions: Record<string, string>[] = [
    { filter: "#" },
    { fn: "count" },
    { from: "2026-10-01" },
  ];
  for (const query of questions) {
    const { status, text } = await asked(key, query);
    assert.deepEqual([status, text.includes("HISTORY_HIDDEN")], [403, true], text);
  }
  const latest = await fetch(key.endpoint, { headers: key.headers });
  assert.equal(latest.status, 200);
  const [last] = (await latest.json()) as Record<string, unknown>[];
  assert.deepEqual(Object.keys(last!).sort(), ["payload", "position", "topic"]);
});
