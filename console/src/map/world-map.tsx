import { effect } from "@preact/signals";
import * as L from "leaflet";
import { useEffect, useRef } from "preact/hooks";
import { anchor, choose, close, leave, meet, type Selection, selection } from "../selection.ts";
import { happenings, nodesByDid, now, world } from "../state.ts";
import { say } from "../words.ts";
import { Arcs } from "./arcs.ts";
import { equalEarth } from "./crs.ts";
import { Land } from "./land.ts";
import { Nodes } from "./nodes.ts";
import { holdView } from "./view.ts";

const OUTLINES_URL = "/outlines.json";

/** The chart itself. Leaflet owns what is inside; signals say what to draw. */
export function WorldMap() {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => (frame.current ? drawMap(frame.current) : undefined), []);
  return <div class="map" ref={frame} role="region" aria-label={say("map")} />;
}

function drawMap(frame: HTMLElement): () => void {
  const map = L.map(frame, {
    crs: equalEarth,
    center: [20, 11],
    zoom: 2,
    minZoom: 0.4,
    maxZoom: 13,
    zoomSnap: 0,
    zoomDelta: 1,
    wheelPxPerZoomLevel: 110,
    zoomControl: false,
    attributionControl: false,
    maxBoundsViscosity: 0.8,
    renderer: L.svg({ padding: 0.6 }),
  });
  const land = new Land(map);
  const arcs = new Arcs(map, {
    meet: (id, at) => meet({ kind: "agreement", id, at }),
    leave,
    choose: (id, at) => choose({ kind: "agreement", id, at }),
  });
  const nodes = new Nodes(map, {
    meet: (id) => meet({ kind: "node", id }),
    leave,
    choose: (id) => choose({ kind: "node", id }),
  });
  const view = holdView(map);
  const spotOf = ({ kind, id, at }: Selection): L.Point | undefined => {
    const place = kind === "node" ? nodesByDid.peek().get(id)?.place : undefined;
    const spot = at ?? arcs.middleOf(id) ?? (place && L.latLng(place.lat, place.lon));
    return spot && map.latLngToContainerPoint(spot);
  };
  const stops = [
    effect(() => {
      if (!world.value) return;
      nodes.show(world.value.nodes);
      arcs.show(world.value.agreements, nodesByDid.value);
      land.showNations(world.value.nodes);
      view.show(world.value.nodes);
    }),
    effect(() => land.showNight(Math.floor(now.value / 60_000) * 60_000)),
    effect(() => highlight(arcs, nodes)),
    effect(() => {
      const latest = happenings.value[0];
      if (latest?.agreement !== undefined) arcs.pulse(latest.agreement);
    }),
    effect(() => {
      anchor.value = selection.value && spotOf(selection.value);
    }),
  ];
  void land.load(OUTLINES_URL).then(() => land.showNations(world.peek()?.nodes ?? []));
  map.on("move zoomend", () => {
    if (selection.value) anchor.value = spotOf(selection.value);
  });
  map.on("click", close);
  // A Leaflet map takes its size once; panels come and go around it.
  const sized = new ResizeObserver(() => map.invalidateSize({ pan: false }));
  sized.observe(frame);
  return () => {
    for (const stop of stops) stop();
    view.stop();
    sized.disconnect();
    map.remove();
  };
}

function highlight(arcs: Arcs, nodes: Nodes): void {
  const chosen = selection.value;
  const agreements = world.value?.agreements ?? [];
  if (!chosen) {
    arcs.choose(undefined);
    nodes.choose(undefined);
    return;
  }
  const related = agreements.filter(({ id, provider, consumer }) =>
    chosen.kind === "agreement" ? id === chosen.id : [provider, consumer].includes(chosen.id),
  );
  arcs.choose(related.length > 0 ? new Set(related.map(({ id }) => id)) : undefined);
  nodes.choose(
    chosen.kind === "node"
      ? new Set([chosen.id])
      : new Set(related.flatMap(({ provider, consumer }) => [provider, consumer])),
  );
}
