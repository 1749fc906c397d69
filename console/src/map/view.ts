import { effect } from "@preact/signals";
import * as L from "leaflet";
import type { WorldNode } from "../world.ts";
import { approach } from "../selection.ts";
import { say } from "../words.ts";

export interface View {
  show(nodes: readonly WorldNode[]): void;
  stop(): void;
}

const NARROW = "(max-width: 1099px)";
const NEAR_ZOOM = 12;

/** All nodes in view until somebody moves the map; the button in its corner leads back. */
export function holdView(map: L.Map): View {
  let shown = "";
  let moved = false;
  let bounds = L.latLngBounds([]);
  const narrow = matchMedia(NARROW);
  // On a phone the page must scroll under a finger: the map is dragged only once it is zoomed.
  const setMoved = (next: boolean): void => {
    moved = next;
    if (narrow.matches && !moved) map.dragging.disable();
    else map.dragging.enable();
  };
  // A cut, no flight: over many zoom levels a flight is a blur of stretched lines.
  const home = (): void => {
    if (!bounds.isValid()) return;
    setMoved(false);
    map.fitBounds(bounds, { ...paddingOf(map, narrow.matches), maxZoom: 5, animate: false });
  };
  const zoomBy = (step: number): void => {
    setMoved(true);
    map.setZoom(map.getZoom() + step);
  };
  narrow.addEventListener("change", home);
  map.on("dragstart", () => setMoved(true));
  map.getContainer().addEventListener("wheel", () => setMoved(true), { passive: true });
  map.on("resize", () => !moved && home());
  addButtons(map, [
    ["+", say("map.closer"), () => zoomBy(1)],
    ["−", say("map.further"), () => zoomBy(-1)],
    ["⤢", say("map.all"), home],
  ]);
  const stopApproach = effect(() => {
    if (approach.value.length === 0) return;
    const near = L.latLngBounds(approach.value.map(({ lat, lon }) => [lat, lon]));
    setMoved(true);
    map.fitBounds(near, {
      ...paddingOf(map, narrow.matches),
      maxZoom: NEAR_ZOOM,
      animate: false,
    });
  });
  return {
    show(nodes) {
      const next = nodes.map(({ did, place }) => `${did} ${place.lat} ${place.lon}`).join();
      if (next === shown) return;
      shown = next;
      bounds = L.latLngBounds(nodes.map(({ place }) => [place.lat, place.lon]));
      if (!moved) home();
    },
    stop() {
      stopApproach();
      narrow.removeEventListener("change", home);
    },
  };
}

/** Room for the names, and for what lies over the map on a wide screen. */
function paddingOf(map: L.Map, narrow: boolean): L.FitBoundsOptions {
  return narrow
    ? { paddingTopLeft: L.point(26, 52), paddingBottomRight: L.point(40, 34) }
    : {
        paddingTopLeft: L.point(120, 230),
        paddingBottomRight: L.point(clearRight(map.getContainer()) + 90, 170),
      };
}

/** Pixels at the right that lie under the side sheet. */
export function clearRight(element: HTMLElement): number {
  return parseFloat(getComputedStyle(element).getPropertyValue("--clear-right")) || 0;
}

function addButtons(map: L.Map, buttons: readonly (readonly [string, string, () => void])[]): void {
  const bar = L.DomUtil.create("div", "map-buttons");
  for (const [sign, label, act] of buttons) {
    const button = L.DomUtil.create("button", "map-button", bar);
    button.type = "button";
    button.textContent = sign;
    button.title = label;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
  }
  L.DomEvent.disableClickPropagation(bar);
  map.getContainer().append(bar);
}
