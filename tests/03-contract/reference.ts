import { createHmac, hkdfSync } from "node:crypto";
import type { GeoPolygon } from "../../src/kernel/polygon.ts";
import { matches } from "../../src/kernel/topic.ts";
import type { Condition, Grant, Shape } from "../../src/market/grant.ts";
import type { Refusal } from "../../src/ports/usage.ts";

/**
 * What a grant means, written to be read and not to be fast: one message at a time, the payload
 * as a JavaScript value (so that only compact JSON comes out as it went in). The data plane is
 * held against it in operands-meaning.test.ts. Areas are upright rectangles here, with at most
 * one such hole.
 */
export interface Message {
  readonly topic: string;
  /** Log time. */
  readonly at: number;
  readonly payload: Buffer;
}

type Place = { readonly lat: number; readonly lon: number };
type Truth = boolean | undefined;
type Finding = { readonly truth: Truth; readonly reason: Refusal };
type Members = Record<string, unknown>;

export type Decision =
  | { readonly passes: true; readonly payload: Buffer }
  | { readonly passes: false; readonly reason: Refusal };

/** Topic, conditions, prohibitions and shape; `payload` is a Buffer where it passes untouched. */
export function decide(grant: Grant, secret: Uint8Array, message: Message): Decision {
  const refuse = (reason: Refusal): Decision => ({ passes: false, reason });
  const { topic, at, payload } = message;
  if (!grant.filters.some((filter) => matches(filter, topic))) return refuse("topic");
  const value = objectIn(payload);
  const place = value && placeOf(value);
  // What topic and time decide is decided without looking inside; then with the place known.
  for (const known of ["unread", place] as const) {
    const permission = grant.when && judge(grant.when, topic, at, known);
    const isOpen = (truth: Truth): boolean => truth === undefined && known === "unread";
    if (permission && permission.truth !== true && !isOpen(permission.truth)) {
      return refuse(permission.reason);
    }
    for (const prohibition of grant.unless ?? []) {
      const { truth } = judge(prohibition, topic, at, known);
      if (truth === true) return refuse("prohibited");
      if (truth === undefined && known !== "unread") return refuse("place");
    }
  }
  if (grant.shape === undefined) return { passes: true, payload };
  const key = Buffer.from(
    hkdfSync("sha256", secret, "", `comity pseudonyms ${grant.agreement}`, 32),
  );
  const days = value && daysOf(value, grant, secret);
  const made = { shape: grant.shape, key, days };
  const shaped = value && shapedObject(value, "", made, grant.shape.allow === undefined);
  if (shaped === undefined || shaped === broken) return refuse("field");
  return { passes: true, payload: Buffer.from(JSON.stringify(shaped)) };
}

/** The first so many of each window go through; a window begins where the time leaves the last. */
export class ReferenceRate {
  readonly #rate: NonNullable<Grant["rate"]> | undefined;
  #window = Number.NaN;
  #passed: string[] = [];

  constructor(rate: Grant["rate"]) {
    this.#rate = rate;
  }

