/** Where the sun stands, and what a clear sky would let through. Angles in degrees. */

export interface SunPosition {
  /** From straight up; 90 at the horizon, without refraction. */
  readonly zenith: number;
  /** From north over east. */
  readonly azimuth: number;
}

/** How a panel is mounted. */
export interface Mounting {
  /** From level; 90 stands upright. */
  readonly tilt: number;
  /** Where it looks, from north over east. */
  readonly azimuth: number;
}

/** Irradiance, W/m². */
export interface Irradiance {
  /** On the level: global, diffuse; and the beam across its own direction. */
  readonly global: number;
  readonly diffuse: number;
  readonly beam: number;
}

const degree = Math.PI / 180;
const dayMs = 86_400_000;
/** 2000-01-01T12:00Z */
const j2000Ms = 946_728_000_000;
/** W/m² at the mean distance. */
const solarConstant = 1361;
/** Share of light that bare ground and grass throw back. */
const groundReflection = 0.2;

/**
 * By the low-precision formulas of the Astronomical Almanac (to a hundredth of a degree, 1950 to
 * 2050). `at` in milliseconds since the Unix epoch; degrees, north and east positive.
 */
export function sunPosition(at: number, latitude: number, longitude: number): SunPosition {
  const days = (at - j2000Ms) / dayMs;
  const anomaly = (357.528 + 0.9856003 * days) * degree;
  const meanLongitude = 280.46 + 0.9856474 * days;
  const ecliptic =
    (meanLongitude + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * degree;
  const obliquity = (23.439 - 0.0000004 * days) * degree;
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(ecliptic));
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(ecliptic), Math.cos(ecliptic));
  const sidereal = (280.46062 + 360.985647366 * days + longitude) * degree;
  const hourAngle = sidereal - ascension;
  const phi = latitude * degree;
  const height =
    Math.sin(phi) * Math.sin(declination) +
    Math.cos(phi) * Math.cos(declination) * Math.cos(hourAngle);
  const east = -Math.cos(declination) * Math.sin(hourAngle);
  const north =
    Math.sin(declination) * Math.cos(phi) -
    Math.cos(declination) * Math.sin(phi) * Math.cos(hourAngle);
  const azimuth = Math.atan2(east, north) / degree;
  return { zenith: Math.acos(clamp(height)) / degree, azimuth: (azimuth + 360) % 360 };
}

/**
 * Haurwitz's clear sky (1945), which asks for nothing but the sun's height, parted into beam and
 * diffuse light by Erbs, Klein and Duffie (1982).
 */
export function clearSky({ zenith }: SunPosition, at: number): Irradiance {
  const cosine = Math.cos(zenith * degree);
  if (cosine <= 0) return { global: 0, diffuse: 0, beam: 0 };
  const global = 1098 * cosine * Math.exp(-0.057 / cosine);
  return partedBy(global, cosine, at);
}

/** On the panel: the beam, an even sky and an even ground (Liu and Jordan). W/m². */
export function onPanel(light: Irradiance, sun: SunPosition, mounting: Mounting): number {
  const tilt = mounting.tilt * degree;
  const zenith = sun.zenith * degree;
  const incidence =
    Math.cos(zenith) * Math.cos(tilt) +
    Math.sin(zenith) * Math.sin(tilt) * Math.cos((sun.azimuth - mounting.azimuth) * degree);
  const sky = (1 + Math.cos(tilt)) / 2;
  return (
    light.beam * Math.max(0, incidence) +
    light.diffuse * sky +
    light.global * groundReflection * (1 - sky)
  );
}

function partedBy(global: number, cosine: number, at: number): Irradiance {
  const clearness = Math.min(1, global / (aboveTheAir(at) * cosine));
  const diffuse = global * diffuseShare(clearness);
  return { global, diffuse, beam: (global - diffuse) / cosine };
}

function diffuseShare(clearness: number): number {
  if (clearness <= 0.22) return 1 - 0.09 * clearness;
  if (clearness > 0.8) return 0.165;
  const [second, third, fourth] = [clearness ** 2, clearness ** 3, clearness ** 4];
  return 0.9511 - 0.1604 * clearness + 4.388 * second - 16.638 * third + 12.336 * fourth;
}

/** The earth is nearest to the sun at the beginning of January (Spencer, 1971, first term). */
function aboveTheAir(at: number): number {
  const day = ((at - j2000Ms) / dayMs) % 365.25;
  return solarConstant * (1 + 0.033 * Math.cos((2 * Math.PI * day) / 365.25));
}

function clamp(cosine: number): number {
  return Math.min(1, Math.max(-1, cosine));
}
