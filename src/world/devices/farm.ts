import type { FarmConfig } from "../config.ts";
import { solarHour } from "../sim-clock.ts";
import { referenceOfHour } from "../simulators/evapotranspiration.ts";
import { airTemperature, clearSky, irradiance, solarConstant, stepSky } from "../simulators/sky.ts";
import type { Sky } from "../simulators/sky.ts";
import { readilyAvailable, startSoil, stepSoil, waterContent } from "../simulators/soil.ts";
import { sunPosition } from "../simulators/sun.ts";
import { round, sinceLast, stamper } from "./device.ts";
import type { Device, Surroundings } from "./device.ts";

type ParcelConfig = FarmConfig["parcels"][number];

/** What the farm's devices know of one another: the weather's thirst and whether water runs. */
interface Field {
  /** ET0 now, mm an hour. */
  et0: number;
  /** mm an hour the parcels' crops need to be given back. */
  readonly need: Map<string, number>;
  pumping: boolean;
}

/** A weather station, a probe in every parcel, and the irrigation pumps. */
export function farmDevices(config: FarmConfig, around: Surroundings): Device[] {
  const field: Field = { et0: 0, need: new Map(), pumping: false };
  return [
    weatherStation(config, around, field),
    ...config.parcels.map((parcel) => probe(parcel, config, around, field)),
    pumps(config, around, field),
  ];
}

function weatherStation(config: FarmConfig, around: Surroundings, field: Field): Device {
  const random = around.random("weather");
  const elapsed = sinceLast(around.sun, 3600);
  const stamp = stamper(around.clock, around.sun);
  const { place } = config.parcels[0] as ParcelConfig;
  let sky: Sky = { cover: config.cloudCover, mood: 0 };
  return {
    name: "weather",
    title: "Weather station",
    kind: "weather station",
    place,
    publish: ["weather/#"],
    everyMs: 500,
    tick() {
      const at = around.sun.now();
      sky = stepSky(sky, elapsed(), config.cloudCover, random);
      const sun = sunPosition(at, place.lat, place.lon);
      const light = irradiance(sun, sky);
      const hour = solarHour(at, place.lon);
      const t = airTemperature(hour, config.temperature.mean, config.temperature.swing);
      // Moist air warms and cools through the day, so that relative humidity runs against it.
      const rh = Math.min(98, Math.max(25, 68 - 3.1 * (t - config.temperature.mean)));
      const wind = 1.2 + 1.4 * Math.max(0, Math.sin(((hour - 8) * Math.PI) / 12));
      const outside =
        clearSky(sun) === 0
          ? 0
          : solarConstant * sun.distance * Math.sin((sun.altitude * Math.PI) / 180);
      const mega = 3600 / 1e6; // W/m² to MJ/m² and hour
      const weather = {
        t,
        rh,
        wind,
        solar: light.global * mega,
        extraterrestrial: outside * mega,
      };
      field.et0 = Math.max(0, referenceOfHour(weather, config.altitude));
      const data = {
        ...stamp(),
        airTemperature: round(t, 1),
        humidity: round(rh, 0),
        wind: round(wind, 1),
        irradiance: round(light.global, 0),
        et0: round(field.et0, 3),
      };
      return [{ topic: "weather/now", data }];
    },
  };
}

function probe(config: ParcelConfig, farm: FarmConfig, around: Surroundings, field: Field): Device {
  const elapsed = sinceLast(around.sun, 3600);
  const stamp = stamper(around.clock, around.sun);
  const parcel = { ...farm.soil, hectares: config.hectares };
  let soil = startSoil(config.depletion);
  return {
    name: config.name,
    title: config.title,
    kind: "soil probe",
    place: config.place,
    publish: [`parcel/${config.name}/#`],
    everyMs: 500,
    tick() {
      const hours = elapsed() / 3600;
      const irrigation = field.pumping ? farm.irrigation.millimetresPerHour * hours : 0;
      soil = stepSoil(soil, parcel, field.et0 * hours, 0, irrigation);
      // What the crop drinks now, and a tenth of what is missing, spread over the day.
      const need = field.et0 * parcel.cropCoefficient + soil.depletion / 240;
      field.need.set(config.name, need);
      const data = {
        ...stamp(),
        parcel: config.name,
        waterContent: round(waterContent(soil, parcel), 4),
        depletion: round(soil.depletion),
        readilyAvailable: round(readilyAvailable(parcel)),
        evaporated: round(soil.evaporated),
      };
      return [{ topic: `parcel/${config.name}/soil`, data }];
    },
  };
}

const LEAD_SECONDS = 1800;

function pumps(config: FarmConfig, around: Surroundings, field: Field): Device {
  const needStamp = stamper(around.clock, around.sun);
  const planStamp = stamper(around.clock, around.sun);
  const { pumpKw, millimetresPerHour } = config.irrigation;
  return {
    name: "pumps",
    title: "Irrigation pumps",
    kind: "pump station",
    place: { lat: -0.69, lon: 37.35, name: "Mwea" },
    publish: ["pumps/#", "irrigation/#"],
    everyMs: 250,
    tick() {
      const needs = [...field.need.values()];
      const mean = needs.reduce((sum, mm) => sum + mm, 0) / Math.max(1, needs.length);
      const need = {
        ...needStamp(),
        millimetresPerHour: round(mean, 3),
        neededKw: round((mean / millimetresPerHour) * pumpKw),
      };
      const kw = field.pumping ? pumpKw : 0;
      // Pumps that run keep running and pumps that wait keep waiting: the desk moves seldom.
      const plan = { ...planStamp(), kw, plannedKw: kw, leadSeconds: LEAD_SECONDS };
      return [
        { topic: "irrigation/need", data: need },
        { topic: "pumps/plan", data: plan },
      ];
    },
    obeys: {
      filter: "desk/pumps",
      command: ({ run }) => {
        if (typeof run === "boolean") field.pumping = run;
      },
    },
  };
}
