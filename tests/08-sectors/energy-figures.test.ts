import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { mean } from "./energy-oracle.ts";

const hourMs = 3_600_000;
const quarterMs = hourMs / 4;
const weekMs = 7 * 24 * hourMs;

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

test("energy - a load is forecast, with its error and persistence's, as the formula says", async () => {
  const { http } = nodes.provider;
  await http.addIndicator({ kind: "load-forecast", filters: ["load/#"] });
  const client = await nodes.mqtt("provider");
  const from = Date.UTC(2026, 5, 1);
  // an office: a working day's hump, and noise of a seeded generator
  let seed = 20260601;
  const noise = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  const quarters = Array.from({ length: 3 * 672 }, (_, index) => {
    const at = from + index * quarterMs;
    const isWorkday = (index % 672) / 96 < 5;
    const hump = Math.max(0, Math.sin((((index % 96) - 28) / 48) * Math.PI));
    return { at, watts: 800 + (isWorkday ? 4_000 : 200) * hump + 300 * noise() };
  });
  for (const { at, watts } of quarters) {
    // two readings a quarter: by lines, and in all
    const early = { L1: watts / 2, L2: watts / 4, L3: watts / 4 - 100 };
    publish(at, { activePower: early });
    publish(at + 60_000, { totalActivePower: watts + 100 });
  }
  // the last quarter is over when the next begins
  publish(quarters.at(-1)!.at + quarterMs, { totalActivePower: 1 });
  const all = quarters.length * 2 + 1;
  await until("all came", async () => (await http.indicators())[0]?.messages === all, 30_000);
  const [figure] = await http.figures("load-forecast");
  for (const said of figure!["forecasts"] as Record<string, number>[]) {
    const ahead = said["hours"]! * hourMs;
    const forecasts = quarters.map((_, known) => forecastOf(quarters, known, ahead));
    const due = forecasts.flatMap((power, index) => {
      const then = quarters[index + ahead / quarterMs];
      return power === undefined || then === undefined
        ? []
        : [
            {
              off: Math.abs(power - then.watts),
              stays: Math.abs(quarters[index]!.watts - then.watts),
            },
          ];
    });
    assert.equal(said["forecastsDue"], due.length);
    assert.ok(Math.abs(said["power"]! - forecasts.at(-1)!) < 0.1);
    assert.ok(Math.abs(said["error"]! - mean(due.map(({ off }) => off))) < 0.1);
    assert.ok(Math.abs(said["persistence"]! - mean(due.map(({ stays }) => stays))) < 0.1);
    assert.ok(said["error"]! < said["persistence"]! / 2, `${said["hours"]} h`);
  }
  assert.deepEqual((await http.indicators())[0]?.faults, {});

  function publish(at: number, members: object): void {
    const dateObserved = new Date(at).toISOString();
    const message = { type: "ThreePhaseAcMeasurement", id: "office", dateObserved, ...members };
    void client.publish("load/office", Buffer.from(JSON.stringify(message)), { qos: 0 });
  }
});

/** In closed form what the product computes step by step; from `quarters[0..known]`. */
function forecastOf(
  quarters: readonly { at: number; watts: number }[],
  known: number,
  ahead: number,
): number | undefined {
  const now = quarters[known]!.at;
  const usual = usualOf(quarters, known + 1, now + ahead);
  if (usual === undefined) return undefined;
  let above = 0;
  // what is older than three days has faded to nothing
  for (let index = Math.max(0, known - 288); index <= known; index++) {
    const { at, watts } = quarters[index]!;
    const before = usualOf(quarters, index, at);
    if (before === undefined) continue;
    above += (watts - before) * 0.5 ** (known - index + 1) * Math.exp(-(now - at) / (3 * hourMs));
  }
  return usual + above * Math.exp(-ahead / (3 * hourMs));
}

/** Of the first `count` quarters those of the same time of the week, recent ones counting more. */
function usualOf(
  quarters: readonly { at: number; watts: number }[],
  count: number,
  at: number,
): number | undefined {
  const inFirstWeek = Math.floor(((at - quarters[0]!.at) % weekMs) / quarterMs);
  const same: number[] = [];
  for (let index = inFirstWeek; index < count; index += 672) same.push(quarters[index]!.watts);
  if (same.length === 0) return undefined;
  return same.reduce((usual, watts) => 0.7 * usual + 0.3 * watts);
}

test("energy - a plant nobody described is not guessed, and what is wrong is counted by name", async () => {
  const { http } = nodes.provider;
  await http.addIndicator({ kind: "pv-performance", filters: ["roofs/#"] });
  const client = await nodes.mqtt("provider");
  const said = (message: object) =>
    client.publish("roofs/one", Buffer.from(JSON.stringify(message)), { qos: 1 });
  const plant = { type: "PhotovoltaicDevice", id: "roof", mounting: { tilt: 20, azimuth: 180 } };
  const location = { type: "Point", coordinates: [4.5, 51.9] };
  const reading = { type: "PhotovoltaicMeasurement", id: "roof", refPhotovoltaicDevice: "roof" };
  const noon = { ...reading, dateObserved: "2026-06-01T12:00:00Z", activePower: 2.5 };
  await said(noon);
  await said(plant);
  await said({ ...plant, location: { ...location, coordinates: [4.5, 151.9] } });
  await said({ ...plant, location, mounting: { tilt: 200, azimuth: 180 } });
  await said({ ...plant, location });
  await said(noon);
  await said({ ...plant, location, NominalPower: 5_000 });
  await said(noon);
  await said(noon);
  await said({ ...noon, dateObserved: "2999-01-01T00:00:00Z" });
  await said({ ...noon, activePower: "much" });
  await said({ ...noon, dateObserved: "yesterday" });
  await client.publish("roofs/one", Buffer.from("no JSON"), { qos: 1 });
  const state = async () =>
    (await http.indicators()).find(({ kind }) => kind === "pv-performance")!;
  await until("all came", async () => (await state()).messages === 13);
  assert.deepEqual((await state()).faults, { plant: 5, clock: 2, value: 2, unreadable: 1 });
  const [figure] = await http.figures("pv-performance");
  assert.equal(figure?.value ?? null, null);
});

