/** Recorded soil moisture in as LoRaWAN uplinks, shared under the template, out as a broker takes it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const recorded = new URL(
  "../../../shared/data/agriculture/soil-moisture-sydney/soil_vwc_hourly.csv",
  import.meta.url,
);
const skip = existsSync(recorded) ? false : "the recorded data (../shared) is not there";
const hours = 240;

interface Probe {
  readonly name: string;
  readonly devEui: string;
  /** Per cent, hour by hour. */
  readonly values: readonly number[];
}

interface Recorded {
  readonly times: readonly string[];
  readonly probes: readonly Probe[];
}

let nodes: TwoNodes;

before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

function readRecorded(): Recorded {
  const [head = "", ...lines] = readFileSync(recorded, "utf8").trim().split(/\r?\n/);
  const rows = lines.slice(-hours).map((line) => line.split(","));
  const times = rows.map(([day, hour = ""]) => `${day}T${hour.padStart(2, "0")}:00:00.000Z`);
  const names = head.split(",").slice(2);
  const probes = ["SENS0017", "SENS0012", "SENS0028"].map((name, index) => {
    const column = names.indexOf(name) + 2;
    const values = rows.map((row) => Number(row[column]));
    return { name, devEui: `a84041000181c06${index}`, values };
  });
  return { times, probes };
}

/** As ChirpStack publishes it. */
function uplink({ name: deviceName, devEui, values }: Probe, hour: number, time: string): string {
  const deviceInfo = { deviceName, devEui, tags: { lat: "-33.8472", lon: "151.0681" } };
  return JSON.stringify({ time, deviceInfo, fCnt: hour, object: { soilMoisture: values[hour] } });
}

test(
  "agriculture - recorded probes end to end, with the drying another organisation sees",
  { skip },
  async () => {
    const { provider, consumer } = nodes;
    const { times, probes } = readRecorded();
    const { template } = await provider.http.sector("agriculture");
    await nodes.share({
      id: "park-soil",
      title: "Soil moisture of a park",
      topics: ["soil/park/#"],
      sector: "agriculture",
      ...template.product,
      terms: template.terms,
    });
    await provider.http.addSource({
      kind: "lorawan",
      from: { way: "topic", address: "application/+/device/+/event/up" },
      topic: "soil/park",
    });
    await consumer.http.addIndicator({
      kind: "soil-drying",
      filters: ["from/provider/park-soil/#"],
    });
    const gateway = await nodes.mqtt("provider");
    for (const [hour, time] of times.entries()) {
      await Promise.all(
        probes.map((probe) =>
          gateway.publish(
            `application/1/device/${probe.devEui}/event/up`,
            uplink(probe, hour, time),
            {
              qos: 1,
            },
          ),
        ),
      );
    }
    await until("all readings arrived", async () => {
      const logs = await consumer.http.logs();
      return logs.find(({ log }) => log === "from/provider/park-soil")?.messages === hours * 3;
    });
    await until("their drying is told", async () => {
      const figures = await consumer.http.figures("soil-drying");
      return probes.every(({ name }) => {
        const figure = figures.find(({ key }) => key === name) as
          | { waterContent?: number }
          | undefined;
        return figure?.waterContent === Number(lastOf(probes, name).toFixed(3));
      });
    });
    const figures = await consumer.http.figures("soil-drying");
    // by hand: the straight line through a probe's last five days, and the last rise of 2 % in 4 h
    for (const { name, values } of probes) {
      const figure = figures.find(({ key }) => key === name) as unknown as Record<string, unknown>;
      const wetted = lastRise(values);
      if (wetted === undefined) {
        assert.equal(figure["wettedAt"], undefined, name);
        const perDay = -24 * slopeOf(values.slice(-120));
        assert.ok(Math.abs((figure["value"] as number) - perDay) < 0.15, `${name}: ${perDay}`);
      } else {
        const hoursApart =
          (Date.parse(String(figure["wettedAt"])) - Date.parse(times[wetted]!)) / 3.6e6;
        assert.ok(Math.abs(hoursApart) <= 4, `${name} was wetted ${hoursApart} h apart`);
      }
    }
    const records = await recordsOf(consumer, "from/provider/park-soil/#");
    assert.deepEqual(
      new Map(records.map(({ id, observedAt }) => [id, observedAt])),
      new Map(probes.map(({ devEui }) => [`urn:ngsi-ld:AgriParcelRecord:${devEui}`, times.at(-1)])),
    );
    for (const { devEui, values } of probes) {
      const record = records.find(({ hasDevice }) => hasDevice === `urn:ngsi-ld:Device:${devEui}`)!;
      assert.ok(Math.abs(record.soilMoistureVwc - values.at(-1)! / 100) < 1e-8);
      // the template rounds places to a hundredth of a degree
      assert.deepEqual(record.location.coordinates, [151.07, -33.85]);
    }
  },
);

test(
  "agriculture - what is no uplink and what cannot be is counted, and the source goes on",
  { skip },
  async () => {
    const { provider } = nodes;
    const gateway = await nodes.mqtt("provider");
    const { times, probes } = readRecorded();
    const [probe] = probes;
    const time = new Date(Date.parse(times.at(-1)!) + 3_600_000).toISOString();
    const said = JSON.parse(uplink(probe!, 0, time)) as Record<string, unknown>;
    const wrong = { ...said, fCnt: 900, object: { soilMoisture: 340, tempSoil: 21 } };
    const topic = `application/1/device/${probe!.devEui}/event/up`;
    for (const message of ["{", JSON.stringify({ hello: 1 }), JSON.stringify(wrong)]) {
      await gateway.publish(topic, message, { qos: 1 });
    }
    const source = async () => (await provider.http.sources())[0]!;
    await until("it goes on", async () => {
      const { faults, failures } = await source();
      return faults["value"] === 1 && failures === 0;
    });
    const { faults, lastError } = await source();
    assert.deepEqual(faults, { value: 1 });
    assert.match(lastError?.text ?? "", /^SOURCE_INVALID: .*no uplink of The Things Stack/);
  },
);

function lastOf(probes: readonly Probe[], name: string): number {
  return probes.find((probe) => probe.name === name)!.values.at(-1)!;
}

/** The row from which the last rise began. */
function lastRise(values: readonly number[]): number | undefined {
  for (let at = values.length - 1; at > 0; at--) {
    const before = values.slice(Math.max(0, at - 4), at + 1);
    const driest = Math.min(...before);
    if (values[at]! - driest >= 2) return at - before.length + 1 + before.lastIndexOf(driest);
  }
  return undefined;
}

function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const over = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return values.reduce((sum, value, at) => sum + (at - middle) * value, 0) / over;
}

interface RecordOut {
  readonly id: string;
  readonly observedAt: string;
  readonly hasDevice: string;
  readonly soilMoistureVwc: number;
  readonly location: { readonly coordinates: readonly number[] };
}

async function recordsOf(side: TwoNodes["consumer"], filter: string): Promise<RecordOut[]> {
  const url = new URL("/sectors/agriculture/agri-parcel-record", side.node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${side.token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as RecordOut[];
}
