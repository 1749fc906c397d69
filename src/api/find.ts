import type { Static } from "typebox";
import { ComityError } from "../kernel/errors.ts";
import type { SearchQuery } from "../ports/search.ts";
import { unitOf } from "../wire/units/codes.ts";
import type { FindParams } from "./schemas.ts";

type Params = Static<typeof FindParams>;

const limitDefault = 50;

/** The DID of a peer, or of this node, that is named by its short name. */
export function peerNames(
  node: { readonly name: string; readonly did: string },
  peers: readonly { readonly name: string; readonly did: string }[],
): (peer: string) => string {
  return (peer) =>
    peer === node.name ? node.did : (peers.find(({ name }) => name === peer)?.did ?? peer);
}

/** A question as it is asked over HTTP; BODY_INVALID names the parameter that is wrong. */
export function searchQueryOf(
  params: Params,
  now: number,
  didOf: (peer: string) => string,
): SearchQuery {
  const { q, sector, delivery, unit, provider, free, near, box, priceMax } = params;
  const { newerThanSeconds, offset = 0, limit = limitDefault } = params;
  return {
    offset,
    limit,
    ...(q !== undefined && { text: q }),
    ...(sector !== undefined && { sector }),
    ...(delivery !== undefined && { delivery }),
    // offers carry UCUM's codes
    ...(unit !== undefined && { unit: unitOf(unit)?.unit.code ?? unit }),
    ...(provider !== undefined && { provider: didOf(provider) }),
    ...(free !== undefined && { free }),
    ...(near !== undefined && { near: nearFrom(near) }),
    ...(box !== undefined && { box: boxFrom(box) }),
    ...(priceMax !== undefined && { priceMax: priceMaxFrom(priceMax) }),
    ...(newerThanSeconds !== undefined && { lastAfter: now - newerThanSeconds * 1000 }),
  };
}

function nearFrom(text: string): NonNullable<SearchQuery["near"]> {
  const [lat = Number.NaN, lon = Number.NaN, km = Number.NaN, ...more] = numbersIn(text);
  if (!isPlace(lat, lon) || !(km > 0 && km <= 20_040) || more.length > 0) {
    throw invalid("near", text, "lat,lon,km such as 51.92,4.48,25");
  }
  return { lat, lon, km };
}

function boxFrom(text: string): NonNullable<SearchQuery["box"]> {
  const [south = Number.NaN, west = Number.NaN, ...rest] = numbersIn(text);
  const [north = Number.NaN, east = Number.NaN, ...more] = rest;
  if (!isPlace(south, west) || !isPlace(north, east) || south > north || more.length > 0) {
    throw invalid("box", text, "south,west,north,east such as 50,3,54,8");
  }
  return { south, west, north, east };
}

function priceMaxFrom(text: string): NonNullable<SearchQuery["priceMax"]> {
  const [, amount, currency = ""] = /^(\d{1,12}(?:\.\d{1,12})?) ([A-Z]{3})$/.exec(text) ?? [];
  if (amount === undefined) throw invalid("priceMax", text, "such as 0.01 EUR");
  return { amount: Number(amount), currency };
}

function numbersIn(text: string): number[] {
  return text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
}

function isPlace(lat: number, lon: number): boolean {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
}

function invalid(name: string, text: string, wanted: string): ComityError {
  return new ComityError("BODY_INVALID", { problem: `${name} "${text}" is not ${wanted}` });
}
