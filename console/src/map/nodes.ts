import * as L from "leaflet";
import type { WorldNode, WorldThing } from "../world.ts";
import { nation } from "../format.ts";
import { say } from "../words.ts";
import { petal } from "./curve.ts";
import { type Box, boxOf, fitLabels, placeLabels } from "./labels.ts";
import { clearRight } from "./view.ts";

export interface NodeEvents {
  meet(did: string): void;
  leave(): void;
  choose(did: string): void;
}

interface Shown {
  readonly marker: L.Marker;
  readonly element: HTMLElement;
  readonly title: HTMLElement;
  readonly nation: HTMLElement;
  readonly detail: HTMLElement;
  readonly things: Map<string, L.Marker>;
  node: WorldNode;
}

/** A Thing nearer than this to its node, in pixels, is drawn round it instead. */
const NEAR_PX = 30;
const PETALS_MAX = 14;
/** On a narrow map the petals stand closer. */
const NARROW_PX = 600;

/** Nodes with their names, and their Things: round the node from afar, at their places near by. */
export class Nodes {
  readonly #map: L.Map;
  readonly #events: NodeEvents;
  readonly #shown = new Map<string, Shown>();

  constructor(map: L.Map, events: NodeEvents) {
    this.#map = map;
    this.#events = events;
    map.createPane("things").style.zIndex = "600";
    map.createPane("nodes").style.zIndex = "620";
    map.on("zoomend resize", () => {
      for (const shown of this.#shown.values()) this.#placeThings(shown);
      this.#placeNames();
    });
    map.on("moveend", () => this.#placeNames());
  }

  show(nodes: readonly WorldNode[]): void {
    const dids = new Set(nodes.map(({ did }) => did));
    for (const [did, shown] of this.#shown) if (!dids.has(did)) this.#remove(did, shown);
    let moved = false;
    for (const node of nodes) {
      const known = this.#shown.get(node.did);
      const shown = known ?? this.#add(node);
      moved ||= !known || !samePlace(known.node, node) || known.node.title !== node.title;
      shown.node = node;
      paint(shown);
      this.#placeThings(shown);
    }
    if (moved) this.#placeNames();
  }

  choose(dids: ReadonlySet<string> | undefined): void {
    for (const [did, { element }] of this.#shown) {
      element.classList.toggle("node--chosen", dids?.has(did) ?? false);
    }
  }

  #add(node: WorldNode): Shown {
    const title = make("b", "node-title");
    const detail = make("span", "node-detail");
    const home = make("span", "node-nation");
    const name = make("span", "node-name", title, " ", make("span", "node-where", home, detail));
    const body = make("span", "node-body", make("span", "node-dot"), name);
    const marker = L.marker([node.place.lat, node.place.lon], {
      pane: "nodes",
      icon: L.divIcon({ className: "node", html: body, iconSize: [28, 28] }),
      keyboard: true,
      bubblingMouseEvents: false,
    }).addTo(this.#map);
    const element = marker.getElement() ?? body;
    marker.on("mouseover", () => this.#events.meet(node.did));
    marker.on("mouseout", () => this.#events.leave());
    marker.on("click", () => this.#events.choose(node.did));
    element.addEventListener("focus", () => {
      if (element.matches(":focus-visible")) this.#events.meet(node.did);
    });
    element.addEventListener("blur", () => this.#events.leave());
    const shown: Shown = { marker, element, title, nation: home, detail, things: new Map(), node };
    this.#shown.set(node.did, shown);
    return shown;
  }

  #placeThings({ node, things }: Shown): void {
    const home = this.#map.latLngToLayerPoint([node.place.lat, node.place.lon]);
    const ids = new Set(node.things.map(({ id }) => id));
    for (const [id, marker] of things) {
      if (ids.has(id)) continue;
      marker.remove();
      things.delete(id);
    }
    let petals = 0;
    const closeness = this.#map.getSize().x < NARROW_PX ? 0.7 : 1;
    for (const thing of node.things) {
      const own = thing.place && this.#map.latLngToLayerPoint([thing.place.lat, thing.place.lon]);
      const apart = own !== undefined && own.distanceTo(home) > NEAR_PX;
      const index = apart ? 0 : petals++;
      if (index >= PETALS_MAX) continue;
      const spot = apart ? own : home.add(L.point(petal(index)).multiplyBy(closeness));
      const marker = things.get(thing.id) ?? this.#addThing(thing, things);
      marker.setLatLng(this.#map.layerPointToLatLng(spot));
      paintThing(marker, thing, apart);
    }
  }

  #addThing(thing: WorldThing, things: Map<string, L.Marker>): L.Marker {
    const body = make("span", "thing-body", make("span", "thing-dot"), make("span", "thing-name"));
    const marker = L.marker([0, 0], {
      pane: "things",
      icon: L.divIcon({ className: "thing", html: body, iconSize: [8, 8] }),
      interactive: false,
      keyboard: false,
    }).addTo(this.#map);
    things.set(thing.id, marker);
    return marker;
  }

  #placeNames(): void {
    const shown = [...this.#shown.values()];
    const size = this.#map.getSize();
    const right = size.x - clearRight(this.#map.getContainer());
    const boxes = shown.map(({ node, element }) => {
      const { x, y } = this.#map.latLngToContainerPoint([node.place.lat, node.place.lon]);
      const name = element.querySelector<HTMLElement>(".node-name");
      return { x, y, width: name?.offsetWidth ?? 0, height: name?.offsetHeight ?? 0 };
    });
    const sides = placeLabels(boxes, { left: 0, top: 0, right, bottom: size.y });
    shown.forEach(({ element }, i) => element.setAttribute("data-side", sides[i] ?? "right"));
    this.#placeThingNames(boxes.map((box, i) => boxOf(box, sides[i] ?? "right")));
  }

  /** A Thing's name is shown where it covers nothing; nearer by, more of them are. */
  #placeThingNames(taken: readonly Box[]): void {
    const corner = this.#map.getContainer().getBoundingClientRect();
    const names = [...this.#map.getPane("things")!.querySelectorAll(".thing--apart .thing-name")];
    const boxes = names.map((name) => {
      const { left, top, right, bottom } = name.getBoundingClientRect();
      const [dx, dy] = [corner.left, corner.top];
      return { left: left - dx, top: top - dy, right: right - dx, bottom: bottom - dy };
    });
    const fits = fitLabels(boxes, taken);
    names.forEach((name, i) => name.classList.toggle("thing-name--out", fits[i] !== true));
  }

  #remove(did: string, { marker, things }: Shown): void {
    marker.remove();
    for (const thing of things.values()) thing.remove();
    this.#shown.delete(did);
  }
}

function paint({ node, marker, element, title, nation: home, detail }: Shown): void {
  marker.setLatLng([node.place.lat, node.place.lon]);
  title.textContent = node.title;
  home.textContent = nation(node.country);
  detail.textContent = ` · ${node.currency}${node.online ? "" : ` · ${say("state.offline")}`}`;
  element.classList.toggle("node--offline", !node.online);
  element.setAttribute("data-did", node.did);
  // as it is written beside the dot, so that who speaks to the page can say what they read
  const label = `${node.title} ${home.textContent}${detail.textContent}`;
  if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
}

function paintThing(marker: L.Marker, thing: WorldThing, apart: boolean): void {
  const element = marker.getElement();
  element?.classList.toggle("thing--apart", apart);
  const name = element?.querySelector(".thing-name");
  if (name) name.textContent = [thing.title, thing.last].filter(Boolean).join(" · ");
}

function samePlace(a: WorldNode, b: WorldNode): boolean {
  return a.place.lat === b.place.lat && a.place.lon === b.place.lon;
}

/** Text only ever goes in as text: titles come from other organisations. */
function make(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}
