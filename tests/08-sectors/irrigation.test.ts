/**
 * A farm's weather and probes in, its irrigation told at another organisation. The day's weather is
 * example 18 of FAO Irrigation and Drainage Paper 56, whose result the paper prints.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const recorded = new URL(
  "../../../shared/data/agriculture/soil-moisture-sydney/soil_vwc_hourly.csv",
  import.meta.url,
);
const skip = existsSync(recorded) ? false : "the recorded data (../shared) is not there";
const devEui = "A84041000181C061";
const location = { type: "Point", coordinates: [4.35, 50.8, 100] };
/** Uccle, 6 July: what the paper starts from, and the evapotranspiration it comes to, mm. */
const example18 = { temperature: [12.3, 21.5], humidity: [0.63, 0.84], wind: 2.078, sun: 22.07 };
const et0 = 3.88;
const soil = {
  ...{ fieldCapacity: 0.2, wiltingPoint: 0.06, rootDepth: 0.5 },
  ...{ depletionShare: 0.4, cropCoefficient: 1 },
};

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

/** Per cent, the wettest and the driest that one probe saw. */
function recordedMoisture(): { wet: number; dry: number } {
  const [head = "", ...lines] = readFileSync(recorded, "utf8").trim().split(/\r?\n/);
  const column = head.split(",").indexOf("SENS0017");
  const values = lines.map((line) => Number(line.split(",")[column])).filter((value) => value > 0);
  return { wet: Math.max(...values), dry: Math.min(...values) };
}

/** As The Things Stack publishes it. */
function uplink(moisture: number, frame: number, time: string): string {
  const ids = { application_id: "farm" };
  return JSON.stringify({
    end_device_ids: { device_id: "probe-1", dev_eui: devEui, application_ids: ids },
    uplink_message: {
      ...{ f_cnt: frame, received_at: time, decoded_payload: { Soil_Moisture: moisture } },
      locations: { user: { latitude: 50.8, longitude: 4.35 } },
    },
  });
}

/** Between the day's lowest and highest, through both. */
function between([low, high]: readonly number[], hour: number): number {
  return low! + (high! - low!) * (0.5 - 0.5 * Math.cos((Math.PI * hour) / 12));
}

function weatherAt(day: number, hour: number): string {
  const { temperature, humidity, wind, sun } = example18;
  return JSON.stringify({
    ...{ id: "urn:ngsi-ld:WeatherObserved:uccle", type: "WeatherObserved", location },
    dateObserved: new Date(Date.UTC(2026, 6, day, hour)).toISOString(),
    temperature: between(temperature, hour),
    relativeHumidity: between(humidity, 12 - hour),
    windSpeed: wind,
    // the whole day's in four hours, W/m² for MJ/m²
    solarRadiation: hour >= 10 && hour < 14 ? (sun / 0.0864) * 6 : 0,
    precipitation: hour === 3 ? 1.5 : 0,
  });
}

test(
  "agriculture - a farm's weather and probes are shared, and say when to irrigate as the paper does",
  { skip },
  async () => {
    const { provider, consumer } = nodes;
    const { template } = await provider.http.sector("agriculture");
    await nodes.share({
      ...{ id: "farm", title: "A farm", topics: ["farm/#"], sector: "agriculture" },
      ...template.product,
      terms: template.terms,
    });
    await provider.http.addSource({
      kind: "lorawan",
      from: { way: "topic", address: "v3/+/devices/+/up" },
      topic: "farm/soil",
    });
    await consumer.http.addIndicator({ kind: "irrigation", filters: ["from/provider/farm/#"] });
    const farm = await nodes.mqtt("provider");
    const { wet, dry } = recordedMoisture();
    const figure = async () => (await consumer.http.figures("irrigation"))[0] as never as Told;
    const stored = async (count: number) => {
      const logs = await consumer.http.logs();
      return logs.find(({ log }) => log === "from/provider/farm")?.messages === count;
    };

    const parcel = { id: "urn:ngsi-ld:AgriParcel:north", type: "AgriParcel", location, soil };
    const hasDevices = [`urn:ngsi-ld:Device:${devEui.toLowerCase()}`];
    await farm.publish("farm/north", JSON.stringify({ ...parcel, hasDevices }), { qos: 1 });
    const up = "v3/farm/devices/probe-1/up";
    await farm.publish(up, uplink(wet, 1, "2026-07-05T22:00:00Z"), { qos: 1 });
    await until("the parcel and its probe arrived", () => stored(2));
    for (let hour = 0; hour <= 24; hour++) {
      await farm.publish("farm/weather", weatherAt(6, hour), { qos: 1 });
    }
    await until("the day is over there too", async () => (await figure())?.rain === 1.5);

    // by hand, equations 82 to 85: what lacked, less the rain, and what the crop took
    const lacked = 1000 * (0.2 - wet / 100) * 0.5;
    const depletion = lacked - 1.5 + et0;
    const ready = (0.4 + 0.04 * (5 - et0)) * 1000 * (0.2 - 0.06) * 0.5;
    assert.ok(lacked > 0 && depletion < ready, `${wet} % is neither soaked nor dry`);
    const first = await figure();
    assert.ok(Math.abs(first.et0 - et0) < 0.05, `${first.et0} mm, where the paper has 3.9`);
    assert.ok(Math.abs(first.depletion - depletion) < 0.06, `${first.depletion} mm, ${depletion}`);
    assert.ok(Math.abs(first.daysLeft - (ready - depletion) / et0) < 0.3);
    assert.deepEqual([first.value, first.irrigate, first.weatherOf], [0, false, "2026-07-06"]);

    await farm.publish(up, uplink(dry, 2, "2026-07-07T12:00:00Z"), { qos: 1 });
    await until("the probe is believed", async () => (await figure()).irrigate);
    const needed = 1000 * (0.2 - dry / 100) * 0.5;
    const second = await figure();
    assert.ok(needed > ready && Math.abs(second.value - needed) < 0.01, `${second.value} mm`);

    const url = new URL("/sectors/agriculture/agri-parcel-record", consumer.node.httpUrl);
    url.searchParams.set("filter", "from/provider/farm/#");
    const answer = await fetch(url, { headers: { authorization: `Bearer ${consumer.token}` } });
    const records = (await answer.json()) as { id: string; soilMoistureVwc: number }[];
    assert.deepEqual(
      records.map(({ id, soilMoistureVwc }) => [id, soilMoistureVwc.toFixed(8)]),
      [[`urn:ngsi-ld:AgriParcelRecord:${devEui.toLowerCase()}`, (dry / 100).toFixed(8)]],
    );
  },
);

interface Told {
  readonly value: number;
  readonly irrigate: boolean;
  readonly daysLeft: number;
  readonly depletion: number;
  readonly et0: number;
  readonly rain: number;
  readonly weatherOf: string;
}
