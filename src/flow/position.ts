import { kindAt, walkElements, walkMembers } from "./json-text.ts";

/** WGS 84 degrees. */
export interface Position {
  readonly lon: number;
  readonly lat: number;
}

interface Span {
  readonly at: number;
  readonly end: number;
}

/** Undefined as a value: the name stands twice, and readers differ in which one they take. */
type Members = ReadonlyMap<string, Span | undefined>;

const coordinateNames = [
  ["lat", "lon"],
  ["latitude", "longitude"],
] as const;
const holders = ["position", "location"] as const;
const geometries = ["geometry", "location", "position"] as const;
const ofMessage: ReadonlySet<string> = new Set([...coordinateNames.flat(), ...holders, "geometry"]);
const ofHolder: ReadonlySet<string> = new Set([...coordinateNames.flat(), "coordinates"]);

/**
 * Where a message says it is: `lat`/`lon` or `latitude`/`longitude` as numbers, of the message
 * itself, else of its `position`, else of its `location`; else the GeoJSON point in `geometry`,
 * `location` or `position`. Undefined where none is there, where it is no place on Earth, or
 * where a member it stands in is there twice. The text must be a JSON object.
 */
export function positionIn(text: string): Position | undefined {
  const message = membersOf(text, 0, ofMessage);
  if (hasTwice(message)) return undefined;
  const own = pairIn(text, message);
  if (own !== undefined) return onEarth(own);
  const inside = new Map<string, Members>();
  for (const name of geometries) {
    const span = message.get(name);
    if (span === undefined || kindAt(text, span.at) !== "object") continue;
    const members = membersOf(text, span.at, ofHolder);
    if (hasTwice(members)) return undefined;
    inside.set(name, members);
  }
  for (const name of holders) {
    const pair = pairIn(text, inside.get(name));
    if (pair !== undefined) return onEarth(pair);
  }
  for (const name of geometries) {
    const point = pointAt(text, inside.get(name)?.get("coordinates"));
    if (point !== undefined) return onEarth(point);
  }
  return undefined;
}

function membersOf(text: string, from: number, wanted: ReadonlySet<string>): Members {
  const found = new Map<string, Span | undefined>();
  walkMembers(text, from, ({ name, valueAt, valueEnd }) => {
    if (!wanted.has(name)) return;
    found.set(name, found.has(name) ? undefined : { at: valueAt, end: valueEnd });
  });
  return found;
}

function hasTwice(members: Members): boolean {
  for (const span of members.values()) if (span === undefined) return true;
  return false;
}

function pairIn(text: string, members: Members | undefined): Position | undefined {
  for (const [latName, lonName] of coordinateNames) {
    const lat = numberAt(text, members?.get(latName));
    const lon = numberAt(text, members?.get(lonName));
    if (lat !== undefined && lon !== undefined) return { lon, lat };
  }
  return undefined;
}

/** RFC 7946 §3.1.2: longitude, latitude and perhaps altitude. */
function pointAt(text: string, span: Span | undefined): Position | undefined {
  if (span === undefined || kindAt(text, span.at) !== "array") return undefined;
  const numbers: (number | undefined)[] = [];
  walkElements(text, span.at, (at, end) => {
    if (numbers.length < 2) numbers.push(numberAt(text, { at, end }));
  });
  const [lon, lat] = numbers;
  return lon === undefined || lat === undefined ? undefined : { lon, lat };
}

function numberAt(text: string, span: Span | undefined): number | undefined {
  if (span === undefined || kindAt(text, span.at) !== "number") return undefined;
  return Number(text.slice(span.at, span.end));
}

function onEarth(position: Position): Position | undefined {
  return Math.abs(position.lat) <= 90 && Math.abs(position.lon) <= 180 ? position : undefined;
}
