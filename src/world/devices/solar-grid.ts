import type { SolarConfig } from "../config.ts";
import { solarHour } from "../sim-clock.ts";
import { dispatch, stepGrid } from "../simulators/grid.ts";
import { planeOfArray, pvOutput } from "../simulators/pv.ts";
import { airTemperature, irradiance, stepSky } from "../simulators/sky.ts";
import type { Sky } from "../simulators/sky.ts";
import { sunPosition } from "../simulators/sun.ts";
import { observer, round, sinceLast, stamper } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";

type PlantConfig = SolarConfig["plants"][number];

/** Solar plants, each under its own sky, and the control room that dispatches the rest. */
export function solarGridDevices(config: SolarConfig, around: Surroundings): Device[] {
  const output = new Map<string, number>();
  const plants = config.plants.map((plant) => plantDevice(plant, config, around, output));
  return [...plants, controlRoom(config, around, output)];
}

/** How often a plant's description is told again, in measurements. */
const describedEvery = 60;

/** Tells PhotovoltaicMeasurements, and retained as PhotovoltaicDevice how it looks at the sun. */
function plantDevice(
  plant: PlantConfig,
  config: SolarConfig,
  around: Surroundings,
  output: Map<string, number>,
): Device {
  const random = around.random(plant.name);
  const elapsed = sinceLast(around.sun, 3600);
  const observed = observer(around.clock, around.sun);
  const { lat, lon } = plant.place;
  const description: Emission = {
    topic: `plant/${plant.name}/device`,
    retain: true,
    data: {
      ...{ type: "PhotovoltaicDevice", id: plant.name, NominalPower: plant.peakMw * 1e6 },
      location: { type: "Point", coordinates: [lon, lat] },
      mounting: { tilt: plant.tilt, azimuth: plant.facing },
    },
  };
  let readings = 0;
  let sky: Sky = { cover: config.cloudCover, mood: 0 };
  return {
    name: plant.name,
    title: plant.title,
    kind: "solar plant",
    place: plant.place,
    publish: [`plant/${plant.name}/#`],
    everyMs: 1000,
    tick() {
      const at = around.sun.now();
      sky = stepSky(sky, elapsed(), config.cloudCover, random);
      const sun = sunPosition(at, lat, lon);
      const light = irradiance(sun, sky);
      const air = airTemperature(solarHour(at, lon), 17, 16);
      const onPanels = planeOfArray(plant, sun, light);
      const made = pvOutput(plant, onPanels, air);
      output.set(plant.name, made.powerMw);
      const data = {
        ...observed("PhotovoltaicMeasurement", plant.name),
        refPhotovoltaicDevice: plant.name,
        activePower: round(made.powerMw * 1000, 0),
        temperature: round(made.cellTemperature, 1),
        planeOfArrayIrradiance: round(onPanels, 0),
      };
      const power = { topic: `plant/${plant.name}/power`, data };
      return readings++ % describedEvery === 0 ? [description, power] : [power];
    },
  };
}

/** The load is told with every fourth mix of sources. */
const loadEvery = 4;

function controlRoom(
  config: SolarConfig,
  around: Surroundings,
  output: ReadonlyMap<string, number>,
): Device {
  const random = around.random("control-room");
  const elapsed = sinceLast(around.sun, 3600);
  const metered = observer(around.clock, around.sun);
  const carbonStamp = stamper(around.clock, around.sun);
  const [first] = config.plants as [PlantConfig];
  let state = { windMood: 0, loadMood: 0 };
  let ticks = 0;
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
      const carbon = {
        ...carbonStamp(),
        carbonIntensity: round(now.carbonIntensity, 1),
        solarMw: round(now.solarMw, 1),
        windMw: round(now.windMw, 1),
        hydroMw: round(now.hydroMw, 1),
        gasMw: round(now.gasMw, 1),
        coalMw: round(now.coalMw, 1),
      };
      const mix = { topic: "grid/carbon", data: carbon };
      if (ticks++ % loadEvery !== 0) return [mix];
      const load = {
        ...metered("ThreePhaseAcMeasurement", "grid"),
        totalActivePower: round(now.loadMw * 1e6, 0),
      };
      return [{ topic: "grid/load", data: load }, mix];
    },
  };
}
