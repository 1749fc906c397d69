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
