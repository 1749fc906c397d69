import { containsOf } from "./polygon.ts";

/** [longitude, latitude] in degrees, WGS 84. */
type Point = readonly [lon: number, lat: number];
type Edge = readonly [from: Point, to: Point];

/** Of all rings together: checking for crossings takes the square of it. */
const pointsMax = 1_000;

/** What is wrong with a value that should be a polygon, or undefined. Bounded work, any input. */
export function polygonProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "is no GeoJSON Polygon";
  const { type, coordinates, ...more } = value as Record<string, unknown>;
  if (type !== "Polygon") return "is no GeoJSON Polygon";
  const [other] = Object.keys(more);
  if (other !== undefined) return `has the member "${other}"`;
  if (!Array.isArray(coordinates) || coordinates.length === 0) return "has no rings";
  let points = 0;
  for (const ring of coordinates as unknown[]) {
    if (!Array.isArray(ring)) return "has a ring that is no list";
    points += ring.length;
    if (points > pointsMax) return `has more than ${pointsMax} points`;
    const problem = ringProblem(ring);
    if (problem !== undefined) return problem;
  }
  const rings = coordinates as Point[][];
  return crossing(rings.map(edgesOf)) ?? holesProblem(rings);
}

/** RFC 7946 §3.1.6: the first ring bounds the area, the others are holes in it. */
function holesProblem([outer = [], ...holes]: readonly (readonly Point[])[]): string | undefined {
  const areas = holes.map((ring) => containsOf({ type: "Polygon", coordinates: [ring] }));
  const isInArea = containsOf({ type: "Polygon", coordinates: [outer] });
  for (const [i, hole] of holes.entries()) {
    // no two rings meet, so one point tells where the whole ring is
    const [lon, lat] = hole[0] as Point;
    if (!isInArea(lon, lat)) return `has a hole outside its outer ring: ring ${i + 2}`;
    const isInHole = areas.some((contains, at) => at !== i && contains(lon, lat));
    if (isInHole) return `has a hole inside another hole: ring ${i + 2}`;
  }
  return undefined;
}

/** RFC 7946 §3.1.6: four positions or more, the first and the last the same. */
function ringProblem(ring: readonly unknown[]): string | undefined {
  if (ring.length < 4) return "has a ring of fewer than 4 points";
  for (const [i, point] of ring.entries()) {
    if (!isPoint(point)) return `has a point that is not [longitude, latitude]: number ${i + 1}`;
    const before = ring[i - 1] as Point | undefined;
    // Cut such an area in two: §3.1.9
    if (before && Math.abs(point[0] - before[0]) > 180) return "crosses the antimeridian";
    if (before && same(point, before)) return `names point ${i} twice in a row`;
  }
  const closed = same(ring[0] as Point, ring.at(-1) as Point);
  return closed ? undefined : "has a ring that does not end where it began";
}

function isPoint(value: unknown): value is Point {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [lon, lat] = value as unknown[];
  return isWithin(lon, 180) && isWithin(lat, 90);
}

function isWithin(value: unknown, most: number): boolean {
  return typeof value === "number" && Math.abs(value) <= most; // NaN is within nothing
}

function edgesOf(ring: readonly Point[]): Edge[] {
  return ring.slice(1).map((to, i) => [ring[i]!, to]);
}

interface Placed {
  readonly edge: Edge;
  readonly ring: number;
  /** Its number in the ring, and how many there are. */
  readonly at: number;
  readonly of: number;
}

/**
 * Edges may meet only where one follows the other in its ring; else inside and outside blur.
 * A sweep from west to east: only edges that share a longitude are compared, and of those only
 * such as share a latitude and lie on neither side of each other. Numbers stand in flat arrays, for
 * somebody may send a polygon whose edges all share both.
 */
function crossing(rings: readonly (readonly Edge[])[]): string | undefined {
  const edges: Placed[] = rings
    .flatMap((ring, at) => ring.map((edge, i) => ({ edge, ring: at, at: i, of: ring.length })))
    .sort((a, b) => west(a.edge) - west(b.edge));
  const column = (of: (edge: Edge) => number): Float64Array =>
    Float64Array.from(edges, ({ edge }) => of(edge));
  const [ax, ay] = [column(([from]) => from[0]), column(([from]) => from[1])];
  const [bx, by] = [column(([, to]) => to[0]), column(([, to]) => to[1])];
  for (let i = 0; i < edges.length; i++) {
    const [fromX, fromY, toX, toY] = [ax[i]!, ay[i]!, bx[i]!, by[i]!];
    const [dx, dy] = [toX - fromX, toY - fromY];
    const [east, south, north] = [Math.max(fromX, toX), Math.min(fromY, toY), Math.max(fromY, toY)];
    for (let j = i + 1; j < edges.length; j++) {
      if (ax[j]! > east && bx[j]! > east) break;
      if ((ay[j]! > north && by[j]! > north) || (ay[j]! < south && by[j]! < south)) continue;
      const [x, y] = [ax[j]!, ay[j]!];
      const [ex, ey] = [bx[j]! - x, by[j]! - y];
      const from = dx * (y - fromY) - dy * (x - fromX);
      const to = dx * (by[j]! - fromY) - dy * (bx[j]! - fromX);
      if (from * to > 0) continue;
      const other = ex * (fromY - y) - ey * (fromX - x);
      const end = ex * (toY - y) - ey * (toX - x);
      if (other * end > 0) continue;
      const problem = clash(edges[i]!, edges[j]!);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function west([from, to]: Edge): number {
  return Math.min(from[0], to[0]);
}

function clash(one: Placed, two: Placed): string | undefined {
  const follows = (next: Placed, edge: Placed): boolean =>
    next.ring === edge.ring && next.at === (edge.at + 1) % edge.of;
  if (follows(two, one) || follows(one, two)) {
    const [first, second] = follows(two, one) ? [one, two] : [two, one];
    return turnsBack(first.edge, second.edge) ? "runs back along its own border" : undefined;
  }
  return meet(one.edge, two.edge) ? "crosses or touches itself" : undefined;
}

/** Of two edges that share the middle point: does the second lie on the first? */
function turnsBack([a, b]: Edge, [, c]: Edge): boolean {
  const onward = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]);
  return side(a, b, c) === 0 && onward < 0;
}

function meet([a, b]: Edge, [c, d]: Edge): boolean {
  const [abc, abd, cda, cdb] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (abc * abd < 0 && cda * cdb < 0) return true;
  return (
    (abc === 0 && between(a, b, c)) ||
    (abd === 0 && between(a, b, d)) ||
    (cda === 0 && between(c, d, a)) ||
    (cdb === 0 && between(c, d, b))
  );
}

/** 1 where `c` lies to the left of the line from `a` to `b`, -1 to the right, 0 on it. */
function side(a: Point, b: Point, c: Point): number {
  return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
}

/** Of a point on their line: is it no further than the two? */
function between(a: Point, b: Point, c: Point): boolean {
  return (
    Math.min(a[0], b[0]) <= c[0] &&
    c[0] <= Math.max(a[0], b[0]) &&
    Math.min(a[1], b[1]) <= c[1] &&
    c[1] <= Math.max(a[1], b[1])
  );
}

function same(a: Point, b: Point): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
