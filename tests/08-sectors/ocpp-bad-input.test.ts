import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { connectCharger, type TestCharger } from "./ocpp-charger.ts";

type Message = Record<string, unknown>;

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

async function newCharger(name: string): Promise<TestCharger> {
  const { token } = await nodes.provider.http.addThing({ name, publish: [`chargers/${name}/#`] });
  return connectCharger(nodes.provider, name, token);
}

const now = (): string => new Date().toISOString();

test("ocpp - a start at a time that nobody knows, or that is not yet, begins at the node's and can end", async () => {
  const ended: Message[] = [];
  const client = await nodes.mqtt("provider");
  await client.subscribe("chargers/cp-odd/transactions/#", { qos: 1 }, ({ payload }) => {
    const message = JSON.parse(Buffer.from(payload).toString()) as Message;
    if (message["state"] === "ended") ended.push(message);
  });
  const charger = await newCharger("cp-odd");
  // each is a date-time of JSON Schema, and the first two are none to ECMAScript
  for (const timestamp of [
    "2016-12-31T23:59:60Z",
    "2025-01-01T00:00:00+05",
    "2090-01-01T00:00:00Z",
  ]) {
    const before = now();
    const start = { connectorId: 1, idTag: "card-1", meterStart: 0, timestamp };
    const { transactionId } = await charger.call("StartTransaction", start);
    await charger.call("StopTransaction", { transactionId, meterStop: 2_000, timestamp: now() });
    await until(`the end of ${timestamp}`, () => ended.at(-1)?.["id"] === String(transactionId));
    const { startedAt, energy } = ended.at(-1)!;
    assert.equal(energy, 2);
    assert.ok(before <= String(startedAt) && String(startedAt) <= now(), String(startedAt));
  }
  const told = (await nodes.provider.http.energy.chargers()).find(({ id }) => id === "cp-odd");
  assert.deepEqual(told?.faults, { clock: 3 });
  await charger.close();
});

test("ocpp - a charger that meters ever more EVSEs is remembered for as many as one has", async () => {
  const charger = await newCharger("cp-wide");
  for (let evse = 1; evse <= 66; evse++) {
    const sampledValue = [{ value: "1", measurand: "Power.Active.Import", unit: "W" }];
    const meterValue = [{ timestamp: now(), sampledValue }];
    await charger.call("MeterValues", { connectorId: evse, meterValue });
  }
  const told = (await nodes.provider.http.energy.chargers()).find(({ id }) => id === "cp-wide");
  assert.deepEqual([told?.powerW, told?.faults], [64, { outlets: 2 }]);
  await charger.close();
});

test("ocpp - of a call with ever more meter values the last hundred are taken", async () => {
  const heard: Message[] = [];
  const client = await nodes.mqtt("provider");
  await client.subscribe("chargers/cp-long/meters/1", { qos: 1 }, ({ payload }) => {
    heard.push(JSON.parse(Buffer.from(payload).toString()) as Message);
  });
  const charger = await newCharger("cp-long");
  const meterValue = Array.from({ length: 150 }, (_, index) => ({
    timestamp: new Date(Date.now() - (150 - index) * 60_000).toISOString(),
    sampledValue: [{ value: String(index), measurand: "Power.Active.Import", unit: "W" }],
  }));
  await charger.call("MeterValues", { connectorId: 1, meterValue });
  await until("they came", () => heard.length === 100);
  assert.deepEqual([heard[0]?.["totalActivePower"], heard[99]?.["totalActivePower"]], [50, 149]);
  const told = (await nodes.provider.http.energy.chargers()).find(({ id }) => id === "cp-long");
  assert.deepEqual(told?.faults, { rate: 1 });
  await charger.close();
});
