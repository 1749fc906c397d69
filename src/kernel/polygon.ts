/** GeoJSON Polygon (RFC 7946 §3.1.6): the outer ring, then holes; positions are [lon, lat]. */
export interface GeoPolygon {
  readonly type: "Polygon";
  readonly coordinates: readonly (readonly (readonly number[])[])[];
}

/** About a tenth of a millimetre; nearer than that to an edge is on it. */
const edgeDegrees = 1e-9;

/**
 * Whether a point lies in the polygon; its edges, those of holes too, belong to it. Degrees are
 * taken as a plane: a polygon never crosses the antimeridian (RFC 7946 §3.1.9 has it cut there).
 */
export function containsOf(polygon: GeoPolygon): (lon: number, lat: number) => boolean {
  const rings = polygon.coordinates.map((ring) => Float64Array.from(ring.flatMap(pairOf)));
  const outer = polygon.coordinates[0] ?? [];
  const lons = outer.map(([lon = Number.NaN]) => lon);
  const lats = outer.map(([, lat = Number.NaN]) => lat);
  const west = Math.min(...lons) - edgeDegrees;
  const east = Math.max(...lons) + edgeDegrees;
  const south = Math.min(...lats) - edgeDegrees;
  const north = Math.max(...lats) + edgeDegrees;
  return (lon, lat) => {
    if (!(lon >= west && lon <= east && lat >= south && lat <= north)) return false;
    let isInside = false;
    for (const ring of rings) {
      const side = sideOf(ring, lon, lat);
      if (side === "edge") return true;
      if (side === "inside") isInside = !isInside;
    }
    return isInside;
  };
}

function pairOf([lon = Number.NaN, lat = Number.NaN]: readonly number[]): [number, number] {
  return [lon, lat];
}

/** Even-odd rule: a ray to the east crosses a ring an odd number of times from inside it. */
function sideOf(ring: Float64Array, x: number, y: number): "inside" | "outside" | "edge" {
  let isInside = false;
  for (let i = 0; i + 3 < ring.length; i += 2) {
    const ay = ring[i + 1]!;
    const by = ring[i + 3]!;
    // Most edges are above or below the ray.
    if (y < Math.min(ay, by) - edgeDegrees || y > Math.max(ay, by) + edgeDegrees) continue;
    const ax = ring[i]!;
    const bx = ring[i + 2]!;
    const cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
    if (isOnEdge(cross, bx - ax, by - ay, x - ax, y - ay)) return "edge";
    if (ay > y !== by > y && cross > 0 === by > ay) isInside = !isInside;
  }
  return isInside ? "inside" : "outside";
}

function isOnEdge(cross: number, dx: number, dy: number, px: number, py: number): boolean {
  const length = Math.hypot(dx, dy);
  if (Math.abs(cross) > edgeDegrees * length) return false;
  const along = dx * px + dy * py;
  const slack = edgeDegrees * length;
  return length === 0
    ? Math.hypot(px, py) <= edgeDegrees
    : along >= -slack && along <= length * length + slack;
}
