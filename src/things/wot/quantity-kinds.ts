import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { ucumUnit, type Unit } from "../../wire/units/unit.ts";
import { listOf } from "./td-rules.ts";

/** What can be measured, and what no measurement of it can be. */
export interface QuantityKind {
  /** For people: `relative humidity`. */
  readonly title: string;
  /** Of its IRIs, what comes last: in small letters, without what is no letter or digit. */
  readonly names: readonly string[];
  /** UCUM units it is told in, one a dimension, with the least and the most that can be. */
  readonly measures: readonly Measure[];
}

export interface Measure {
  readonly unit: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Parts of a whole. */
const share = { minimum: 0, maximum: 1 };
const hundred = { minimum: 0, maximum: 100 };
/** Of what there can be none of, and never less. */
const positive = { minimum: 0 };
/** m/s, by the SI's definition of the metre. */
const lightSpeed = 299_792_458;

const concentration: readonly Measure[] = [
  { unit: "g/m3", ...positive },
  { unit: "mol/m3", ...positive },
  { unit: "1", ...share },
];

/**
 * Local names that QUDT, SAREF, OM, the W3C's iot-schema and SOSA's users have, in small letters;
 * the first is the kind's title once it is spaced. Bounds are physics', or of what is alive; a
 * device's own are its Description's `minimum` and `maximum`.
 */
const table: readonly (readonly [names: string, ...measures: Measure[]])[] = [
  // 0 K, below which nothing is (third law of thermodynamics)
  [
    "temperature air_temperature ambient_temperature water_temperature soil_temperature " +
      "body_temperature thermodynamic_temperature celsius_temperature",
    { unit: "Cel", minimum: -273.15 },
  ],
  // a gauge shows less than nothing where air is thinner than about it
  ["pressure gauge_pressure", { unit: "Pa" }],
  ["absolute_pressure atmospheric_pressure barometric_pressure", { unit: "Pa", ...positive }],
  // SAREF's and the market's humidity is relative; in g/m³ it is absolute
  ["relative_humidity", { unit: "%", ...hundred }],
  ["humidity absolute_humidity", { unit: "%", ...hundred }, { unit: "g/m3", ...positive }],
  // concentrated strong acids and bases in water stand within these
  ["ph acidity", { unit: "[pH]", minimum: -2, maximum: 16 }],
  [
    "concentration mass_concentration amount_of_substance_concentration particulate_matter pm25 " +
      "pm10 carbon_dioxide co2 co2_concentration",
    ...concentration,
  ],
  ["volume_fraction mass_fraction mole_fraction", { unit: "1", ...share }],
  ["soil_moisture volumetric_water_content", { unit: "1", ...share }],
  ["battery_level battery_percentage state_of_charge", { unit: "%", ...hundred }],
  ["oxygen_saturation spo2", { unit: "%", ...hundred }],
  // the fastest hearts of newborn and of atria that flutter, which no ventricle follows
  ["heart_rate heartbeat pulse_rate", { unit: "/min", minimum: 0, maximum: 400 }],
  ["respiratory_rate respiration_rate", { unit: "/min", minimum: 0, maximum: 200 }],
  // WGS 84
  ["latitude", { unit: "deg", minimum: -90, maximum: 90 }],
  ["longitude", { unit: "deg", minimum: -180, maximum: 180 }],
  // once around, either way
  [
    "direction wind_direction bearing heading azimuth",
    { unit: "deg", minimum: -360, maximum: 360 },
  ],
  ["angle plane_angle", { unit: "rad" }],
  // nothing is faster than light; what reverses is slower than nothing
  ["speed velocity linear_velocity", { unit: "m/s", minimum: -lightSpeed, maximum: lightSpeed }],
  ["wind_speed", { unit: "m/s", minimum: 0, maximum: lightSpeed }],
  ["acceleration linear_acceleration", { unit: "m/s2" }],
  ["rotational_speed rotational_frequency angular_velocity", { unit: "/s" }, { unit: "rad/s" }],
  ["length height altitude", { unit: "m" }],
  ["distance", { unit: "m", ...positive }],
  ["area", { unit: "m2", ...positive }],
  ["volume", { unit: "m3", ...positive }],
  ["mass", { unit: "kg", ...positive }],
  // said of a mass by people, of a force by physicists
  ["weight", { unit: "kg", ...positive }, { unit: "N" }],
  ["density mass_density", { unit: "kg/m3", ...positive }],
  // a flow may turn
  ["volume_flow_rate flow_rate", { unit: "m3/s" }],
  ["mass_flow_rate", { unit: "kg/s" }],
  ["precipitation rainfall", { unit: "m", ...positive }, { unit: "m/s", ...positive }],
  ["duration time", { unit: "s", ...positive }],
  ["frequency", { unit: "Hz", ...positive }],
  ["force", { unit: "N" }],
  ["energy electric_energy active_energy", { unit: "J" }],
  // whoever feeds in takes less than nothing
  ["power active_power reactive_power electric_power", { unit: "W" }],
  ["apparent_power", { unit: "V.A", ...positive }],
  // a cosine
  ["power_factor", { unit: "1", minimum: -1, maximum: 1 }],
  ["voltage electric_potential electric_potential_difference", { unit: "V" }],
  ["electric_current current", { unit: "A" }],
  ["electric_charge charge", { unit: "C" }],
  ["resistance electric_resistance", { unit: "Ohm", ...positive }],
  ["conductivity electric_conductivity electrical_conductivity", { unit: "S/m", ...positive }],
  ["capacitance", { unit: "F", ...positive }],
  ["inductance", { unit: "H" }],
  ["illuminance light", { unit: "lx", ...positive }],
  ["luminous_flux", { unit: "lm", ...positive }],
  // a pyranometer that cools at night shows a little less than nothing (ISO 9060, zero offset)
  ["irradiance solar_irradiance solar_radiation", { unit: "W/m2", minimum: -20 }],
  // a level of a pressure, or bare decibels of who leaves the reference unsaid
  ["sound_pressure_level sound_level noise", { unit: "B[SPL]" }, { unit: "B" }],
  ["activity", { unit: "Bq", ...positive }],
  ["dose_rate dose_equivalent_rate", { unit: "Sv/s", ...positive }],
  ["magnetic_flux_density", { unit: "T" }],
  ["data_rate", { unit: "bit/s", ...positive }],
];

export const quantityKinds = table.map(([names, ...measures]): QuantityKind => {
  const [first = ""] = names.split(" ");
  const title = first === "ph" ? "pH" : first.replaceAll("_", " ");
  return { title, names: names.replaceAll("_", "").split(" "), measures };
});
const kindOfName: ReadonlyMap<string, QuantityKind> = new Map(
  quantityKinds.flatMap((kind) => kind.names.map((name) => [name, kind] as const)),
);

/** Units of SenML's that say what they measure as well, and UCUM's that do. */
const nameOfUnit: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ "%RH": "relativehumidity", "%EL": "batterylevel", "beat/min": "heartrate" },
    ...{ lat: "latitude", lon: "longitude", pH: "ph", "[pH]": "ph" },
  }),
);

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
  return kindOfName.get(nameOfUnit.get(String(schema["unit"])) ?? "");
}

/** `saref:Temperature`, `iot:TemperatureData`, `http://qudt.org/vocab/quantitykind/Temperature`. */
function kindByName(iri: string): QuantityKind | undefined {
  const [local = ""] = /[^/#:]*$/.exec(iri) ?? [];
  const word = local.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return (
    kindOfName.get(word) ??
    kindOfName.get(word.replace(/(?:data|property|measurement|value|sensor)$/, ""))
  );
}

/** The measure of a kind that is told in units of this dimension; undefined: it is not told so. */
export function measureIn(kind: QuantityKind, unit: Unit): Measure | undefined {
  return kind.measures.find(({ unit: code }) => ucumUnit(code)?.dimension === unit.dimension);
}

/** What is told in units of this dimension, for people. */
export function titlesIn(unit: Unit): string[] {
  return quantityKinds.flatMap((kind) => (measureIn(kind, unit) ? [kind.title] : []));
}
