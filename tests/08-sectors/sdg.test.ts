/** What streams say of the Sustainable Development Goals, against figures computed here. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { absent, oracle, recorded } from "./transport-data.ts";

const minuteMs = 60_000;
const tracker = fileURLToPath(
  new URL(
    "../../../shared/data/energy/pv-nrel/nrel_1axis_tracker_mesa_ac_power.csv",
    import.meta.url,
  ),
);

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

type Said = readonly [topic: string, message: object];

/** Publishes all, and waits until the indicator has heard them; its one figure. */
async function told(kind: string, filters: string[], said: readonly Said[], settings = {}) {
  const { http } = nodes.provider;
  await http.addIndicator({ kind, filters, settings });
  const client = await nodes.mqtt("provider");
  for (const [topic, message] of said) await client.publish(topic, JSON.stringify(message));
  const heard = async () => (await http.indicators()).find(({ id }) => id === kind)!;
  await until("all came", async () => (await heard()).messages === said.length, 20_000);
  const figures = await http.figures(kind);
  const indicator = await heard();
  await http.removeIndicator(kind);
  return { figure: figures[0]!, indicator };
}

interface Reading {
  readonly at: number;
  readonly watts: number;
}

const pv = (id: string, { at, watts }: Reading): object => ({
  ...{ type: "PhotovoltaicMeasurement", id: `${id}:${at}`, refPhotovoltaicDevice: id },
  ...{ dateObserved: new Date(at).toISOString(), activePower: watts / 1000 },
});
const meter = (id: string, { at, watts }: Reading): object => ({
  ...{ type: "ThreePhaseAcMeasurement", id, totalActivePower: watts },
  dateObserved: new Date(at).toISOString(),
});

/** Minute by minute: the latest reading, if it is younger than a quarter of an hour. */
function powerAt(readings: readonly Reading[], at: number): number | undefined {
  const latest = readings.findLast((one) => one.at <= at);
  return latest === undefined || at - latest.at >= 15 * minuteMs ? undefined : latest.watts;
}

test(
  "SDG 7.2.1 - a recorded plant beside a building's load: the share used when it was given",
  { skip: existsSync(tracker) ? false : "no recorded data in ../shared/data/energy/pv-nrel" },
  async () => {
    const plant = readFileSync(tracker, "utf8")
      .trim()
      .split("\n")
      .slice(1, 97)
      .map((line) => {
        const [time = "", kilowatts = ""] = line.split(",");
        return { at: Date.parse(time), watts: Number(kilowatts) * 1000 };
      });
    const peak = Math.max(...plant.map(({ watts }) => watts));
    assert.ok(peak > 1000, "the day has sun");
    const from = plant[0]!.at;
    // a meter that is two minutes late, tells every five, and is silent from ten to eleven
    const load = Array.from({ length: 288 }, (_, index) => ({
      at: from + (5 * index + 2) * minuteMs,
      watts: peak * (0.3 + 0.2 * Math.sin(index / 20)),
    })).filter(({ at }) => at < from + 600 * minuteMs || at >= from + 660 * minuteMs);
    const said: (readonly [number, Said])[] = [
      ...plant.map((one) => [one.at, ["pv/roof", pv("roof", one)]] as const),
      ...load.map((one) => [one.at, ["load/building", meter("building", one)]] as const),
    ];
    said.sort(([a], [b]) => a - b);
    const messages = said.map(([, one]) => one);
    const { figure, indicator } = await told("renewable-share", ["pv/#", "load/#"], messages);

    const newest = said.at(-1)![0];
    const settled = said.findLast(([at]) => at <= newest - 5 * minuteMs)![0];
    let [used, renewable, known] = [0, 0, 0];
    for (let at = from; at < settled; at += minuteMs) {
      const [given, taken] = [powerAt(plant, at), powerAt(load, at)];
      if (given === undefined || taken === undefined) continue;
      used += taken / 60;
      renewable += Math.min(given, taken) / 60;
      known += 1;
    }
    const share = (100 * renewable) / used;
    assert.ok(share > 5 && share < 95, `${share} %`);
    assert.ok(Math.abs(figure.value! - share) < 1e-3, `${figure.value} and ${share}`);
    assert.ok(Math.abs(Number(figure["used"]) - used / 1000) < 1e-3 * (used / 1000));
    assert.equal(figure["to"], new Date(settled).toISOString());
    const minutes = (settled - from) / minuteMs;
    assert.ok(Math.abs(Number(figure["covered"]) - known / minutes) < 1e-3);
    assert.deepEqual(
      indicator.streams.map(({ filter, messages }) => [filter, messages]),
      [
        ["pv/#", plant.length],
        ["load/#", load.length],
      ],
    );
    assert.equal(indicator.goal?.number, "7.2.1");
  },
);