  see(at: number): void {
    if (this.#rate === undefined) return;
    const window = Math.floor(at / 1000 / this.#rate.seconds);
    if (window !== this.#window) this.#passed = [];
    this.#window = window;
  }

  admits(topic: string): boolean {
    if (this.#rate === undefined) return true;
    const same =
      this.#rate.per === "stream" ? this.#passed : this.#passed.filter((t) => t === topic);
    if (same.length >= this.#rate.messages) return false;
    this.#passed.push(topic);
    return true;
  }
}

function judge(
  condition: Condition,
  topic: string,
  at: number,
  place: Place | undefined | "unread",
): Finding {
  const parts = (of: readonly Condition[]): Finding[] =>
    of.map((part) => judge(part, topic, at, place));
  if ("topic" in condition) {
    return { truth: condition.topic.some((filter) => matches(filter, topic)), reason: "topic" };
  }
  if ("within" in condition) {
    const isKnown = place !== undefined && place !== "unread";
    return { truth: isKnown ? isWithin(condition.within, place) : undefined, reason: "place" };
  }
  if ("all" in condition) {
    const found = parts(condition.all);
    const isFalse = found.some(({ truth }) => truth === false);
    const blamed = found.find(({ truth }) =>
      isFalse && place === "unread" ? truth === false : truth !== true,
    );
    return {
      truth: isFalse ? false : blamed ? undefined : true,
      reason: blamed?.reason ?? "condition",
    };
  }
  if ("any" in condition) {
    const found = parts(condition.any);
    if (found.some(({ truth }) => truth === true)) return { truth: true, reason: "condition" };
    const isUnknown = found.some(({ truth }) => truth === undefined);
    return isUnknown
      ? { truth: undefined, reason: "place" }
      : { truth: false, reason: "condition" };
  }
  if ("one" in condition) {
    const found = parts(condition.one);
    const count = found.filter(({ truth }) => truth === true).length;
    const isUnknown = found.some(({ truth }) => truth === undefined);
    if (count <= 1 && isUnknown) return { truth: undefined, reason: "place" };
    return { truth: count === 1, reason: "condition" };
  }
  const { from = -Infinity, until = Infinity } = condition;
  return { truth: from <= at && at < until, reason: "time" };
}

function isWithin({ coordinates: [outer = [], hole] }: GeoPolygon, { lat, lon }: Place): boolean {
  const [west, east, south, north] = boxOf(outer);
  if (!(west <= lon && lon <= east && south <= lat && lat <= north)) return false;
  if (hole === undefined) return true;
  const [holeWest, holeEast, holeSouth, holeNorth] = boxOf(hole);
  return !(holeWest < lon && lon < holeEast && holeSouth < lat && lat < holeNorth);
}

function boxOf(ring: readonly (readonly number[])[]): [number, number, number, number] {
  const lons = ring.map(([lon = 0]) => lon);
  const lats = ring.map(([, lat = 0]) => lat);
  return [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
}

function objectIn(payload: Buffer): Members | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placeOf(value: Members): Place | undefined {
  const inside = (name: string): Members => (isObject(value[name]) ? value[name] : {});
  for (const holder of [value, inside("position"), inside("location")]) {
    for (const [latName, lonName] of [
      ["lat", "lon"],
      ["latitude", "longitude"],
    ] as const) {
      const [lat, lon] = [holder[latName], holder[lonName]];
      if (typeof lat === "number" && typeof lon === "number") return onEarth({ lat, lon });
    }
  }
  for (const name of ["geometry", "location", "position"]) {
    const { coordinates } = inside(name);
    if (!Array.isArray(coordinates)) continue;
    const [lon, lat] = coordinates as unknown[];
    if (typeof lat === "number" && typeof lon === "number") return onEarth({ lat, lon });
  }
  return undefined;
}

function onEarth(place: Place): Place | undefined {
  return Math.abs(place.lat) <= 90 && Math.abs(place.lon) <= 180 ? place : undefined;
}

const broken = Symbol("cannot be read");
const absent = Symbol("left out");

interface Made {
  readonly shape: Shape;
  readonly key: Buffer;
  /** Undefined where it cannot be told whose dates they are. */
  readonly days: number | undefined;
}

function shapedObject(value: Members, at: string, made: Made, isOpen: boolean) {
  const { shape } = made;
  const left: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) {
    const path = at === "" ? name : `${at}.${name}`;
    if (shape.drop?.includes(path) === true) continue;
    const opened = isOpen || shape.allow?.includes(path) === true;
    const leads = [...(shape.allow ?? [])].some((other) => other.startsWith(`${path}.`));
    if (!opened && !leads) continue;
    const shaped = shapedValue(member, path, made, opened);
    if (shaped === broken) return broken;
    if (shaped !== absent) left.push([name, shaped]);
  }
  return Object.fromEntries(left);
}

function shapedValue(value: unknown, path: string, made: Made, isOpen: boolean): unknown {
  const { shape, key, days } = made;
  if (Array.isArray(value)) {
    const shaped = value.map((one: unknown) => shapedValue(one, path, made, isOpen));
    return shaped.includes(broken) ? broken : shaped.filter((one) => one !== absent);
  }
  const step = shape.round?.[path];
  const isHidden = shape.pseudonymise?.includes(path) === true;
  if (isOpen && value !== null && shape.shift?.[path] !== undefined) {
    return days === undefined ? broken : moved(value, days);
  }
  if (isOpen && value !== null && (isHidden || step !== undefined)) {
    if (isHidden)
      return isObject(value) || typeof value === "boolean" ? broken : hidden(value, key);
    return typeof value === "number" ? rounded(value, step!) : broken;
  }
  if (isObject(value)) return shapedObject(value, path, made, isOpen);
  return isOpen ? value : absent;
}

function hidden(value: unknown, key: Buffer): string {
  return createHmac("sha256", key).update(String(value)).digest("base64url").slice(0, 22);
}

function daysOf(value: Members, { shape, agreement }: Grant, secret: Uint8Array) {
  const most = Object.values(shape?.shift ?? {})[0];
  if (most === undefined) return undefined;
  const subjects = shape?.shiftBy === undefined ? [""] : standing(value, "", shape.shiftBy);
  const told = new Set(subjects.map((one) => (isScalar(one) ? String(one) : undefined)));
  const [subject] = told;
  if (told.size !== 1 || subject === undefined) return undefined;
  const key = hkdfSync("sha256", secret, "", `comity date shifts ${agreement}`, 32);
  const hash = createHmac("sha256", Buffer.from(key)).update(subject).digest("hex");
  const drawn = Number(BigInt(`0x${hash.slice(0, 12)}`) % BigInt(2 * most));
  return drawn < most ? drawn - most : drawn - most + 1;
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

function standing(value: unknown, at: string, path: string): unknown[] {
  if (Array.isArray(value)) return value.flatMap((one: unknown) => standing(one, at, path));
  if (at === path || !isObject(value)) return at === path ? [value] : [];
  return Object.entries(value).flatMap(([name, member]) =>
    standing(member, at === "" ? name : `${at}.${name}`, path),
  );
}

const dayMs = 86_400_000;

/** Seconds and milliseconds alone, and no intervals. */
function moved(value: unknown, days: number): unknown {
  if (typeof value === "number") {
    if (value >= 1e8 && value < 1e11) return value + (days * dayMs) / 1000;
    return value >= 1e11 && value < 1e14 ? value + days * dayMs : broken;
  }
  if (typeof value !== "string") return broken;
  const full = { 4: `${value}-07-02`, 7: `${value}-15` }[value.length] ?? value.slice(0, 10);
  const at = Date.parse(`${full}T00:00:00Z`);
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== full) return broken;
  const date = new Date(at + days * dayMs).toISOString().slice(0, Math.min(10, value.length));
  return date + value.slice(10);
}

/** Numbers and steps have at most three decimals here. */
function rounded(value: number, step: number): number {
  const thousandths = Math.round(Math.abs(value) * 1000);
  const unit = Math.round(step * 1000);
  const size = Math.floor((2 * thousandths + unit) / (2 * unit)) * unit;
  return (value < 0 && size > 0 ? -size : size) / 1000;
}
