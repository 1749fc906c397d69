/**
 * The nations' outlines, made small: world-atlas at 1:50 million, drawn for a map whose edges
 * meet in the Pacific at 169° W, simplified arc by arc so that neighbours keep their shared
 * border. Natural Earth is in the public domain. Runs when the console is built; plain
 * JavaScript, because the set-up may run on an older Node.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const ANTARCTICA = "010";
/** The map's edge, as in src/map/projection.ts; it crosses a few islands of the Aleutians only. */
const EDGE_LON = -168.4;
/** Degrees: detail below it is not drawn. */
const TOLERANCE = 0.045;
/** Square degrees: a smaller island is not drawn, unless it is all a nation has. */
const ISLAND_MIN = 0.05;
/** Grid steps over the map's width: 0.009°, one kilometre at the equator. */
const GRID = 40_000;

/** @returns {Promise<string>} a TopoJSON text with one collection, `countries` */
export async function outlines() {
  const path = require.resolve("world-atlas/countries-50m.json");
  const source = JSON.parse(await readFile(path, "utf8"));
  const arcs = source.arcs.map((arc) => simplify(absolute(arc, source.transform)));
  const countries = source.objects.countries.geometries
    .filter((country) => country.id !== ANTARCTICA)
    .map((country) => withoutSpecks(country, arcs));
  return JSON.stringify(pack(countries, arcs));
}

function absolute(arc, { scale, translate }) {
  let x = 0;
  let y = 0;
  return arc.map(([dx, dy]) => {
    x += dx;
    y += dy;
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
  });
}

/** Douglas–Peucker, without recursion; the arc's ends stay, so that arcs still meet. */
function simplify(points) {
  const last = points.length - 1;
  const keep = new Uint8Array(points.length);
  keep[0] = keep[last] = 1;
  const spans = [[0, last]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [from, to] = span;
    let far = 0;
    let at = -1;
    for (let i = from + 1; i < to; i++) {
      const distance = distanceToSegment(points[i], points[from], points[to]);
      if (distance > far) [far, at] = [distance, i];
    }
    if (at < 0 || far < TOLERANCE) continue;
    keep[at] = 1;
    spans.push([from, at], [at, to]);
  }
  return points.filter((_, i) => keep[i] === 1);
}

/** In degrees of latitude: a degree of longitude is shorter away from the equator. */
function distanceToSegment(p, a, b) {
  const narrow = Math.cos((p[1] * Math.PI) / 180);
  const [px, py, bx, by] = [
    (p[0] - a[0]) * narrow,
    p[1] - a[1],
    (b[0] - a[0]) * narrow,
    b[1] - a[1],
  ];
  const length = bx * bx + by * by;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, (px * bx + py * by) / length));
  return Math.hypot(px - t * bx, py - t * by);
}

function withoutSpecks(country, arcs) {
  const polygons = country.type === "Polygon" ? [country.arcs] : country.arcs;
  const whole = polygons.filter((rings) => !crossesEdge(pointsOf(rings[0], arcs)));
  const sized = whole.map((rings) => ({ rings, area: areaOf(pointsOf(rings[0], arcs)) }));
  const largest = Math.max(...sized.map(({ area }) => area));
  const kept = sized.filter(({ area }) => area >= ISLAND_MIN || area === largest);
  const { id, properties } = country;
  return { type: "MultiPolygon", id, properties, arcs: kept.map(({ rings }) => rings) };
}

function pointsOf(ring, arcs) {
  return ring.flatMap((i) => (i < 0 ? [...arcs[~i]].reverse() : arcs[i]));
}

function crossesEdge(points) {
  const near = points.map(([lon]) => lon).filter((lon) => lon < -150);
  return near.some((lon) => lon < EDGE_LON) && near.some((lon) => lon > EDGE_LON);
}

function areaOf(points) {
  let twice = 0;
  for (let i = 0; i < points.length; i++) {
    const [ax, ay] = points[i];
    const [bx, by] = points[(i + 1) % points.length];
    twice += ax * by - bx * ay;
  }
  return Math.abs(twice) / 2;
}

/** Whole grid steps, each from the one before; arcs nobody uses are left out. */
function pack(countries, arcs) {
  const numbers = new Map();
  const packed = [];
  const step = 360 / GRID;
  const number = (i) => {
    const arc = i < 0 ? ~i : i;
    if (!numbers.has(arc)) numbers.set(arc, packed.push(steps(arcs[arc], step)) - 1);
    return i < 0 ? ~numbers.get(arc) : numbers.get(arc);
  };
  const geometries = countries.map((country) => ({
    ...country,
    arcs: country.arcs.map((rings) => rings.map((ring) => ring.map(number))),
  }));
  return {
    type: "Topology",
    transform: { scale: [step, step], translate: [-180, -90] },
    objects: { countries: { type: "GeometryCollection", geometries } },
    arcs: packed,
  };
}

function steps(points, step) {
  let [beforeX, beforeY] = [0, 0];
  const moves = [];
  for (const [lon, lat] of points) {
    const x = Math.round((lon + 180) / step);
    const y = Math.round((lat + 90) / step);
    if (moves.length > 0 && x === beforeX && y === beforeY) continue;
    moves.push([x - beforeX, y - beforeY]);
    [beforeX, beforeY] = [x, y];
  }
  // TopoJSON: an arc has two or more positions.
  if (moves.length === 1) moves.push([0, 0]);
  return moves;
}