test("SDG 7.3.1 and 9.4.1 - energy for each piece, a counter put back, and the carbon behind it", async () => {
  const from = Date.UTC(2026, 4, 1);
  const said: Said[] = Array.from({ length: 13 }, (_, index) => {
    return ["plant/meter", meter("m", { at: from + index * 10 * minuteMs, watts: 6_000 })];
  });
  // 40 pieces, the counter begins anew at 2, 8 more
  const counts = [100, 120, 140, 2, 10].map((made) => ["plant/line", { work: { made } }] as const);
  const settings = { output: "work.made", outputUnit: "{piece}" };
  const intensity = await told("energy-intensity", ["plant/#"], [...said, ...counts], settings);
  // the last settled reading is that of 110 minutes
  const kilowattHours = (6 * 110) / 60;
  assert.ok(Math.abs(intensity.figure.value! - kilowattHours / 48) < 1e-5);
  assert.deepEqual(
    [intensity.figure.unit, intensity.figure["output"], intensity.figure["resets"]],
    ["kW.h/{piece}", 48, 1],
  );
  const told9 = { factor: "420", factorSource: "the grid's operator, mean of 2025" };
  const carbon = await told("emissions", ["plant/#"], said, told9);
  assert.ok(Math.abs(carbon.figure.value! - (kilowattHours * 420) / 1000) < 1e-4);
  assert.equal(carbon.figure["factorSource"], told9.factorSource);
  assert.deepEqual(carbon.indicator.settings, { ...told9, factor: 420 });
});

test("SDG 7.3.1 - readings out of order count in their place, later ones are faults, none is filled in", async () => {
  const from = Date.UTC(2026, 4, 2);
  const at = (minutes: number, watts: number): Said => [
    "site/m",
    meter("m", { at: from + minutes * minuteMs, watts }),
  ];
  // 4 comes before 3; a silence from 10 to 60 counts for its first quarter; 20 comes too late
  const said = [at(0, 600), at(4, 1200), at(3, 900), at(10, 600), at(60, 600), at(70, 0)];
  const settings = { factor: 1000, factorSource: "the test" };
  const late = [...said, at(20, 9_000)];
  const { figure, indicator } = await told("emissions", ["site/#"], late, settings);
  const wattMinutes = 600 * 3 + 900 * 1 + 1200 * 6 + 600 * 15;
  assert.ok(Math.abs(figure.value! - wattMinutes / 60 / 1000) < 1e-6, String(figure.value));
  assert.equal(figure["covered"], Number((25 / 60).toFixed(4)));
  assert.equal(indicator.faults["order"], 1);
});

test("SDG 6.4.1 - what a cubic metre is worth, by the meters' own counting", async () => {
  const said = [5_000, 5_400, 6_000].map((litres) => ["farm/water/1", { total: litres }] as const);
  const settings = { volume: "total", litres: 1, valuePerDay: 864_000, hectares: 2 };
  const { figure } = await told("water-use", ["farm/#"], said, settings);
  assert.deepEqual([figure["water"], figure["waterPerHectare"]], [1, 0.5]);
  const ms = Date.parse(String(figure["to"])) - Date.parse(String(figure["from"]));
  // ten dollars a second
  assert.ok(Math.abs(figure.value! - ms / 100) < 1e-3, `${figure.value} after ${ms} ms`);
});

