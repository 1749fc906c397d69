import type { SolarConfig } from "../config.ts";
import { solarHour } from "../sim-clock.ts";
import { dispatch, stepGrid } from "../simulators/grid.ts";
import { planeOfArray, pvOutput } from "../simulators/pv.ts";
import { airTemperature, irradiance, stepSky } from "../simulators/sky.ts";
import type { Sky } from "../simulators/sky.ts";
import { sunPosition } from "../simulators/sun.ts";
import { round, sinceLast, stamper } from "./device.ts";
import type { Device, Surroundings } from "./device.ts";

type PlantConfig = SolarConfig["plants"][number];

/** Solar plants, each under its own sky, and the control room that dispatches the rest. */
export function solarGridDevices(config: SolarConfig, around: Surroundings): Device[] {
  const output = new Map<string, number>();
  const plants = config.plants.map((plant) => plantDevice(plant, config, around, output));
  return [...plants, controlRoom(config, around, output)];
}

function plantDevice(
  plant: PlantConfig,
  config: SolarConfig,
  around: Surroundings,
  output: Map<string, number>,
): Device {
  const random = around.random(plant.name);
  const elapsed = sinceLast(around.sun, 3600);
  const stamp = stamper(around.clock, around.sun);
  const { lat, lon } = plant.place;
  let sky: Sky = { cover: config.cloudCover, mood: 0 };
  return {
    name: plant.name,
    title: plant.title,
    kind: "solar plant",
    place: plant.place,
    publish: [`plant/${plant.name}/#`],
    everyMs: 500,
    tick() {
      const at = around.sun.now();
      sky = stepSky(sky, elapsed(), config.cloudCover, random);
      const sun = sunPosition(at, lat, lon);
      const light = irradiance(sun, sky);
      const air = airTemperature(solarHour(at, lon), 17, 16);
      const made = pvOutput(plant, planeOfArray(plant, sun, light), air);
      output.set(plant.name, made.powerMw);
      const data = {
        ...stamp(),
        plant: plant.name,
        powerMw: round(made.powerMw),
        irradiance: round(light.global, 0),
        sunAltitude: round(sun.altitude, 1),
        cloudCover: round(sky.cover),
        airTemperature: round(air, 1),
        cellTemperature: round(made.cellTemperature, 1),
      };
      return [{ topic: `plant/${plant.name}/power`, data }];
    },
  };
}

function controlRoom(
  config: SolarConfig,
  around: Surroundings,
  output: ReadonlyMap<string, number>,
): Device {
  const random = around.random("control-room");
  const elapsed = sinceLast(around.sun, 3600);
  const solarStamp = stamper(around.clock, around.sun);
  const carbonStamp = stamper(around.clock, around.sun);
  const [first] = config.plants as [PlantConfig];
  let state = { windMood: 0, loadMood: 0 };
  return {
    name: "control-room",
    title: "Control room",
    kind: "control room",
    place: { lat: -23.65, lon: -70.4, name: "Antofagasta" },
    publish: ["grid/#"],
    everyMs: 250,
    tick() {
      state = stepGrid(state, elapsed(), random);
      const available = [...output.values()].reduce((sum, mw) => sum + mw, 0);
      const hour = solarHour(around.sun.now(), first.place.lon);
      const now = dispatch(config.system, state, hour, available);
      const solar = {
        ...solarStamp(),
        solarMw: round(now.solarMw, 1),
        loadMw: round(now.loadMw, 1),
        solarShare: round(now.solarShare, 4),
        curtailedMw: round(now.curtailedMw, 1),
      };
      const carbon = {
        ...carbonStamp(),
        carbonIntensity: round(now.carbonIntensity, 1),
        solarMw: solar.solarMw,
        windMw: round(now.windMw, 1),
        hydroMw: round(now.hydroMw, 1),
        gasMw: round(now.gasMw, 1),
        coalMw: round(now.coalMw, 1),
      };
      return [
        { topic: "grid/solar", data: solar },
        { topic: "grid/carbon", data: carbon },
      ];
    },
  };
}
