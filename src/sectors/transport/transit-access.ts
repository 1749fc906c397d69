import { ComityError } from "../../kernel/errors.ts";
import { metresBetween, placeProblem } from "../../kernel/place.ts";
import { isoTime } from "../../kernel/time.ts";
import { objectAt } from "../../kernel/json-object.ts";
import { messageIn } from "../message.ts";
import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";

const placesMax = 1_000;
const aheadMsMax = 60_000;
const metresPerDegree = 111_000;

interface Inhabited {
  readonly lat: number;
  readonly lon: number;
  readonly people: number;
  /** When a vehicle was near, milliseconds since the Unix epoch. */
  servedAt: number;
}

/** How many people live near where vehicles of public transport were seen lately. */
class TransitAccess implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #places: readonly Inhabited[];
  readonly #metres: number;
  readonly #withinMs: number;
  readonly #people: number;
  #now = Number.NEGATIVE_INFINITY;

  constructor(outside: IndicatorOutside) {
    const { places, metres, minutes } = outside.settings;
    this.#outside = outside;
    this.#places = placesIn(String(places));
    this.#metres = Number(metres);
    this.#withinMs = Number(minutes) * 60_000;
    this.#people = this.#places.reduce((sum, { people }) => sum + people, 0);
  }

  take({ topic, payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said?.["type"] !== "FleetVehicleStatus") return;
    const { coordinates } = objectAt(said["location"]);
    const [lon, lat] = Array.isArray(coordinates) ? (coordinates as unknown[]) : [];
    const at = isoTime(String(said["lastKnownPositionUpdatedAt"]));
    if (typeof lat !== "number" || typeof lon !== "number" || placeProblem({ lat, lon })) {
      return this.#outside.fault({ code: "position", text: `${topic} says no place on Earth` });
    }
    if (at === undefined || at > this.#outside.clock.now() + aheadMsMax) {
      return this.#outside.fault({ code: "clock", text: `${topic} says no time until now` });
    }
    this.#now = Math.max(this.#now, at);
    const degrees = this.#metres / metresPerDegree + 0.001;
    for (const place of this.#places) {
      if (place.servedAt >= at || Math.abs(place.lat - lat) > degrees) continue;
      if (metresBetween(place, { lat, lon }) <= this.#metres) place.servedAt = at;
    }
  }

  beat(): void {
    if (!Number.isFinite(this.#now)) return;
    const served = this.#places.filter(({ servedAt }) => servedAt >= this.#now - this.#withinMs);
    const people = served.reduce((sum, one) => sum + one.people, 0);
    this.#outside.publish("all", {
      value: Number(((100 * people) / this.#people).toFixed(2)),
      ...{ people, peopleOfAll: this.#people },
      ...{ places: served.length, placesOfAll: this.#places.length },
      asOf: new Date(this.#now).toISOString(),
    });
  }
}

/** `lat,lon,people`, parted by white space; BODY_INVALID names the first that is none. */
function placesIn(text: string): readonly Inhabited[] {
  const places = text
    .split(/\s+/)
    .filter((one) => one !== "")
    .map((one) => {
      const [lat = NaN, lon = NaN, people = NaN, ...more] = one
        .split(",")
        .map((part) => (part === "" ? NaN : Number(part)));
      const isPlace = placeProblem({ lat, lon }) === undefined && more.length === 0;
      if (isPlace && people > 0 && people <= 1e9) return { lat, lon, people, servedAt: -Infinity };
      throw invalid(`"${one.slice(0, 80)}" is no place with people, such as 38.25,-85.76,1200`);
    });
  if (places.length > 0 && places.length <= placesMax) return places;
  throw invalid(`it has ${places.length} places; it takes 1 to ${placesMax}`);
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem: `setting "places": ${problem}` });
}

export const transitAccess: IndicatorKind = {
  title: "Share of people who have public transport nearby",
  unit: "%",
  formula:
    "100 x (people of the places that a vehicle came within `metres` of in the last `minutes`) / " +
    "(people of all places); great-circle distance, FleetVehicleStatus",
  source: "https://unstats.un.org/sdgs/metadata/files/Metadata-11-02-01.pdf",
  settings: {
    places: { title: "where people live: lat,lon,people, parted by white space", type: "string" },
    metres: {
      ...{ title: "how near; 500 for buses, 1000 for rail", type: "number", unit: "m" },
      ...{ minimum: 50, maximum: 5_000, otherwise: 500 },
    },
    minutes: {
      ...{ title: "how long ago at most", type: "number", unit: "min" },
      ...{ minimum: 1, maximum: 1_440, otherwise: 60 },
    },
  },
  goal: {
    number: "11.2.1",
    contributes: "whether transport that is really running comes near where people live",
    isNot:
      "not by sex, age and disability, as the crow flies instead of along streets, near vehicles " +
      "instead of stops, and for the places and people it was told",
  },
  open: (outside) => new TransitAccess(outside),
};
