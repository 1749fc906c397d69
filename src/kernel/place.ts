/** A place on Earth: WGS 84 degrees. */
export interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly name?: string;
}

/** What is wrong with a place, or undefined. */
export function placeProblem(place: Place): string | undefined {
  if (!(Math.abs(place.lat) <= 90)) return `lat ${place.lat} is not within -90 … 90`;
  if (!(Math.abs(place.lon) <= 180)) return `lon ${place.lon} is not within -180 … 180`;
  return undefined;
}

const earthMetres = 6_371_008.8;

/** Great-circle distance by the haversine formula. */
export function metresBetween(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const half =
    Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * earthMetres * Math.asin(Math.sqrt(half));
}
