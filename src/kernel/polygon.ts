/** GeoJSON Polygon (RFC 7946 §3.1.6): the outer ring, then holes; positions are [lon, lat]. */
export interface GeoPolygon {
  readonly type: "Polygon";
  readonly coordinates: readonly (readonly (readonly number[])[])[];
}
