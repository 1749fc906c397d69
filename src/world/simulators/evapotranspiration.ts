/**
 * Reference evapotranspiration by FAO Irrigation and Drainage Paper 56 (Allen et al., 1998).
 * Radiation in MJ/m², temperature in °C, wind in m/s at 2 m, pressure in kPa.
 */
export interface DayWeather {
  readonly tMax: number;
  readonly tMin: number;
  readonly rhMax: number;
  readonly rhMin: number;
  readonly wind: number;
  /** Solar radiation that reaches the ground, MJ/m² and day. */
  readonly solar: number;
}

export interface HourWeather {
  readonly t: number;
  readonly rh: number;
  readonly wind: number;
  /** MJ/m² and hour. */
  readonly solar: number;
  /** The same outside the atmosphere. */
  readonly extraterrestrial: number;
}

/** Eq. 11: saturation vapour pressure, kPa. */
export function saturation(t: number): number {
  return 0.6108 * Math.exp((17.27 * t) / (t + 237.3));
}

/** Eq. 13: slope of the saturation curve, kPa/°C. */
export function slope(t: number): number {
  return (4098 * saturation(t)) / (t + 237.3) ** 2;
}

/** Eq. 7 and 8: psychrometric constant at a height above the sea in metres, kPa/°C. */
export function psychrometric(altitude: number): number {
  return 0.000665 * 101.3 * ((293 - 0.0065 * altitude) / 293) ** 5.26;
}

/** Eq. 47: wind measured at `height` metres, brought down to 2 m. */
export function windAt2m(wind: number, height: number): number {
  return (wind * 4.87) / Math.log(67.8 * height - 5.42);
}

interface DayLight {
  /** Eq. 21: extraterrestrial radiation, MJ/m² and day. */
  readonly extraterrestrial: number;
  /** Eq. 34: hours of daylight. */
  readonly hours: number;
}

export function dayLight(dayOfYear: number, lat: number): DayLight {
  const angle = (2 * Math.PI * dayOfYear) / 365;
  const distance = 1 + 0.033 * Math.cos(angle); // eq. 23
  const declination = 0.409 * Math.sin(angle - 1.39); // eq. 24
  const phi = (lat * Math.PI) / 180;
  const sunset = Math.acos(-Math.tan(phi) * Math.tan(declination)); // eq. 25
  const extraterrestrial =
    ((24 * 60) / Math.PI) *
    0.082 *
    distance *
    (sunset * Math.sin(phi) * Math.sin(declination) +
      Math.cos(phi) * Math.cos(declination) * Math.sin(sunset));
  return { extraterrestrial, hours: (24 / Math.PI) * sunset };
}

/** Eq. 35 (Ångström) with as = 0.25 and bs = 0.50: solar radiation from hours of sunshine. */
export function solarFromSunshine(sunshineHours: number, light: DayLight): number {
  return (0.25 + (0.5 * sunshineHours) / light.hours) * light.extraterrestrial;
}

/** Eq. 6: ET0 of a day in mm. */
export function referenceOfDay(
  weather: DayWeather,
  dayOfYear: number,
  lat: number,
  altitude: number,
): number {
  const t = (weather.tMax + weather.tMin) / 2;
  const es = (saturation(weather.tMax) + saturation(weather.tMin)) / 2; // eq. 12
  const ea =
    (saturation(weather.tMin) * weather.rhMax + saturation(weather.tMax) * weather.rhMin) / 200;
  const clear = (0.75 + 2e-5 * altitude) * dayLight(dayOfYear, lat).extraterrestrial; // eq. 37
  const relative = Math.min(1, weather.solar / clear);
  const sigma = 4.903e-9; // Stefan–Boltzmann, MJ/K⁴ m² and day
  const longWave =
    sigma *
    (((weather.tMax + 273.16) ** 4 + (weather.tMin + 273.16) ** 4) / 2) *
    (0.34 - 0.14 * Math.sqrt(ea)) *
    (1.35 * relative - 0.35); // eq. 39
  const net = 0.77 * weather.solar - longWave; // eq. 38 and 40
  return penmanMonteith({ t, wind: weather.wind, deficit: es - ea, net, altitude, numerator: 900 });
}

/** Eq. 53: ET0 of an hour in mm; heat into the ground by eq. 45 and 46. */
export function referenceOfHour(weather: HourWeather, altitude: number): number {
  const es = saturation(weather.t);
  const ea = (es * weather.rh) / 100; // eq. 54
  const clear = (0.75 + 2e-5 * altitude) * weather.extraterrestrial;
  const day = clear > 0;
  // At night the ratio of the last hour of daylight stands in; 0.8 is its usual value in dry air.
  const relative = day ? Math.min(1, Math.max(0.3, weather.solar / clear)) : 0.8;
  const longWave =
    (4.903e-9 / 24) *
    (weather.t + 273.16) ** 4 *
    (0.34 - 0.14 * Math.sqrt(ea)) *
    (1.35 * relative - 0.35);
  const radiation = 0.77 * weather.solar - longWave;
  const net = radiation - (day ? 0.1 : 0.5) * radiation;
  const { t, wind } = weather;
  return penmanMonteith({ t, wind, deficit: es - ea, net, altitude, numerator: 37 });
}

function penmanMonteith(input: {
  t: number;
  wind: number;
  deficit: number;
  net: number;
  altitude: number;
  numerator: number;
}): number {
  const { t, wind, deficit, net, altitude, numerator } = input;
  const delta = slope(t);
  const gamma = psychrometric(altitude);
  return (
    (0.408 * delta * net + gamma * (numerator / (t + 273)) * wind * deficit) /
    (delta + gamma * (1 + 0.34 * wind))
  );
}