test(
  "SDG 11.2.1 - who lives near a recorded city's running buses",
  { skip: absent("louisville-positions.pb") },
  async () => {
    const { entity } = oracle(recorded("louisville-positions.pb"));
    const seen = entity.flatMap(({ vehicle }) => (vehicle ? [vehicle] : []));
    const places: [lat: number, lon: number, people: number][] = [];
    for (let row = 0; row < 20; row++) {
      for (let column = 0; column < 20; column++) {
        places.push([38.1 + row * 0.01, -85.9 + column * 0.015, 100 + row * 20 + column]);
      }
    }
    const said = seen.map(({ position }, index) => {
      const { latitude, longitude } = position;
      const message = {
        ...{ type: "FleetVehicleStatus", id: `bus-${index}` },
        location: { type: "Point", coordinates: [longitude, latitude] },
        lastKnownPositionUpdatedAt: "2026-02-03T08:00:00Z",
      };
      return [`tarc/bus/${index}`, message] as const;
    });
    // the law of cosines, on the sphere of the mean radius
    const rad = Math.PI / 180;
    const near = places.filter(([lat, lon]) =>
      seen.some(({ position: { latitude, longitude } }) => {
        const cosine =
          Math.sin(lat * rad) * Math.sin(latitude * rad) +
          Math.cos(lat * rad) * Math.cos(latitude * rad) * Math.cos((longitude - lon) * rad);
        return 6_371_008.8 * Math.acos(Math.min(1, cosine)) <= 500;
      }),
    );
    const sum = (of: typeof places): number => of.reduce((all, [, , people]) => all + people, 0);
    const text = places.map((one) => one.join(",")).join("\n");
    const { figure } = await told("transit-access", ["tarc/#"], said, { places: text });
    assert.ok(near.length > 3 && near.length < places.length, `${near.length} places`);
    assert.deepEqual(
      [figure["places"], figure["people"], figure["peopleOfAll"]],
      [near.length, sum(near), sum(places)],
    );
    assert.ok(Math.abs(figure.value! - (100 * sum(near)) / sum(places)) < 0.01);
  },
);

test("SDG 11.2.1 - a bus of an hour ago serves nobody any more", async () => {
  const bus = (id: string, lon: number, time: string): Said => [
    `bus/${id}`,
    {
      ...{ type: "FleetVehicleStatus", id, lastKnownPositionUpdatedAt: time },
      location: { type: "Point", coordinates: [lon, 50] },
    },
  ];
  const said = [
    bus("a", 5, "2026-02-03T08:00:00Z"),
    bus("b", 6, "2026-02-03T09:00:01Z"),
    bus("nowhere", 500, "2026-02-03T09:00:01Z"),
    bus("tomorrow", 5, "2999-01-01T00:00:00Z"),
  ];
  const settings = { places: "50,5,300 50,6,100" };
  const { figure, indicator } = await told("transit-access", ["bus/#"], said, settings);
  assert.deepEqual([figure.value, figure["people"]], [25, 100]);
  assert.deepEqual(indicator.faults, { position: 1, clock: 1 });
});

