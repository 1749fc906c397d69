import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { absent, readCsv } from "../07-federate/recorded.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { clearSkyOnPanels, mean, type OracleRow, pvBacktest } from "./energy-oracle.ts";

const folder = "energy/pv-nrel";
const skip = absent(folder);
const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../../shared/data/${folder}/${name}.csv`, import.meta.url));
const hourMs = 3_600_000;

/** The western array of NREL's Solar Energy Research Facility; nominal power as PVDAQ tells it. */
const plant = { latitude: 39.74, longitude: -105.17, tilt: 45, azimuth: 158 };
const nominalPower = 6_000;
const described = {
  type: "PhotovoltaicDevice",
  id: "serf_west_15min",
  location: { type: "Point", coordinates: [plant.longitude, plant.latitude] },
  mounting: { tilt: plant.tilt, azimuth: plant.azimuth },
  NominalPower: nominalPower,
};

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

/** The recording as the test reads it by itself. */
function recording(name: string) {
  const [head, ...lines] = readCsv(readFileSync(fileOf(name), "utf8"), ",");
  const columns = head!.cells.slice(1);
  const rows = lines.map(({ cells: [time, ...cells] }) => ({
    at: Date.parse(`${time!.replace(" ", "T")}-07:00`),
    cells,
  }));
  return { columns, rows };
}

test(
  "energy - a recorded plant is shared under the template, leaves as PVDAQ, and its figures are right",
  { skip },
  async () => {
    const { provider, consumer } = nodes;
    const { template } = await provider.http.sector("energy");
    const agreement = await nodes.share({
      id: "pv",
      title: "Photovoltaics in Golden",
      topics: ["pv/#"],
      sector: "energy",
      ...template.product,
      terms: template.terms,
    });
    assert.equal(agreement.delivery, "logged");
    const filters = ["from/provider/pv/#"];
    for (const kind of ["pv-forecast", "pv-performance"]) {
      await consumer.http.addIndicator({ kind, filters });
    }
    const owner = await nodes.mqtt("provider");
    const told = Buffer.from(JSON.stringify(described));
    await owner.publish("pv/plants/serf_west_15min", told, { qos: 1, retain: true });
    await provider.http.addSource({
      kind: "nrel-pv",
      from: { way: "file", address: fileOf("serf_west_15min") },
      topic: "pv",
    });
    const { columns, rows } = recording("serf_west_15min");
    await until("all rows arrived", async () => {
      const [first] = await consumer.http.indicators();
      return first?.messages === rows.length + 1;
    });
    const [source] = await provider.http.sources();
    assert.deepEqual([source?.messages, source?.faults], [rows.length, {}]);

    const filter = "from/provider/pv/pv/systems/#";
    const table = readCsv((await csvOf(filter)).toString("utf8"), ",");
    const [head, ...lines] = table.map(({ cells }) => cells);
    assert.deepEqual(head, ["measured_on", ...columns, "system"]);
    assert.equal(lines.length, rows.length);
    for (const [index, { at, cells }] of rows.entries()) {
      const [time, ...out] = lines[index]!;
      assert.equal(Date.parse(time!.replace(" ", "T")), at);
      assert.equal(out.pop(), "serf_west_15min");
      assert.deepEqual(out.map(Number), cells.map(Number));
    }
    await figuresAreRight(columns, rows);
  },
);

async function figuresAreRight(
  columns: readonly string[],
  rows: ReturnType<typeof recording>["rows"],
): Promise<void> {
  const { http } = nodes.consumer;
  const [power, poa] = ["ac_power__773", "poa_irradiance__771"].map((one) => columns.indexOf(one));
  const readings: OracleRow[] = rows.map(({ at, cells }) => ({
    ...{ at, watts: Number(cells[power!]), poa: Number(cells[poa!]) },
  }));
  const [forecast] = await http.figures("pv-forecast");
  const said = forecast!["forecasts"] as Record<string, number>[];
  assert.equal(said.length, 3);
  for (const one of said) {
    const expected = pvBacktest(readings, plant, one["hours"]! * hourMs);
    assert.equal(one["forecastsDue"], expected.due);
    assert.ok(near(one["persistence"], expected.persistence, 1e-3), `${one["hours"]} h`);
    // the oracle's sun is another, to a hundredth of a degree or two
    assert.ok(near(one["error"], expected.error, 0.01), `${one["error"]}, ${expected.error}`);
    assert.ok(Math.abs(one["power"]! - expected.power!) < 10, `${one["hours"]} h`);
  }
  const [oneHour, , oneDay] = said;
  assert.ok(oneHour!["error"]! < oneHour!["persistence"]!);
  assert.ok(oneDay!["power"]! >= 0);

  const [performance] = await http.figures("pv-performance");
  const days = performance!["days"] as Record<string, number | string>[];
  assert.deepEqual(
    days.map(({ date }) => date),
    // the last day ends with the file: it is not known to be whole
    ["2022-01-02", "2022-01-03", "2022-01-04", "2022-01-05"],
  );
  const solarDay = (at: number): string =>
    new Date(at + (plant.longitude / 15) * hourMs).toISOString().slice(0, 10);
  for (const { date, performanceRatio, clearSkyRatio, insolationWhPerM2 } of days) {
    const [, ...then] = readings.filter(({ at }) => solarDay(at) === date);
    const energy = mean(then.map(({ watts }) => Math.max(0, watts)));
    const light = mean(then.map((one) => Math.max(0, one.poa!)));
    const clear = mean(then.map(({ at }) => clearSkyOnPanels(at, plant)));
    assert.ok(near(performanceRatio, energy / ((nominalPower * light) / 1000), 1e-3), `${date}`);
    assert.ok(near(clearSkyRatio, energy / ((nominalPower * clear) / 1000), 5e-3), `${date}`);
    assert.ok(near(insolationWhPerM2, (light * then.length) / 4, 1e-3), `${date}`);
  }
  assert.equal(performance!.value, days.at(-1)!["performanceRatio"]);
  const value = performance!.value ?? NaN;
  assert.ok(value > 0.4 && value < 1.1, `${value} is no performance ratio`);
}

const others: readonly string[] = [
  "serf_east_15min_ac_power",
  "serf_east_1min_ac_power",
  "nrel_1axis_tracker_mesa_ac_power",
  "nrel_RSF_II",
  "rmis_weather_data",
  "irradiance_RMIS_NREL",
];

for (const name of others) {
  test(
    `energy - ${name} is read: every row in which something was measured`,
    { skip },
    async () => {
      const { http } = nodes.provider;
      const id = name.toLowerCase().replaceAll("_", "-");
      const from = { way: "file", address: fileOf(name) } as const;
      await http.addSource({ id, kind: "nrel-pv", from, topic: `all/${id}` });
      const state = async () => (await http.sources()).find((one) => one.id === id)!;
      await until(
        "it is read",
        async () => (await state()).reads > 0 || (await state()).failures > 0,
      );
      const [head, ...lines] = readCsv(readFileSync(fileOf(name), "utf8"), ",");
      const isMeasured = head!.cells.map((column, at) => at > 0 && !column.startsWith("pvlib_"));
      const rows = lines.filter(({ cells }) =>
        cells.some((cell, at) => isMeasured[at] && cell !== ""),
      );
      // an anemometer that turns backwards
      const wind = head!.cells.indexOf("Wind Speed");
      const odd = rows.filter(({ cells }) => wind > 0 && Number(cells[wind]) < 0);
      await until("all is published", async () => (await state()).messages === rows.length);
      assert.deepEqual((await state()).faults, odd.length === 0 ? {} : { value: odd.length });
      assert.ok(rows.length > 400);
    },
  );
}

async function csvOf(filter: string): Promise<Buffer> {
  const { node, token } = nodes.consumer;
  const url = new URL("/sectors/energy/pvdaq-csv", node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(response.headers.get("content-type"), "text/csv; charset=utf-8");
  return Buffer.from(await response.arrayBuffer());
}

function near(value: unknown, expected: number, share: number): boolean {
  return typeof value === "number" && Math.abs(value - expected) <= Math.abs(expected) * share;
}
