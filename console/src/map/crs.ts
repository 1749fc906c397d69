import * as L from "leaflet";
import { HEIGHT, project, type Spot, unproject } from "./projection.ts";

/** The projection in Leaflet's terms. Zoom 0 is 256 pixels wide, as its other maps are. */
export const equalEarth: L.CRS = L.Util.extend({}, L.CRS.Earth, {
  code: "Comity:EqualEarth",
  projection: {
    project: ({ lat, lng }: L.LatLng) => {
      const { x, y } = project({ lat, lon: lng });
      return L.point(x, y);
    },
    unproject: ({ x, y }: L.Point) => toLatLng({ x, y }),
    bounds: L.bounds([0, 0.5 - HEIGHT], [1, 0.5 + HEIGHT]),
  },
  transformation: new L.Transformation(1, 0, 1, 0),
  // The map has edges: longitudes do not wrap.
  wrapLng: undefined,
});

export function toLatLng(spot: Spot): L.LatLng {
  const { lat, lon } = unproject(spot);
  return L.latLng(lat, lon);
}