test("SDG 11.6.2 - a mean over sensors of the means of their hours", async () => {
  const at = (sensor: string, minutes: number, pm25: number): Said => [
    `air/${sensor}`,
    {
      ...{ type: "AirQualityObserved", id: `urn:ngsi-ld:AirQualityObserved:${sensor}`, pm25 },
      dateObserved: new Date(Date.UTC(2026, 0, 1) + minutes * minuteMs).toISOString(),
      location: { type: "Point", coordinates: [5, 50] },
    },
  ];
  const said = [at("a", 5, 10), at("a", 50, 20), at("a", 65, 40), at("a", 125, 99)];
  said.push(at("b", 10, 5), at("b", 70, 1));
  const { figure } = await told("fine-particles", ["air/#"], said);
  // a: 15 and 40; b: 5; what is not over does not count
  assert.equal(figure.value, (27.5 + 5) / 2);
  assert.deepEqual([figure["sensors"], figure["hours"]], [2, 2]);
});

test("SDG - what an indicator is told is checked, and nothing is kept that cannot be", async () => {
  const { http } = nodes.provider;
  const wrong: readonly (readonly [string, Record<string, string | number>, RegExp])[] = [
    ["emissions", {}, /must be told "factor"/],
    ["emissions", { factor: "much", factorSource: "x" }, /"factor" is much/],
    ["emissions", { factor: 1e9, factorSource: "x" }, /0 to 2000 g\/kW\.h/],
    ["emissions", { factor: "", factorSource: "x" }, /no number/],
    ["emissions", { factor: 1, factorSource: "x", more: 1 }, /no setting "more"/],
    ["renewable-share", { constructor: 1 }, /no setting/],
    ["energy-intensity", { output: "a", outputUnit: "not a unit" }, /no unit of UCUM/],
    ["transit-access", { places: "91,0,5" }, /"91,0,5" is no place/],
    ["transit-access", { places: "1,2,3,4" }, /is no place/],
    ["transit-access", { places: "1,2,0" }, /is no place/],
    ["transit-access", { places: " " }, /has 0 places/],
    ["transit-access", { places: "1,2,3 ".repeat(1001) }, /has 1001 places/],
  ];
  for (const [kind, settings, message] of wrong) {
    await assert.rejects(http.addIndicator({ kind, filters: ["a/#"], settings }), { message });
  }
  assert.deepEqual(await http.indicators(), []);
});

test("comity sdg - lists the official ones, adds one, and shows what it says and does not say", async () => {
  const { node, token } = nodes.provider;
  let printed = "";
  const write = { write: (text: string) => ((printed += text), true) };
  const io = { stdout: write, stderr: write, env: {}, stdin: process.stdin } as never;
  const run = async (...args: string[]): Promise<string> => {
    printed = "";
    const status = await runCli(["--url", node.httpUrl, "--token", token, "sdg", ...args], io);
    return `${status} ${printed}`;
  };
  const list = await run();
  for (const number of ["6.4.1", "7.2.1", "7.3.1", "9.4.1", "11.2.1", "11.6.2"]) {
    assert.ok(list.includes(`\n${number}`), `${number} in ${list}`);
  }
  assert.ok(list.indexOf("\n9.4.1") < list.indexOf("\n11.2.1"));
  const factor = ["--set", "factor=420", "--set", "factorSource=the operator, 2025"];
  assert.match(
    await run("add", "9.4.1", "--filter", "meters/#", ...factor),
    /^0 emissions follows/,
  );
  const client = await nodes.mqtt("provider");
  for (const minutes of [0, 10, 20]) {
    const one = meter("m", { at: Date.UTC(2026, 4, 3) + minutes * minuteMs, watts: 6_000 });
    await client.publish("meters/m", JSON.stringify(one), { qos: 1 });
  }
  let shown = "";
  await until("it is shown", async () => {
    shown = await run("show", "9.4.1");
    return shown.includes("3 messages");
  });
  assert.match(shown, /^0 SDG 9\.4\.1 {2}CO2 emission per unit of value added \(kg\/\{USD\}\)\n/);
  assert.match(shown, /figure {7}0\.42 kg, Carbon dioxide/);
  assert.match(shown, /is not {7}divided by the value added/);
  assert.match(await run("add", "1.1.1", "--filter", "a/#"), /^1 .*no sector here contributes/s);
});
