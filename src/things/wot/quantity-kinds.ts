import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { ucumUnit, type Unit } from "../../wire/units/unit.ts";
import { listOf } from "./td-rules.ts";

/** What can be measured, and what no measurement of it can be. */
export interface QuantityKind {
  /** For people: `relative humidity`. */
  readonly title: string;
  /** UCUM units it is told in, one a dimension, with the least and the most that can be. */
  readonly measures: readonly Measure[];
}

export interface Measure {
  readonly unit: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

const share = { minimum: 0, maximum: 1 };
const hundred = { minimum: 0, maximum: 100 };
/** Of what there can be none of, and never less. */
const positive = { minimum: 0 };
/** m/s, by the SI's definition of the metre. */
const lightSpeed = 299_792_458;

const of = (title: string, ...measures: Measure[]): QuantityKind => ({ title, measures });
const concentration: readonly Measure[] = [
  { unit: "g/m3", ...positive },
  { unit: "mol/m3", ...positive },
  { unit: "1", ...share },
];

/**
 * By the local name that QUDT, SAREF, OM, the W3C's iot-schema and SOSA's users give it, in small
 * letters. Bounds are physics'; a device's own are its Description's `minimum` and `maximum`.
 */
const kinds: Readonly<Record<string, QuantityKind>> = {
  // 0 K, below which nothing is (third law of thermodynamics)
  temperature: of("temperature", { unit: "Cel", minimum: -273.15 }),
  pressure: of("pressure", { unit: "Pa" }),
  // a gauge may show less than nothing, an absolute pressure is a force
  absolutepressure: of("absolute pressure", { unit: "Pa", ...positive }),
  relativehumidity: of("relative humidity", { unit: "%", ...hundred }),
  humidity: of("humidity", { unit: "%", ...hundred }, { unit: "g/m3", ...positive }),
  // the strongest acids and bases in water, concentrated, stand within these
  ph: of("pH", { unit: "[pH]", minimum: -2, maximum: 16 }),
  concentration: of("concentration", ...concentration),
  volumefraction: of("share", { unit: "1", ...share }),
  batterylevel: of("battery level", { unit: "%", ...hundred }),
  oxygensaturation: of("oxygen saturation", { unit: "%", ...hundred }),
  // the atrioventricular node lets no more through than about 300 a minute, flutter 400
  heartrate: of("heart rate", { unit: "/min", minimum: 0, maximum: 400 }),
  respiratoryrate: of("respiratory rate", { unit: "/min", minimum: 0, maximum: 200 }),
  // WGS 84
  latitude: of("latitude", { unit: "deg", minimum: -90, maximum: 90 }),
  longitude: of("longitude", { unit: "deg", minimum: -180, maximum: 180 }),
  direction: of("direction", { unit: "deg", minimum: -360, maximum: 360 }),
  angle: of("angle", { unit: "rad" }),
  speed: of("speed", { unit: "m/s", minimum: -lightSpeed, maximum: lightSpeed }),
  windspeed: of("wind speed", { unit: "m/s", minimum: 0, maximum: lightSpeed }),
  acceleration: of("acceleration", { unit: "m/s2" }),
  rotationalspeed: of("rotational speed", { unit: "/s" }, { unit: "rad/s" }),
  length: of("length", { unit: "m" }),
  distance: of("distance", { unit: "m", ...positive }),
  area: of("area", { unit: "m2", ...positive }),
  volume: of("volume", { unit: "m3", ...positive }),
  mass: of("mass", { unit: "kg", ...positive }),
  weight: of("weight", { unit: "kg", ...positive }, { unit: "N" }),
  density: of("density", { unit: "kg/m3", ...positive }),
  volumeflowrate: of("volume flow rate", { unit: "m3/s" }),
  massflowrate: of("mass flow rate", { unit: "kg/s" }),
  precipitation: of("precipitation", { unit: "m", ...positive }, { unit: "m/s", ...positive }),
  soilmoisture: of("soil moisture", { unit: "1", ...share }),
  duration: of("duration", { unit: "s", ...positive }),
  frequency: of("frequency", { unit: "Hz", ...positive }),
  force: of("force", { unit: "N" }),
  energy: of("energy", { unit: "J" }),
  power: of("power", { unit: "W" }),
  apparentpower: of("apparent power", { unit: "V.A", ...positive }),
  powerfactor: of("power factor", { unit: "1", minimum: -1, maximum: 1 }),
  voltage: of("voltage", { unit: "V" }),
  current: of("electric current", { unit: "A" }),
  charge: of("electric charge", { unit: "C" }),
  resistance: of("resistance", { unit: "Ohm", ...positive }),
  conductivity: of("conductivity", { unit: "S/m", ...positive }),
  capacitance: of("capacitance", { unit: "F", ...positive }),
  inductance: of("inductance", { unit: "H" }),
  illuminance: of("illuminance", { unit: "lx", ...positive }),
  luminousflux: of("luminous flux", { unit: "lm", ...positive }),
  // a pyranometer that cools at night shows a little less than nothing (ISO 9060, zero offset)
  irradiance: of("irradiance", { unit: "W/m2", minimum: -20 }),
  soundpressurelevel: of("sound pressure level", { unit: "B[SPL]" }, { unit: "B" }),
  activity: of("activity", { unit: "Bq", ...positive }),
  doserate: of("dose rate", { unit: "Sv/s", ...positive }),
  magneticfluxdensity: of("magnetic flux density", { unit: "T" }),
  datarate: of("data rate", { unit: "bit/s", ...positive }),
};

/** Other names of the same, as vocabularies have them. */
const aliases: Readonly<Record<string, string>> = {
  ...{ airtemperature: "temperature", ambienttemperature: "temperature" },
  ...{ watertemperature: "temperature", soiltemperature: "temperature" },
  ...{ thermodynamictemperature: "temperature", celsiustemperature: "temperature" },
  ...{ bodytemperature: "temperature", acidity: "ph" },
  ...{ atmosphericpressure: "absolutepressure", barometricpressure: "absolutepressure" },
  ...{ massconcentration: "concentration", amountofsubstanceconcentration: "concentration" },
  ...{ particulatematter: "concentration", carbondioxide: "concentration", co2: "concentration" },
  ...{ pm25: "concentration", pm10: "concentration", co2concentration: "concentration" },
  ...{ stateofcharge: "batterylevel", batterypercentage: "batterylevel", spo2: "oxygensaturation" },
  ...{ heartbeat: "heartrate", pulserate: "heartrate", respirationrate: "respiratoryrate" },
  ...{
    winddirection: "direction",
    bearing: "direction",
    heading: "direction",
    azimuth: "direction",
  },
  ...{ planeangle: "angle", velocity: "speed", linearvelocity: "speed" },
  ...{ linearacceleration: "acceleration", rotationalfrequency: "rotationalspeed" },
  ...{ angularvelocity: "rotationalspeed", height: "length", altitude: "length" },
  ...{ massdensity: "density", flowrate: "volumeflowrate" },
  ...{ rainfall: "precipitation", volumetricwatercontent: "soilmoisture", time: "duration" },
  ...{ electricenergy: "energy", activeenergy: "energy", electricpower: "power" },
  ...{ activepower: "power", reactivepower: "power", electricpotential: "voltage" },
  ...{ electricpotentialdifference: "voltage", electriccurrent: "current" },
  ...{ electriccharge: "charge", electricresistance: "resistance" },
  ...{ electricconductivity: "conductivity", electricalconductivity: "conductivity" },
  ...{ light: "illuminance", solarirradiance: "irradiance" },
  ...{
    solarradiation: "irradiance",
    soundlevel: "soundpressurelevel",
    noise: "soundpressurelevel",
  },
  ...{ doseequivalentrate: "doserate" },
};

/** Units of SenML's that say what they measure as well. */
const kindsOfUnits: Readonly<Record<string, string>> = {
  ...{ "%RH": "relativehumidity", "%EL": "batterylevel", "beat/min": "heartrate" },
  ...{ lat: "latitude", lon: "longitude", pH: "ph", "[pH]": "ph" },
};

const types = ["@type", "qudt:hasQuantityKind", "hasQuantityKind", "sosa:observes"];
const more = ["saref:relatesToProperty", "ssn:forProperty", "om:hasPhenomenon"];

/** What a property measures, where its Description says it in words that are known. */
export function kindOf(schema: JsonObject): QuantityKind | undefined {
  for (const member of [...types, ...more]) {
    for (const one of listOf(schema[member])) {
      const iri = isObject(one) ? objectAt(one)["@id"] : one;
      const kind = typeof iri === "string" ? kindByName(iri) : undefined;
      if (kind !== undefined) return kind;
    }
  }
  const unit = schema["unit"];
  return typeof unit === "string" && Object.hasOwn(kindsOfUnits, unit)
    ? kinds[kindsOfUnits[unit] ?? ""]
    : undefined;
}

/** `saref:Temperature`, `iot:TemperatureData`, `http://qudt.org/vocab/quantitykind/Temperature`. */
function kindByName(iri: string): QuantityKind | undefined {
  const [local = ""] = /[^/#:]*$/.exec(iri) ?? [];
  const word = local.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  for (const name of [word, word.replace(/(?:data|property|measurement|value|sensor)$/, "")]) {
    if (Object.hasOwn(kinds, name)) return kinds[name];
    if (Object.hasOwn(aliases, name)) return kinds[aliases[name] ?? ""];
  }
  return undefined;
}

/** The measure of a kind that is told in units of this dimension; undefined: it is not told so. */
export function measureIn(kind: QuantityKind, unit: Unit): Measure | undefined {
  return kind.measures.find(({ unit: code }) => ucumUnit(code)?.dimension === unit.dimension);
}

/** What is told in units of this dimension, for people. */
export function titlesIn(unit: Unit): string[] {
  return Object.values(kinds).flatMap((kind) => (measureIn(kind, unit) ? [kind.title] : []));
}
