import type { FarmConfig } from "../config.ts";
import { solarHour } from "../sim-clock.ts";
import { referenceOfHour } from "../simulators/evapotranspiration.ts";
import { airTemperature, clearSky, irradiance, solarConstant, stepSky } from "../simulators/sky.ts";
import type { Sky } from "../simulators/sky.ts";
import { startSoil, stepSoil, waterContent } from "../simulators/soil.ts";
import { sunPosition } from "../simulators/sun.ts";
import { observer, round, sinceLast } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";

type ParcelConfig = FarmConfig["parcels"][number];

/** What the farm's devices know of one another: the weather's thirst and whether water runs. */
interface Field {
  /** ET0 now, mm an hour. */
  et0: number;
  pumping: boolean;
}

/** A weather station, a LoRaWAN probe in every parcel, and the irrigation pumps. */
export function farmDevices(config: FarmConfig, around: Surroundings): Device[] {
  const field: Field = { et0: 0, pumping: false };
  return [
    weatherStation(config, around, field),
    ...config.parcels.map((parcel, index) => probe(parcel, index, config, around, field)),
    pumps(config, around, field),
  ];
}

const hourMs = 3_600_000;

/** Tells WeatherObserved; what it recorded before it was connected comes first. */
function weatherStation(config: FarmConfig, around: Surroundings, field: Field): Device {
  const random = around.random("weather");
  const elapsed = sinceLast(around.sun, 3600);
  const observed = observer(around.clock, around.sun);
  const { place } = config.parcels[0] as ParcelConfig;
  const location = { type: "Point", coordinates: [place.lon, place.lat, config.altitude] };
  let sky: Sky = { cover: config.cloudCover, mood: 0 };
  let isConnected = false;

  function reading(at: number, seconds: number): Emission {
    sky = stepSky(sky, seconds, config.cloudCover, random);
    const sun = sunPosition(at, place.lat, place.lon);
    const light = irradiance(sun, sky);
    const hour = solarHour(at, place.lon);
    const t = airTemperature(hour, config.temperature.mean, config.temperature.swing);
    // Moist air warms and cools through the day, so that relative humidity runs against it.
    const rh = Math.min(98, Math.max(25, 68 - 3.1 * (t - config.temperature.mean)));
    const wind = 1.2 + 1.4 * Math.max(0, Math.sin(((hour - 8) * Math.PI) / 12));
    const height = Math.sin((sun.altitude * Math.PI) / 180);
    const outside = clearSky(sun) === 0 ? 0 : solarConstant * sun.distance * height;
    const mega = 3600 / 1e6; // W/m² to MJ/m² and hour
    const air = { t, rh, wind, solar: light.global * mega, extraterrestrial: outside * mega };
    field.et0 = Math.max(0, referenceOfHour(air, config.altitude));
    const data = {
      ...observed("WeatherObserved", "weather"),
      dateObserved: new Date(at).toISOString(),
      location,
      temperature: round(t, 1),
      relativeHumidity: round(rh / 100, 2),
      windSpeed: round(wind, 1),
      solarRadiation: round(light.global, 0),
    };
    return { topic: "weather/now", data };
  }

  return {
    name: "weather",
    title: "Weather station",
    kind: "weather station",
    place,
    publish: ["weather/#"],
    everyMs: 1000,
    tick() {
      const now = around.sun.now();
      // of yesterday as a whole, so that today begins with an advice
      const hours = isConnected ? 0 : Math.floor(24 + solarHour(now, place.lon));
      isConnected = true;
      const recorded = Array.from({ length: hours }, (_, index) =>
        reading(now - (hours - index) * hourMs, 3600),
      );
      return [...recorded, reading(now, elapsed())];
    },
  };
}

/** How often a parcel's description is told again, in uplinks. */
const describedEvery = 60;

/** Its uplinks come as its network server, ChirpStack, publishes them. */
function probe(
  config: ParcelConfig,
  index: number,
  farm: FarmConfig,
  around: Surroundings,
  field: Field,
): Device {
  const elapsed = sinceLast(around.sun, 3600);
  const { depletionFraction, ...told } = farm.soil;
  const parcel = { ...farm.soil, hectares: config.hectares };
  const { lat, lon } = config.place;
  const devEui = `a84041${String(index + 1).padStart(10, "0")}`;
  const uplinks = `application/mwea/device/${devEui}/event`;
  const deviceInfo = {
    ...{ applicationName: "mwea", deviceName: config.name, devEui },
    tags: { lat: String(lat), lon: String(lon) },
  };
  const description: Emission = {
    topic: `parcels/${config.name}`,
    retain: true,
    data: {
      type: "AgriParcel",
      id: `urn:ngsi-ld:AgriParcel:${config.name}`,
      location: { type: "Point", coordinates: [lon, lat] },
      hasDevices: [`urn:ngsi-ld:Device:${devEui}`],
      soil: { ...told, depletionShare: depletionFraction },
    },
  };
  let soil = startSoil(config.depletion);
  let frame = 0;
  return {
    name: config.name,
    title: config.title,
    kind: "soil probe",
    place: config.place,
    publish: [`${uplinks}/#`, description.topic],
    everyMs: 1000,
    tick() {
      const hours = elapsed() / 3600;
      const irrigation = field.pumping ? farm.irrigation.millimetresPerHour * hours : 0;
      soil = stepSoil(soil, parcel, field.et0 * hours, 0, irrigation);
      const uplink: Emission = {
        topic: `${uplinks}/up`,
        becomes: [`soil/${config.name}`],
        data: {
          time: new Date(around.sun.now()).toISOString(),
          ...{ deviceInfo, fCnt: frame, fPort: 2 },
          object: { soilMoisture: round(100 * waterContent(soil, parcel), 2) },
        },
      };
      return frame++ % describedEvery === 0 ? [description, uplink] : [uplink];
    },
  };
}

const LEAD_SECONDS = 1800;

/** The meter of the pumps, with what is planned. */
function pumps(config: FarmConfig, around: Surroundings, field: Field): Device {
  const observed = observer(around.clock, around.sun);
  const { pumpKw } = config.irrigation;
  return {
    name: "pumps",
    title: "Irrigation pumps",
    kind: "pump station",
    place: { lat: -0.69, lon: 37.35, name: "Mwea" },
    publish: ["pumps/#"],
    everyMs: 250,
    tick() {
      const watts = field.pumping ? pumpKw * 1000 : 0;
      const data = {
        ...observed("ThreePhaseAcMeasurement", "pumps"),
        totalActivePower: watts,
        // Pumps that run keep running and pumps that wait keep waiting: the desk moves seldom.
        ...{ plannedActivePower: watts, leadSeconds: LEAD_SECONDS },
      };
      return [{ topic: "pumps/plan", data }];
    },
    obeys: {
      filter: "desk/pumps",
      command: ({ run }) => {
        if (typeof run === "boolean") field.pumping = run;
      },
    },
  };
}
