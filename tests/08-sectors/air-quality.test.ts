/**
 * Measurements in Sensor.Community's form, shared under the template, and told again in that form.
 * No recording of that network is kept: these are written by hand as its API documents them.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const hourMs = 3_600_000;
const firstHour = Date.parse("2026-11-20T00:00:00Z");
/** µg/m³ of PM2.5 by hour, the latest last: the published example of the NowCast, reversed. */
const fine = [50, 80, 75, 90, 82, 53, 64, 74, 21, 10, 16, 13];
const coarse = 60;

interface Measurement {
  readonly timestamp: string;
  readonly sensor: { readonly id: number; readonly sensor_type: { readonly name: string } };
  readonly location: { readonly latitude: string; readonly longitude: string };
  readonly sensordatavalues: readonly { readonly value: string; readonly value_type: string }[];
}

let nodes: TwoNodes;
let api: Server;
let answer: unknown[] = [];
let serial = 20_000_000_000;

before(async () => {
  api = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  nodes = await twoNodes({ localSources: [urlOf(api)] });
});
after(async () => {
  await nodes.close();
  api.close();
});

/** One measurement, whole, as the API tells it. */
function measurement(
  sensor: { readonly id: number; readonly type: string; readonly indoor?: 1 },
  at: number,
  values: Readonly<Record<string, number>>,
): Measurement {
  const timestamp = new Date(at).toISOString().slice(0, 19).replace("T", " ");
  const location = {
    ...{ id: sensor.id + 7, latitude: "48.778", longitude: "9.236", altitude: "252.5" },
    ...{ country: "DE", exact_location: 0, indoor: sensor.indoor ?? 0 },
  };
  const made = { id: serial++, sampling_rate: null, timestamp, location };
  const sensor_type = { id: 14, name: sensor.type, manufacturer: "Nova Fitness" };
  const sensordatavalues = Object.entries(values).map(([value_type, value]) => ({
    ...{ id: serial++, value: value.toFixed(2), value_type },
  }));
  return { ...made, sensor: { ...{ id: sensor.id, pin: "1" }, sensor_type }, sensordatavalues };
}

const dust = { id: 1234, type: "SDS011" };
const inside = { ...dust, id: 1240, indoor: 1 as const };
const climate = { id: 1235, type: "BME280" };

/** Three times in the hour: their mean is the hour's, however they scatter. */
const hourOf = (hour: number): Measurement[] =>
  [-1, 0, 1].flatMap((way, third) => {
    const at = firstHour + hour * hourMs + (third * 20 + 4) * 60_000;
    return [
      measurement(dust, at, { P1: coarse + way, P2: fine[hour]! + way * 3 }),
      measurement(inside, at, { P1: 900, P2: 800 }),
      measurement(climate, at, { temperature: 4.5, pressure: 98_765, humidity: 81.4 }),
    ];
  });

test("air quality - a network's measurements are shared under the template, and leave as it tells them", async () => {
  const { provider, consumer } = nodes;
  const { template } = await provider.http.sector("air-quality");
  await nodes.share({
    id: "city-air",
    title: "Air in the city",
    topics: ["air/city/#"],
    sector: "air-quality",
    ...template.product,
    terms: template.terms,
  });
  await consumer.http.addIndicator({ kind: "aqi", filters: ["from/provider/city-air/#"] });
  answer = [0, 1, 2, 3, 4, 5, 6].flatMap(hourOf).toReversed();
  await provider.http.addSource({
    kind: "sensor-community",
    from: { way: "url", address: urlOf(api) },
    everySeconds: 1,
    topic: "air/city",
  });
  const arrived = (count: number) => async () => {
    const [log] = (await consumer.http.logs()).filter(({ log: name }) => name.startsWith("from/"));
    return log?.messages === count;
  };
  await until("the first hours arrived", arrived(7 * 9));
  // what the API still tells is not told again
  answer = [6, 7, 8, 9, 10, 11].flatMap(hourOf);
  await until("all hours arrived", arrived(12 * 9));
  // an hour counts when a later one begins
  answer = [measurement(dust, firstHour + 12 * hourMs, { P1: 1, P2: 1 })];
  await until("the hour is over", arrived(12 * 9 + 1));
  const [figure, ...others] = await consumer.http.figures("aqi");
  assert.deepEqual(others, [], "neither a room's air nor a thermometer has an index");
  // by hand: NowCast 17.4 (published); 49/26.3 × (17.4 − 9.1) + 51 = 66.46 of PM2.5,
  // and 49/99 × (60 − 55) + 51 = 53.47 of PM10
  assert.equal(figure?.value, 66);
  const { key, category, pollutant, nowCast, hourEnded } = figure as unknown as Figure;
  assert.deepEqual(
    { key, category, pollutant, nowCast, hourEnded },
    {
      ...{ key: "sensor-community-1234", category: "Moderate", pollutant: "pm25" },
      ...{ nowCast: { pm25: 17.4, pm10: 60 }, hourEnded: "2026-11-20T12:00:00.000Z" },
    },
  );

  const told = await toldTo(consumer, "from/provider/city-air/#");
  const last = [answer[0] as Measurement, ...hourOf(11).slice(-2)];
  assert.deepEqual(
    told.map(essence).sort((a, b) => a.sensor - b.sensor),
    last
      .map(essence)
      // the template's rounding: a hundredth of a degree
      .map((one) => ({ ...one, place: ["48.78", "9.24"] }))
      .sort((a, b) => a.sensor - b.sensor),
  );
});

test("air quality - what cannot be is counted by its kind, and the rest is read", async () => {
  const { http } = nodes.provider;
  const late = firstHour + 13 * hourMs;
  const whole = measurement(dust, late, { P1: 20, P2: -3 });
  answer = [
    "nothing",
    { ...whole, location: { latitude: "91", longitude: "0" } },
    { ...whole, timestamp: "yesterday" },
    measurement(climate, Date.now() + 600_000, { temperature: 20 }),
    whole,
  ];
  const source = async () => (await http.sources())[0]!;
  await until("what can be read of it is published", async () => {
    return (await source()).messages === 12 * 9 + 2;
  });
  const { faults, failures } = await source();
  assert.equal(failures, 0);
  // counted at every reading, but for the value: that measurement is not read again
  assert.equal(faults["form"], 3 * faults["clock"]!);
  assert.equal(faults["value"], 1);
  answer = { message: "down for maintenance" } as never;
  await until("an answer of another kind is a fault", async () => {
    return (await source()).lastFault?.text === "form: a measurement is without a sensor's number";
  });
});

interface Figure {
  readonly key: string;
  readonly category: string;
  readonly pollutant: string;
  readonly nowCast: object;
  readonly hourEnded: string;
}

function essence({ timestamp, sensor, location, sensordatavalues }: Measurement) {
  return {
    timestamp,
    sensor: sensor.id,
    type: sensor.sensor_type.name,
    place: [location.latitude, location.longitude],
    values: Object.fromEntries(sensordatavalues.map((one) => [one.value_type, one.value])),
  };
}

async function toldTo(side: TwoNodes["consumer"], filter: string): Promise<Measurement[]> {
  const url = new URL("/sectors/air-quality/sensor-community", side.node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${side.token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Measurement[];
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
