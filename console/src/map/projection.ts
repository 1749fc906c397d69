/**
 * Equal Earth (Šavrič, Patterson and Jenny, 2018): every nation has its true share of the map.
 * The edges meet in the Bering Strait, so no land is cut. Pure geometry; the plane is one unit
 * wide, x to the right, y down, its middle at (0.5, 0.5).
 */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

export interface LatLon {
  readonly lat: number;
  readonly lon: number;
}

const [A1, A2, A3, A4] = [1.340264, -0.081106, 0.000893, 0.003796];
const M = Math.sqrt(3) / 2;
const RADIANS = Math.PI / 180;
/** Half the map's width in the projection's own units. */
const HALF_WIDTH = Math.PI / (M * A1);

/** Degrees; the map's edges lie 180° from it. */
export const MIDDLE_LON = 11.6;
export const EDGE_LON = MIDDLE_LON - 180;
/** Height of the whole map over its width. */
export const HEIGHT = height();

function height(): number {
  return rise(Math.asin(M)) / HALF_WIDTH;
}

function rise(theta: number): number {
  const t2 = theta * theta;
  const t6 = t2 * t2 * t2;
  return theta * (A1 + A2 * t2 + t6 * (A3 + A4 * t2));
}

/** The derivative of `rise`. */
function slope(theta: number): number {
  const t2 = theta * theta;
  const t6 = t2 * t2 * t2;
  return A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2);
}

export function project({ lat, lon }: LatLon): Spot {
  const theta = Math.asin(M * Math.sin(clamp(lat, -90, 90) * RADIANS));
  const east = (lon < EDGE_LON ? lon + 360 : lon) - MIDDLE_LON;
  const x = (east * RADIANS * Math.cos(theta)) / (M * slope(theta));
  return { x: 0.5 + x / (2 * HALF_WIDTH), y: 0.5 - rise(theta) / (2 * HALF_WIDTH) };
}

/** The inverse, by Newton's method; a spot beyond the poles answers the pole. */
export function unproject({ x, y }: Spot): LatLon {
  const target = clamp((0.5 - y) * 2 * HALF_WIDTH, -rise(Math.asin(M)), rise(Math.asin(M)));
  let theta = target;
  for (let i = 0; i < 12; i++) {
    const step = (rise(theta) - target) / slope(theta);
    theta -= step;
    if (Math.abs(step) < 1e-12) break;
  }
  const east = ((x - 0.5) * 2 * HALF_WIDTH * M * slope(theta)) / Math.cos(theta);
  const lat = Math.asin(clamp(Math.sin(theta) / M, -1, 1)) / RADIANS;
  return { lat, lon: east / RADIANS + MIDDLE_LON };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
