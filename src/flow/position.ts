import { jsonForm, type Written } from "./payload-form.ts";

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
  return positionOf({ message: text, form: jsonForm });
}

/** The same of an object in any form. */
export function positionOf<T extends string | Buffer>(from: Written<T>): Position | undefined {
  const message = membersOf(from, from.form.firstAt(from.message), ofMessage);
  if (hasTwice(message)) return undefined;
  const own = pairIn(from, message);
  if (own !== undefined) return onEarth(own);
  const inside = new Map<string, Members>();
  for (const name of geometries) {
    const span = message.get(name);
    if (span === undefined || from.form.kindAt(from.message, span.at) !== "object") continue;
    const members = membersOf(from, span.at, ofHolder);
    if (hasTwice(members)) return undefined;
    inside.set(name, members);
  }
  for (const name of holders) {
    const pair = pairIn(from, inside.get(name));
    if (pair !== undefined) return onEarth(pair);
  }
  for (const name of geometries) {
    const point = pointAt(from, inside.get(name)?.get("coordinates"));
    if (point !== undefined) return onEarth(point);
  }
  return undefined;
}

function membersOf<T extends string | Buffer>(
  { message, form }: Written<T>,
  at: number,
  wanted: ReadonlySet<string>,
): Members {
  const found = new Map<string, Span | undefined>();
  form.walkMembers(message, at, ({ name, valueAt, valueEnd }) => {
    if (!wanted.has(name)) return;
    found.set(name, found.has(name) ? undefined : { at: valueAt, end: valueEnd });
  });
  return found;
}

function hasTwice(members: Members): boolean {
  for (const span of members.values()) if (span === undefined) return true;
  return false;
}

function pairIn<T extends string | Buffer>(
  from: Written<T>,
  members: Members | undefined,
): Position | undefined {
  for (const [latName, lonName] of coordinateNames) {
    const lat = numberAt(from, members?.get(latName));
    const lon = numberAt(from, members?.get(lonName));
    if (lat !== undefined && lon !== undefined) return { lon, lat };
  }
  return undefined;
}

/** RFC 7946 §3.1.2: longitude, latitude and perhaps altitude. */
function pointAt<T extends string | Buffer>(
  from: Written<T>,
  span: Span | undefined,
): Position | undefined {
  const { message, form } = from;
  if (span === undefined || form.kindAt(message, span.at) !== "array") return undefined;
  const numbers: (number | undefined)[] = [];
  form.walkElements(message, span.at, (at, end) => {
    if (numbers.length < 2) numbers.push(numberAt(from, { at, end }));
  });
  const [lon, lat] = numbers;
  return lon === undefined || lat === undefined ? undefined : { lon, lat };
}

function numberAt<T extends string | Buffer>(
  { message, form }: Written<T>,
  span: Span | undefined,
): number | undefined {
  if (span === undefined || form.kindAt(message, span.at) !== "number") return undefined;
  return Number(form.textOf(message, span.at, span.end));
}

function onEarth(position: Position): Position | undefined {
  return Math.abs(position.lat) <= 90 && Math.abs(position.lon) <= 180 ? position : undefined;
}
