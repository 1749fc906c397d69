import type { Feature, FeatureCollection, MultiPolygon } from "geojson";
import * as L from "leaflet";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import type { WorldNode } from "../world.ts";
import { nation } from "../format.ts";
import { EDGE_LON, type LatLon, project } from "./projection.ts";
import { nightRing } from "./sun.ts";

type Outlines = Topology<{ countries: GeometryCollection<{ name: string }> }>;
type Country = Feature<MultiPolygon, { name: string }>;

/** Sea, land, borders and night: what lies still under everything else, in panes of its own. */
export class Land {
  readonly #map: L.Map;
  readonly #night: L.Polygon;
  readonly #shapes = new Map<Country, L.Path>();

  constructor(map: L.Map) {
    this.#map = map;
    for (const [name, order] of [
      ["sea", "200"],
      ["land", "210"],
      ["night", "220"],
    ] as const) {
      map.createPane(name).style.zIndex = order;
    }
    L.polygon(ring(), still("sea", "sea")).addTo(map);
    for (const line of graticule()) L.polyline(line, still("sea", "graticule")).addTo(map);
    this.#night = L.polygon([], still("night", "night")).addTo(map);
  }

  async load(url: string): Promise<void> {
    const response = await fetch(url);
    const outlines = (await response.json()) as Outlines;
    const { countries } = outlines.objects;
    const drawn = feature(outlines, countries) as FeatureCollection<MultiPolygon, { name: string }>;
    L.geoJSON(drawn, {
      ...still("land", "land"),
      onEachFeature: (country: Country, layer) => this.#shapes.set(country, layer as L.Path),
    }).addTo(this.#map);
    const borders = mesh(outlines, countries, (a, b) => a !== b);
    L.geoJSON(borders, still("land", "border")).addTo(this.#map);
  }

  /** The participants' nations stand out from the others. */
  showNations(nodes: readonly WorldNode[]): void {
    const homes = new Set(nodes.map((node) => this.#homeOf(node)));
    for (const [country, shape] of this.#shapes) {
      shape.getElement()?.classList.toggle("land--home", homes.has(country));
    }
  }

  showNight(at: number): void {
    this.#night.setLatLngs(nightRing(at).map(({ lat, lon }) => L.latLng(lat, lon)));
  }

  #homeOf({ country, place }: WorldNode): Country | undefined {
    const named = nation(country);
    const shapes = [...this.#shapes.keys()];
    return (
      shapes.find(({ properties }) => properties.name === named) ??
      shapes.find(({ geometry }) => geometry.coordinates.some((rings) => holds(rings[0], place)))
    );
  }
}

function still(pane: string, className: string): L.PolylineOptions {
  // One renderer a pane: Leaflet makes it when the pane's first shape comes.
  return { pane, className, interactive: false, smoothFactor: 1 };
}

function ring(): L.LatLng[] {
  const west = range(-90, 90, 2).map((lat) => L.latLng(lat, EDGE_LON));
  const east = range(-90, 90, 2).map((lat) => L.latLng(-lat, EDGE_LON + 359.99));
  return [...west, ...east];
}

function graticule(): L.LatLng[][] {
  const meridians = range(-150, 180, 30).map((lon) =>
    range(-90, 90, 3).map((lat) => L.latLng(lat, lon)),
  );
  const parallels = range(-60, 60, 30).map((lat) =>
    [EDGE_LON, EDGE_LON + 359.99].map((lon) => L.latLng(lat, lon)),
  );
  return [...meridians, ...parallels];
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}

/** Even–odd rule, on the plane of the map. */
function holds(outline: readonly (readonly number[])[] | undefined, place: LatLon): boolean {
  const { x, y } = project(place);
  const corners = (outline ?? []).map(([lon = 0, lat = 0]) => project({ lat, lon }));
  let inside = false;
  corners.forEach((a, i) => {
    const b = corners[(i + 1) % corners.length] ?? a;
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  });
  return inside;
}
