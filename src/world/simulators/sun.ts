/**
 * Where the sun stands: the equations of NOAA's solar calculator (after Meeus, Astronomical
 * Algorithms). Good to about a hundredth of a degree, refraction left out.
 */
export interface SunPosition {
  /** Degrees above the horizon. */
  readonly altitude: number;
  /** Degrees from north, clockwise. */
  readonly azimuth: number;
  /** (mean distance / distance)²: how much stronger the light is than on average. */
  readonly distance: number;
}

const RAD = Math.PI / 180;

/** Declination (radians), equation of time (minutes) and distance (AU). */
function sunOfDate(at: number): { declination: number; equation: number; radius: number } {
  const t = (at / 86_400_000 + 2_440_587.5 - 2_451_545) / 36_525; // Julian centuries since J2000
  const mean = (280.46646 + t * (36_000.76983 + 0.0003032 * t)) * RAD;
  const anomaly = (357.52911 + t * (35_999.05029 - 0.0001537 * t)) * RAD;
  const e = 0.016708634 - 0.000042037 * t;
  const centre =
    ((1.914602 - 0.004817 * t) * Math.sin(anomaly) +
      (0.019993 - 0.000101 * t) * Math.sin(2 * anomaly) +
      0.000289 * Math.sin(3 * anomaly)) *
    RAD;
  const node = (125.04 - 1934.136 * t) * RAD;
  const longitude = mean + centre - (0.00569 + 0.00478 * Math.sin(node)) * RAD;
  const obliquity = (23.439291 - 0.0130042 * t + 0.00256 * Math.cos(node)) * RAD;
  const y = Math.tan(obliquity / 2) ** 2;
  const equation =
    y * Math.sin(2 * mean) -
    2 * e * Math.sin(anomaly) +
    4 * e * y * Math.sin(anomaly) * Math.cos(2 * mean) -
    0.5 * y * y * Math.sin(4 * mean) -
    1.25 * e * e * Math.sin(2 * anomaly);
  return {
    declination: Math.asin(Math.sin(obliquity) * Math.sin(longitude)),
    equation: (4 * equation) / RAD,
    radius: (1.000001018 * (1 - e * e)) / (1 + e * Math.cos(anomaly + centre)),
  };
}

export function sunPosition(at: number, lat: number, lon: number): SunPosition {
  const { declination, equation, radius } = sunOfDate(at);
  const minutes = (at % 86_400_000) / 60_000 + equation + 4 * lon;
  const hourAngle = (minutes / 4 - 180) * RAD;
  const sinAltitude =
    Math.sin(lat * RAD) * Math.sin(declination) +
    Math.cos(lat * RAD) * Math.cos(declination) * Math.cos(hourAngle);
  const altitude = Math.asin(Math.min(1, Math.max(-1, sinAltitude)));
  const azimuth = Math.atan2(
    -Math.cos(declination) * Math.sin(hourAngle),
    Math.sin(declination) * Math.cos(lat * RAD) -
      Math.cos(declination) * Math.sin(lat * RAD) * Math.cos(hourAngle),
  );
  return {
    altitude: altitude / RAD,
    azimuth: (azimuth / RAD + 360) % 360,
    distance: 1 / radius ** 2,
  };
}