test("energy - readings that devices publish as JSON leave as PVDAQ's CSV, in its names and units", async () => {
  const { node, token } = nodes.provider;
  const client = await nodes.mqtt("provider");
  const reading = { id: "roof, south", dateObserved: "2026-06-01T12:00:00Z", temperature: -3.5 };
  const sunny = { planeOfArrayIrradiance: 801, activePower: 2.5 };
  for (const message of [
    { ...reading, type: "PhotovoltaicMeasurement", ...sunny },
    { ...reading, type: "WeatherObserved", id: "mast", relativeHumidity: 0.55, temperature: 21 },
    { ...reading, type: "AirQualityObserved" },
    [1, 2],
  ]) {
    const payload = Buffer.from(JSON.stringify(message));
    const topic = `csv/${(message as { id?: string }).id === "mast" ? "mast" : "roof"}`;
    await client.publish(topic, payload, { qos: 1, retain: !Array.isArray(message) });
  }
  const feed = async (): Promise<string> => {
    const url = new URL("/sectors/energy/pvdaq-csv?filter=csv/%23", node.httpUrl);
    return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
  };
  // the feed follows from the first question on
  await feed();
  const payload = { ...reading, type: "PhotovoltaicMeasurement", ...sunny };
  await client.publish("csv/roof", Buffer.from(JSON.stringify(payload)), { qos: 1 });
  await until("it is in the feed", async () => (await feed()).includes("roof, south"));
  assert.deepEqual(
    (await feed()).split("\n").toSorted(),
    [
      "",
      "2026-06-01 12:00:00+00:00,21,55,,,,mast",
      '2026-06-01 12:00:00+00:00,,,2500,-3.5,801,"roof, south"',
      "measured_on,ambient_temp,relative_humidity,ac_power,module_temp,poa_irradiance,system",
    ].toSorted(),
  );
});

test("energy - a table that is none is refused by name, and a bad row is left out", async () => {
  const { http } = nodes.provider;
  const from = { way: "topic", address: "csv-in/+" } as const;
  await http.addSource({ id: "tables", kind: "nrel-pv", from, topic: "tables" });
  const client = await nodes.mqtt("provider");
  const state = async () => (await http.sources()).find(({ id }) => id === "tables")!;
  for (const [index, [text, problem]] of [
    ["time,ac_power\n2026-06-01 12:00:00,1", /first column is "time"/],
    ["measured_on,colour\n2026-06-01 12:00:00,1", /no channel of PVDAQ/],
    ['measured_on,ac_power\n"2026', /no CSV/],
  ].entries() as unknown as [number, [string, RegExp]][]) {
    await client.publish("csv-in/roof", Buffer.from(text), { qos: 1 });
    await until("it is refused", async () => (await state()).failures === index + 1);
    assert.match((await state()).lastError?.text ?? "", problem);
  }
  const seen: string[] = [];
  await client.subscribe("tables/#", {}, ({ payload }) => {
    seen.push(Buffer.from(payload).toString("utf8"));
  });
  const rows = [
    "measured_on,ac_power,poa_irradiance,module_temp",
    "2026-06-01 12:00:00+02:00,1500,700,",
    "2026-06-01 12:15:00+02:00,1600,99999,12",
    "2026-06-01 12:10:00+02:00,1600,700,12",
    "noon,1,2,3",
    "2026-13-01 12:00:00,1,2,3",
    "6/1/2026 3:30,,,",
    "6/1/2026 3:45,x,,7",
  ];
  await client.publish("csv-in/roof", Buffer.from(rows.join("\n")), { qos: 1 });
  await until("it is read", async () => (await state()).reads === 1);
  await until("three came", () => seen.length === 3);
  assert.deepEqual((await state()).faults, { value: 2, clock: 1, time: 2 });
  const common = { type: "PhotovoltaicMeasurement", id: "roof", refPhotovoltaicDevice: "roof" };
  assert.deepEqual(
    seen.map((text) => JSON.parse(text)),
    [
      {
        ...common,
        ...{
          dateObserved: "2026-06-01T10:00:00.000Z",
          activePower: 1.5,
          planeOfArrayIrradiance: 700,
        },
        pvdaq: { ac_power: 1500, poa_irradiance: 700 },
      },
      {
        ...common,
        ...{ dateObserved: "2026-06-01T10:15:00.000Z", activePower: 1.6, temperature: 12 },
        pvdaq: { ac_power: 1600, module_temp: 12 },
      },
      {
        ...common,
        ...{ dateObserved: "2026-06-01T10:45:00.000Z", temperature: 7, pvdaq: { module_temp: 7 } },
      },
    ],
  );
});
