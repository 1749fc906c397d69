import * as L from "leaflet";
import type { WorldAgreement, WorldNode } from "../world.ts";
import { rate } from "../format.ts";
import { sectorOf } from "../sector.ts";
import { say } from "../words.ts";
import { toLatLng } from "./crs.ts";
import { curve, widthOf } from "./curve.ts";
import { project } from "./projection.ts";

export interface ArcEvents {
  /** The pointer or the keyboard is on an arc. */
  meet(id: string, at: L.LatLng): void;
  leave(): void;
  choose(id: string, at: L.LatLng): void;
}

interface Arc {
  readonly route: string;
  readonly track: L.Polyline;
  readonly flow: L.Polyline;
  readonly touch: L.Polyline;
  readonly head: L.Marker;
  readonly middle: L.LatLng;
  motion: Animation | undefined;
}

/** Seconds a dot takes to its neighbour's place, and the pattern's length in pixels. */
const PERIOD_MS = 900;
const PATTERN_PX = 18;
const HEAD_AT = 0.6;

/**
 * One agreement, one arc: a quiet track, dots that travel the way the data does, a head that
 * says the direction without motion, and a wide invisible line that pointer and keyboard meet.
 */
export class Arcs {
  readonly #map: L.Map;
  readonly #events: ArcEvents;
  readonly #arcs = new Map<string, Arc>();
  /** Lines grow with the type on a wall screen. */
  readonly #scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  readonly #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(map: L.Map, events: ArcEvents) {
    this.#map = map;
    this.#events = events;
    map.createPane("arcs").style.zIndex = "410";
    map.createPane("heads").style.zIndex = "420";
    this.#still.addEventListener("change", () => {
      for (const arc of this.#arcs.values()) this.#move(arc);
    });
  }

  show(agreements: readonly WorldAgreement[], nodes: ReadonlyMap<string, WorldNode>): void {
    const ranks = new Map<string, number>();
    const shown = new Set<string>();
    for (const agreement of agreements) {
      const from = nodes.get(agreement.provider);
      const to = nodes.get(agreement.consumer);
      if (!from || !to) continue;
      const pair = `${agreement.provider} ${agreement.consumer}`;
      const rank = ranks.get(pair) ?? 0;
      ranks.set(pair, rank + 1);
      shown.add(agreement.id);
      this.#paint(this.#arcOf(agreement, from, to, rank), agreement, from, to);
    }
    for (const [id, arc] of this.#arcs) if (!shown.has(id)) this.#remove(id, arc);
  }

  /** Where an agreement's card belongs when it was not met on the map itself. */
  middleOf(id: string): L.LatLng | undefined {
    return this.#arcs.get(id)?.middle;
  }

  /** The chosen one stands out, the others step back. */
  choose(chosen: ReadonlySet<string> | undefined): void {
    for (const [id, arc] of this.#arcs) {
      for (const element of elementsOf(arc)) {
        element.classList.toggle("arc--back", chosen !== undefined && !chosen.has(id));
        element.classList.toggle("arc--chosen", chosen?.has(id) ?? false);
      }
    }
  }

  /** Something just happened under this agreement. */
  pulse(id: string): void {
    const track = this.#arcs.get(id)?.track.getElement();
    if (!track || this.#still.matches) return;
    track.animate([{ strokeOpacity: 1 }, {}], { duration: 1400, easing: "ease-out" });
  }

  #arcOf(agreement: WorldAgreement, from: WorldNode, to: WorldNode, rank: number): Arc {
    const route = JSON.stringify([
      from.place.lat,
      from.place.lon,
      to.place.lat,
      to.place.lon,
      rank,
    ]);
    const known = this.#arcs.get(agreement.id);
    if (known?.route === route) return known;
    if (known) this.#remove(agreement.id, known);
    const arc = this.#draw(
      agreement.id,
      route,
      curve(project(from.place), project(to.place), rank),
    );
    this.#arcs.set(agreement.id, arc);
    return arc;
  }

  #draw(id: string, route: string, spots: ReturnType<typeof curve>): Arc {
    const points = spots.map(toLatLng);
    const line = (name: string, interactive: boolean): L.Polyline =>
      // Clipping would shift the dots whenever the map is moved.
      L.polyline(points, {
        pane: "arcs",
        className: `arc ${name}`,
        interactive,
        noClip: true,
        smoothFactor: 0,
        bubblingMouseEvents: false,
      }).addTo(this.#map);
    const arc: Arc = {
      route,
      track: line("arc-track", false),
      flow: line("arc-flow", false),
      touch: line("arc-touch", true),
      head: headOf(spots).addTo(this.#map),
      middle: points[Math.floor(points.length / 2)] ?? L.latLng(0, 0),
      motion: undefined,
    };
    this.#listen(id, arc);
    this.#move(arc);
    return arc;
  }

  #listen(id: string, { touch, middle }: Arc): void {
    touch.on("mouseover", ({ latlng }) => this.#events.meet(id, latlng));
    touch.on("mouseout", () => this.#events.leave());
    touch.on("click", ({ latlng }) => this.#events.choose(id, latlng));
    const element = touch.getElement();
    element?.setAttribute("tabindex", "0");
    element?.setAttribute("role", "button");
    element?.addEventListener("focus", () => {
      if (element.matches(":focus-visible")) this.#events.meet(id, middle);
    });
    element?.addEventListener("blur", () => this.#events.leave());
    element?.addEventListener("keydown", (event) => {
      if (!(event instanceof KeyboardEvent) || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      this.#events.choose(id, middle);
    });
  }

  #paint(arc: Arc, agreement: WorldAgreement, from: WorldNode, to: WorldNode): void {
    const width = widthOf(agreement.ratePerSecond) * this.#scale;
    arc.track.setStyle({ weight: width + 1.5 * this.#scale });
    arc.flow.setStyle({ weight: width });
    arc.touch.setStyle({ weight: Math.max(18, width + 10) });
    const flows =
      agreement.state === "active" && agreement.link === "up" && agreement.ratePerSecond > 0;
    for (const element of elementsOf(arc)) {
      element.setAttribute("data-sector", sectorOf(agreement.sector));
      element.classList.toggle("arc--ended", agreement.state === "ended");
      element.classList.toggle(
        "arc--down",
        agreement.state === "active" && agreement.link !== "up",
      );
      element.classList.toggle("arc--idle", !flows);
    }
    const said = agreement.state === "ended" ? say("state.ended") : rate(agreement.ratePerSecond);
    const label = say("map.arc", {
      ...{ title: agreement.title, from: from.title, to: to.title, state: said },
    });
    const touch = arc.touch.getElement();
    if (touch?.getAttribute("aria-label") !== label) touch?.setAttribute("aria-label", label);
    touch?.setAttribute("data-agreement", agreement.id);
    // Busy streams run faster, within what the eye can follow.
    arc.motion?.updatePlaybackRate(0.6 + Math.min(1.6, Math.log10(1 + agreement.ratePerSecond)));
  }

  #move(arc: Arc): void {
    arc.motion?.cancel();
    arc.motion = this.#still.matches
      ? undefined
      : arc.flow
          .getElement()
          ?.animate([{ strokeDashoffset: "0" }, { strokeDashoffset: String(-PATTERN_PX) }], {
            duration: PERIOD_MS,
            iterations: Infinity,
          });
  }

  #remove(id: string, arc: Arc): void {
    arc.motion?.cancel();
    for (const layer of [arc.track, arc.flow, arc.touch, arc.head]) layer.remove();
    this.#arcs.delete(id);
  }
}

function elementsOf({ track, flow, touch, head }: Arc): Element[] {
  return [track, flow, touch, head].flatMap((layer) => layer.getElement() ?? []);
}

/** A small arrow head on the arc; its angle is the same at every zoom. */
function headOf(spots: ReturnType<typeof curve>): L.Marker {
  const at = Math.round((spots.length - 1) * HEAD_AT);
  const [before, here] = [spots[at - 1], spots[at]];
  const angle = before && here ? Math.atan2(here.y - before.y, here.x - before.x) : 0;
  const shape = document.createElement("span");
  shape.className = "arc-head-shape";
  shape.style.transform = `rotate(${angle}rad)`;
  return L.marker(toLatLng(here ?? { x: 0, y: 0 }), {
    pane: "heads",
    icon: L.divIcon({ className: "arc arc-head", html: shape, iconSize: [14, 14] }),
    interactive: false,
    keyboard: false,
  });
}
