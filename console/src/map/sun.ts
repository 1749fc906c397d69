import { EDGE_LON, type LatLon } from "./projection.ts";

const RADIANS = Math.PI / 180;
const J2000 = Date.UTC(2000, 0, 1, 12);

/** Where the sun stands overhead, to 0.1° (Astronomical Almanac, its low-precision series). */
export function subsolar(at: number): LatLon {
  const days = (at - J2000) / 86_400_000;
  const anomaly = (357.528 + 0.9856003 * days) * RADIANS;
  const mean = 280.46 + 0.9856474 * days;
  const lambda = (mean + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RADIANS;
  const tilt = (23.439 - 4e-7 * days) * RADIANS;
  const lat = Math.asin(Math.sin(tilt) * Math.sin(lambda)) / RADIANS;
  const ascension = Math.atan2(Math.cos(tilt) * Math.sin(lambda), Math.cos(lambda)) / RADIANS;
  const sidereal = 280.46062 + 360.98564737 * days;
  return { lat, lon: within180(ascension - sidereal) };
}

/** The night side as a ring from the map's one edge to the other, closed over the dark pole. */
export function nightRing(at: number): LatLon[] {
  const sun = subsolar(at);
  // At the equinox the terminator is a meridian; a hair's breadth of tilt keeps it a function.
  const tilt = Math.abs(sun.lat) < 0.1 ? Math.sign(sun.lat || 1) * 0.1 : sun.lat;
  const ring: LatLon[] = [];
  for (let east = 0; east <= 360; east += 2) {
    const lon = EDGE_LON + Math.min(east, 359.99);
    const hour = (lon - sun.lon) * RADIANS;
    ring.push({ lat: Math.atan(-Math.cos(hour) / Math.tan(tilt * RADIANS)) / RADIANS, lon });
  }
  const pole = tilt > 0 ? -90 : 90;
  for (let east = 360; east >= 0; east -= 10) {
    ring.push({ lat: pole, lon: EDGE_LON + Math.min(east, 359.99) });
  }
  return ring;
}

function within180(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}
