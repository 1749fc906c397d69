import { pricePerMessage } from "../../kernel/price.ts";
import { wordsOf } from "../../kernel/words.ts";
import {
  type SearchBox,
  type SearchEntry,
  type SearchQuery,
  wordsMax,
} from "../../ports/search.ts";

const entryWordsMax = 600;
const titleWordsMax = 100;
const wordLengthMax = 40;
const earthKm = 6371.0088;

/** Behind `=`, which no word holds: what an offer is. Behind `^`: a word of its title. */
export function termsOfEntry(entry: SearchEntry, provider: string): Set<string> {
  const title = cut(wordsOf(entry.title), titleWordsMax);
  const terms = new Set(title);
  for (const word of cut(wordsOf(entry.text), entryWordsMax)) terms.add(word);
  for (const word of title) terms.add(`^${word}`);
  terms.add(`=provider ${provider}`);
  terms.add(`=sector ${entry.sector}`);
  terms.add(`=delivery ${entry.delivery}`);
  if (entry.mark !== undefined) terms.add(`=mark ${entry.mark}`);
  for (const unit of entry.units) terms.add(`=unit ${unit}`);
  if (entry.place !== undefined) {
    terms.add(cell(cellAt(entry.place.lon + 180), cellAt(entry.place.lat + 90)));
  }
  terms.add(pricePerMessage(entry.price) === 0 ? "=free" : `=currency ${entry.price.currency}`);
  return terms;
}

/** Those that all must hold, alternatives side by side. */
export function facetsOf(query: SearchQuery): (readonly string[])[] {
  const { provider, sector, delivery, unit, marks, free, priceMax, near, box } = query;
  const facets: (readonly string[])[] = [];
  if (provider !== undefined) facets.push([`=provider ${provider}`]);
  if (sector !== undefined) facets.push([`=sector ${sector}`]);
  if (delivery !== undefined) facets.push([`=delivery ${delivery}`]);
  if (unit !== undefined) facets.push([`=unit ${unit}`]);
  if (marks !== undefined) facets.push(marks.map((mark) => `=mark ${mark}`));
  if (free === true) facets.push(["=free"]);
  if (priceMax !== undefined) facets.push(["=free", `=currency ${priceMax.currency}`]);
  if (box !== undefined) facets.push(cellsOf(box));
  if (near !== undefined) facets.push(cellsOf(boxAround(near)));
  return facets.filter((alternatives) => alternatives !== everywhere);
}

/** Degrees; what lies in a cell that is looked at is compared exactly. */
const cellSide = 5;
const cellsMax = 500;
const everywhere: readonly string[] = [];

function cellsOf(box: SearchBox): readonly string[] {
  if (box.west > box.east) {
    const halves = [cellsOf({ ...box, east: 180 }), cellsOf({ ...box, west: -180 })];
    return halves.includes(everywhere) ? everywhere : halves.flat();
  }
  const [west, east] = [cellAt(box.west + 180), cellAt(box.east + 180)];
  const [south, north] = [cellAt(box.south + 90), cellAt(box.north + 90)];
  if ((east - west + 1) * (north - south + 1) > cellsMax) return everywhere;
  const cells: string[] = [];
  for (let x = west; x <= east; x++) for (let y = south; y <= north; y++) cells.push(cell(x, y));
  return cells;
}

function cellAt(degreesFromEdge: number): number {
  return Math.floor(degreesFromEdge / cellSide);
}

function cell(x: number, y: number): string {
  return `=cell ${x} ${y}`;
}

export interface WantedWord {
  readonly word: string;
  /** It may go on. One letter is no beginning: it would stand for a twentieth of all words. */
  readonly isPrefix: boolean;
}

export function wordsOfQuery(query: SearchQuery): WantedWord[] {
  const words = cut(wordsOf(query.text ?? ""), wordsMax);
  return words.map((word, at) => ({ word, isPrefix: at === words.length - 1 && word.length > 1 }));
}

function cut(words: readonly string[], max: number): string[] {
  return words.slice(0, max).map((word) => word.slice(0, wordLengthMax));
}

/** A point of the unit sphere: distances on it need no trigonometry and know no date line. */
export function pointOf(lat: number, lon: number): readonly [x: number, y: number, z: number] {
  const ring = Math.cos(radians(lat));
  return [ring * Math.cos(radians(lon)), ring * Math.sin(radians(lon)), Math.sin(radians(lat))];
}

/** The square of the straight line through that sphere below `km` of the Earth's surface. */
export function chordSquared(km: number): number {
  const chord = 2 * Math.sin(Math.min(km / earthKm, Math.PI) / 2);
  return chord * chord;
}

/** Holds the circle; all longitudes where it holds a pole. */
function boxAround(near: {
  readonly lat: number;
  readonly lon: number;
  readonly km: number;
}): SearchBox {
  const angle = near.km / earthKm + 1e-9;
  const south = near.lat - degrees(angle);
  const north = near.lat + degrees(angle);
  const all = { south, north, west: -180, east: 180 };
  if (south <= -90 || north >= 90) return all;
  const half = degrees(Math.asin(Math.sin(angle) / Math.cos(radians(near.lat))));
  if (!(half < 180)) return all;
  const west = near.lon - half;
  const east = near.lon + half;
  return {
    south,
    north,
    west: west < -180 ? west + 360 : west,
    east: east > 180 ? east - 360 : east,
  };
}

function radians(value: number): number {
  return (value * Math.PI) / 180;
}

function degrees(value: number): number {
  return (value * 180) / Math.PI;
}
