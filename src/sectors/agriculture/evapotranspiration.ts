/**
 * Reference evapotranspiration by Penman and Monteith as FAO Irrigation and Drainage Paper 56
 * (Allen et al., 1998) has it; equation numbers are the paper's.
 */

/** One day's weather at one place. Celsius, m/s, per cent. */
export interface WeatherOfDay {
  readonly temperatureMin: number;
  readonly temperatureMax: number;
  readonly humidity: Humidity;
  /** At two metres above the ground. */
  readonly windSpeed: number;
  readonly sun: Sun;
}

export type Humidity =
  | { readonly max: number; readonly min: number }
  | { readonly mean: number }
  /** Actual vapour pressure, kPa. */
  | { readonly vapourPressure: number };

export type Sun =
  /** Solar radiation, MJ/m² a day. */
  | { readonly radiation: number }
  /** Hours of bright sunshine. */
  | { readonly sunshineHours: number };

export interface Site {
  /** Degrees, south negative. */
  readonly latitude: number;
  /** Metres above the sea. */
  readonly elevation: number;
}

/** Steps of the calculation, so that it can be compared with the paper's worked examples. */
export interface Evapotranspiration {
  /** Reference evapotranspiration, mm a day. */
  readonly et0: number;
  /** Extraterrestrial, solar, net solar, net long-wave and net radiation, MJ/m² a day. */
  readonly ra: number;
  readonly rs: number;
  readonly rns: number;
  readonly rnl: number;
  readonly rn: number;
  /** Saturation and actual vapour pressure, kPa. */
  readonly es: number;
  readonly ea: number;
}

/** MJ/(m² min). */
const solarConstant = 0.082;
/** MJ/(K⁴ m² day). */
const stefanBoltzmann = 4.903e-9;
/** Of the reference grass. */
const albedo = 0.23;
const kelvin = 273.16;
/** Rs/Rso without any sunshine, by eq. 35 and 37. */
const overcast = 1 / 3;

/**
 * `dayOfYear` from 1; `soilHeatFlux` in MJ/m² a day is next to nothing over one day (eq. 42) and
 * matters over a month (eq. 43).
 */
export function referenceEvapotranspiration(
  weather: WeatherOfDay,
  { latitude, elevation }: Site,
  dayOfYear: number,
  soilHeatFlux = 0,
): Evapotranspiration {
  const { temperatureMin, temperatureMax, windSpeed } = weather;
  const mean = (temperatureMin + temperatureMax) / 2; // eq. 9
  const es = (saturation(temperatureMax) + saturation(temperatureMin)) / 2; // eq. 12
  const ea = Math.min(es, vapourPressure(weather));
  const { ra, hours } = extraterrestrial(latitude, dayOfYear);
  const rs = solarRadiation(weather.sun, ra, hours);
  const clearSky = (0.75 + 2e-5 * elevation) * ra; // eq. 37
  const rns = (1 - albedo) * rs; // eq. 38
  const rnl = netLongWave(weather, ea, clearSky === 0 ? overcast : rs / clearSky);
  const rn = rns - rnl; // eq. 40
  const slope = (4098 * saturation(mean)) / (mean + 237.3) ** 2; // eq. 13
  const gamma = 0.665e-3 * pressure(elevation); // eq. 8
  const aerodynamic = (gamma * 900 * windSpeed * (es - ea)) / (mean + 273);
  const energy = 0.408 * slope * (rn - soilHeatFlux);
  const et0 = (energy + aerodynamic) / (slope + gamma * (1 + 0.34 * windSpeed)); // eq. 6
  return { et0: Math.max(0, et0), ra, rs, rns, rnl, rn, es, ea };
}

/** Wind at two metres from wind measured at another height (eq. 47); metres, m/s. */
export function windAtTwoMetres(speed: number, height: number): number {
  return (speed * 4.87) / Math.log(67.8 * height - 5.42);
}

/** kPa at a temperature in Celsius (eq. 11). */
function saturation(temperature: number): number {
  return 0.6108 * Math.exp((17.27 * temperature) / (temperature + 237.3));
}

/** kPa at metres above the sea (eq. 7). */
function pressure(elevation: number): number {
  return 101.3 * ((293 - 0.0065 * elevation) / 293) ** 5.26;
}

function vapourPressure({ humidity, temperatureMin, temperatureMax }: WeatherOfDay): number {
  if ("vapourPressure" in humidity) return humidity.vapourPressure;
  const [low, high] = [saturation(temperatureMin), saturation(temperatureMax)];
  if ("mean" in humidity) return ((humidity.mean / 100) * (low + high)) / 2; // eq. 19
  return (low * humidity.max + high * humidity.min) / 200; // eq. 17
}

/** Radiation at the top of the atmosphere (eq. 21), and the day's length in hours (eq. 34). */
function extraterrestrial(latitude: number, dayOfYear: number): { ra: number; hours: number } {
  const phi = (latitude * Math.PI) / 180; // eq. 22
  const angle = (2 * Math.PI * dayOfYear) / 365;
  const distance = 1 + 0.033 * Math.cos(angle); // eq. 23
  const declination = 0.409 * Math.sin(angle - 1.39); // eq. 24
  // beyond the polar circles the sun does not set, or does not rise
  const cosine = Math.min(1, Math.max(-1, -Math.tan(phi) * Math.tan(declination)));
  const sunset = Math.acos(cosine); // eq. 25
  const overhead = sunset * Math.sin(phi) * Math.sin(declination);
  const aslant = Math.cos(phi) * Math.cos(declination) * Math.sin(sunset);
  const ra = ((24 * 60) / Math.PI) * solarConstant * distance * (overhead + aslant);
  return { ra, hours: (24 / Math.PI) * sunset };
}

/** By Ångström's formula where the sunshine was counted (eq. 35). */
function solarRadiation(sun: Sun, ra: number, hours: number): number {
  if ("radiation" in sun) return sun.radiation;
  return hours === 0 ? 0 : (0.25 + 0.5 * Math.min(1, sun.sunshineHours / hours)) * ra;
}

/** eq. 39 */
function netLongWave(
  { temperatureMin, temperatureMax }: WeatherOfDay,
  ea: number,
  relativeRadiation: number,
): number {
  const clearness = Math.min(1, Math.max(overcast, relativeRadiation));
  const black = ((temperatureMax + kelvin) ** 4 + (temperatureMin + kelvin) ** 4) / 2;
  return stefanBoltzmann * black * (0.34 - 0.14 * Math.sqrt(ea)) * (1.35 * clearness - 0.35);
}
