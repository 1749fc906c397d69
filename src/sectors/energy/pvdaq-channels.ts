/** Names that channels have in PVDAQ, and what they are in the models' words and units. */

/** Channel → value, as it was recorded. */
export type Channels = Readonly<Record<string, number>>;

/** Members of PhotovoltaicMeasurement and WeatherObserved that a channel may be. */
export type Quantity =
  | "activePower"
  | "current"
  | "temperature"
  | "planeOfArrayIrradiance"
  | "relativeHumidity"
  | "solarRadiation"
  | "windSpeed";

interface Meaning {
  /** Of a plant, of the weather, or of either. */
  readonly of: "plant" | "weather" | "both";
  readonly member: Quantity;
  /** The model's unit is so many of the channel's. */
  readonly per: number;
  /** What lies beyond is no measurement, in the channel's unit. */
  readonly limits: readonly [number, number];
}

const irradianceLimits = [-20, 1800] as const;
const powerWatts: Meaning = {
  ...{ of: "plant", member: "activePower", per: 1000, limits: [-1e9, 1e9] },
};
const onPanels: Meaning = {
  ...{ of: "both", member: "planeOfArrayIrradiance", per: 1, limits: irradianceLimits },
};
const onTheLevel: Meaning = {
  ...{ of: "weather", member: "solarRadiation", per: 1, limits: irradianceLimits },
};
const ofModules: Meaning = {
  ...{ of: "plant", member: "temperature", per: 1, limits: [-60, 150] },
};
const ofTheAir: Meaning = { of: "weather", member: "temperature", per: 1, limits: [-70, 70] };

/** By the name without the number that tells one sensor from another. The first one counts. */
const meanings: Readonly<Record<string, Meaning>> = {
  ac_power: powerWatts,
  ac_power_kw: { ...powerWatts, per: 1, limits: [-1e6, 1e6] },
  ac_current: { of: "plant", member: "current", per: 1, limits: [-1e5, 1e5] },
  module_temp: ofModules,
  module_temp_1: ofModules,
  poa_irradiance: onPanels,
  irradiance_poa: onPanels,
  plane_of_array: onPanels,
  irradiance_ghi: onTheLevel,
  global_horizontal: onTheLevel,
  ambient_temp: ofTheAir,
  ambient_temperature: ofTheAir,
  relative_humidity: { of: "weather", member: "relativeHumidity", per: 100, limits: [0, 110] },
  wind_speed: { of: "weather", member: "windSpeed", per: 1, limits: [0, 120] },
};

/** What a column is; undefined where no model has a word for it. */
export function meaningOf(channel: string): Meaning | undefined {
  const name = channel
    .toLowerCase()
    .replaceAll(" ", "_")
    .replace(/_+\d{3,}$/, "");
  return Object.hasOwn(meanings, name) ? meanings[name] : undefined;
}

/** Names for what came without any: PVDAQ's own, in its units. */
const names: Readonly<Record<string, Readonly<Partial<Record<Quantity, string>>>>> = {
  PhotovoltaicMeasurement: {
    activePower: "ac_power",
    current: "ac_current",
    temperature: "module_temp",
    planeOfArrayIrradiance: "poa_irradiance",
  },
  WeatherObserved: {
    temperature: "ambient_temp",
    planeOfArrayIrradiance: "poa_irradiance",
    solarRadiation: "irradiance_ghi",
    relativeHumidity: "relative_humidity",
    windSpeed: "wind_speed",
  },
};

/** A message's members as channels. */
export function channelsOf(type: string, message: Readonly<Record<string, unknown>>): Channels {
  const channels: Record<string, number> = {};
  for (const [member, channel] of Object.entries(names[type] ?? {})) {
    const value = message[member];
    if (typeof value !== "number") continue;
    channels[channel] = Number((value * meaningOf(channel)!.per).toPrecision(12));
  }
  return channels;
}

/** True where a message of this type stands in a table of PVDAQ. */
export function isTabled(type: unknown): type is string {
  return typeof type === "string" && Object.hasOwn(names, type);
}
