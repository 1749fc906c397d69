/**
 * The simulators: pure step functions of a state, a time and a seeded random source. Numbers
 * come in and go out; none of them knows MQTT, a node or the wall clock. `devices/` gives them
 * topics and a pulse.
 *
 * This one holds a small road network, and how congestion moves on it through the day.
 */
import { metresBetween } from "../../kernel/place.ts";
import { clamp } from "../random.ts";
import type { Random } from "../random.ts";

export interface Point {
  readonly lat: number;
  readonly lon: number;
}

export interface Segment {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Polyline with both ends. */
  readonly points: readonly Point[];
  readonly metres: number;
  /** Speed with an empty road, km/h. */
  readonly freeKmh: number;
  /** Share of the speed that is lost at the height of the rush hour, 0–1. */
  readonly peakLoss: number;
}

export interface Roads {
  readonly junctions: ReadonlyMap<string, Point>;
  /** Both directions; the way back of `a-b` is `b-a`. */
  readonly segments: ReadonlyMap<string, Segment>;
}

export interface RoadSpec {
  readonly junctions: Readonly<Record<string, readonly [number, number]>>;
  readonly segments: readonly {
    readonly from: string;
    readonly to: string;
    readonly via?: readonly (readonly [number, number])[];
    readonly freeKmh: number;
    readonly peakLoss: number;
  }[];
}

/** Initial bearing in degrees from north, clockwise. */
export function bearing(a: Point, b: Point): number {
  const rad = Math.PI / 180;
  const y = Math.sin((b.lon - a.lon) * rad) * Math.cos(b.lat * rad);
  const x =
    Math.cos(a.lat * rad) * Math.sin(b.lat * rad) -
    Math.sin(a.lat * rad) * Math.cos(b.lat * rad) * Math.cos((b.lon - a.lon) * rad);
  return (Math.atan2(y, x) / rad + 360) % 360;
}

function lengthOf(points: readonly Point[]): number {
  let metres = 0;
  for (let i = 1; i < points.length; i++) {
    metres += metresBetween(points[i - 1] as Point, points[i] as Point);
  }
  return metres;
}

/** The point `metres` along a polyline, and which way it leads there. */
export function pointAlong(
  points: readonly Point[],
  metres: number,
): Point & { readonly bearing: number } {
  let left = Math.max(0, metres);
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1] as Point;
    const b = points[i] as Point;
    const length = metresBetween(a, b);
    if (left <= length || i === points.length - 1) {
      const share = length === 0 ? 0 : clamp(left / length, 0, 1);
      return {
        lat: a.lat + (b.lat - a.lat) * share,
        lon: a.lon + (b.lon - a.lon) * share,
        bearing: bearing(a, b),
      };
    }
    left -= length;
  }
  throw new RangeError("a polyline has at least two points");
}

export function buildRoads(spec: RoadSpec): Roads {
  const junctions = new Map(
    Object.entries(spec.junctions).map(([id, [lat, lon]]) => [id, { lat, lon }]),
  );
  const segments = new Map<string, Segment>();
  for (const { from, to, via = [], freeKmh, peakLoss } of spec.segments) {
    const start = junctions.get(from);
    const end = junctions.get(to);
    if (!start || !end) throw new RangeError(`segment ${from}-${to} has an end that is nowhere`);
    const points = [start, ...via.map(([lat, lon]) => ({ lat, lon })), end];
    const metres = lengthOf(points);
    const both = { metres, freeKmh, peakLoss };
    segments.set(`${from}-${to}`, { id: `${from}-${to}`, from, to, points, ...both });
    const back = points.toReversed();
    segments.set(`${to}-${from}`, {
      id: `${to}-${from}`,
      from: to,
      to: from,
      points: back,
      ...both,
    });
  }
  return { junctions, segments };
}

/** How much of the road is busy through a weekday, 0–1: the two rush hours and the day between. */
export function rushAt(hour: number): number {
  const bell = (centre: number, width: number): number =>
    Math.exp(-(((hour - centre) / width) ** 2) / 2);
  return clamp(0.95 * bell(8.3, 0.9) + bell(17.2, 1.1) + 0.35 * bell(12.8, 2.6), 0, 1);
}

/** What blocks a segment now, and for how much longer (simulated seconds). */
export type Incidents = ReadonlyMap<
  string,
  { readonly secondsLeft: number; readonly loss: number }
>;

/** Incidents come at `perHour` for the whole network and stay for 10 to 40 minutes. */
export function stepIncidents(
  incidents: Incidents,
  roads: Roads,
  dt: number,
  perHour: number,
  random: Random,
): Incidents {
  const next = new Map<string, { secondsLeft: number; loss: number }>();
  for (const [id, { secondsLeft, loss }] of incidents) {
    if (secondsLeft > dt) next.set(id, { secondsLeft: secondsLeft - dt, loss });
  }
  if (random() < 1 - Math.exp((-perHour * dt) / 3600)) {
    const ids = [...roads.segments.keys()];
    const id = ids[Math.floor(random() * ids.length)] as string;
    next.set(id, { secondsLeft: 600 + 1800 * random(), loss: 0.6 + 0.25 * random() });
  }
  return next;
}

/** Speed at which traffic flows on a segment, km/h; never quite nought. */
export function flowKmh(segment: Segment, hour: number, incidents: Incidents): number {
  const lost = segment.peakLoss * rushAt(hour);
  const blocked = incidents.get(segment.id)?.loss ?? 0;
  return Math.max(4, segment.freeKmh * (1 - lost) * (1 - blocked));
}

/** The quickest way by the given speeds (Dijkstra); undefined where there is none. */
export function quickestWay(
  roads: Roads,
  from: string,
  to: string,
  kmh: (segment: Segment) => number,
): { readonly segments: readonly string[]; readonly seconds: number } | undefined {
  const best = new Map<string, { seconds: number; via?: Segment }>([[from, { seconds: 0 }]]);
  const open = new Set([from]);
  while (open.size > 0) {
    const here = [...open].reduce((a, b) => (secondsTo(best, b) < secondsTo(best, a) ? b : a));
    open.delete(here);
    if (here === to) break;
    for (const segment of roads.segments.values()) {
      if (segment.from !== here) continue;
      const seconds = secondsTo(best, here) + secondsOn(segment, kmh(segment));
      if (seconds >= secondsTo(best, segment.to)) continue;
      best.set(segment.to, { seconds, via: segment });
      open.add(segment.to);
    }
  }
  if (!best.has(to)) return undefined;
  const segments: string[] = [];
  for (let at = best.get(to)?.via; at; at = best.get(at.from)?.via) segments.unshift(at.id);
  return { segments, seconds: secondsTo(best, to) };
}

function secondsTo(best: ReadonlyMap<string, { seconds: number }>, junction: string): number {
  return best.get(junction)?.seconds ?? Number.POSITIVE_INFINITY;
}

export function secondsOn(segment: Segment, kmh: number): number {
  return segment.metres / (kmh / 3.6);
}
