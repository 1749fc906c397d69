import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { placeProblem } from "../../kernel/place.ts";
import { messagePartIn, type PositionReport, positionReportIn } from "../../wire/nmea/ais.ts";
import { NmeaError, ownPositionIn, parseSentence } from "../../wire/nmea/sentence.ts";
import type { Sentence } from "../../wire/nmea/sentence.ts";
import { type Fault, levelOf, type SectorMessage, type SourceReader } from "../sector.ts";
import type { SourceInput, SourceReading } from "../sector.ts";
import { Tracks } from "./tracks.ts";
import type { VehicleStatus } from "./vehicle-status.ts";

/** FleetVehicleStatus with what AIS alone knows. */
export type VesselStatus = VehicleStatus & {
  readonly ais?: Pick<PositionReport, "mmsi" | "heading" | "navigationStatus"> & {
    readonly class: "A" | "B";
  };
};

const kmhPerKnot = 1.852;
/** 360 km/h: hydrofoils and search-and-rescue aircraft speak AIS too. */
const metresASecondMax = 100;
const waitingMax = 64;
/** Parts of a message follow each other at once, or are lost. */
const partsMs = 10_000;

interface Waiting {
  readonly payloads: readonly string[];
  readonly until: number;
}

/**
 * NMEA 0183 in, one sentence a line: AIS position reports (types 1 to 3 and 18) become messages
 * below `vessels/<mmsi>`, a receiver's own position (RMC) below `receivers/<where it came from>`.
 */
export class NmeaReader implements SourceReader {
  readonly #clock: Clock;
  readonly #tracks = new Tracks(metresASecondMax);
  /** Messages whose parts have not all come, by their key; the oldest first. */
  readonly #waiting = new Map<string, Waiting>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  read({ bytes, from }: SourceInput): SourceReading {
    const lines = Buffer.from(bytes)
      .toString("latin1")
      .split(/[\r\n]+/);
    const messages: SectorMessage[] = [];
    const faults: Fault[] = [];
    let read = 0;
    for (const line of lines) {
      if (line.trim() === "") continue;
      try {
        const made = this.#messageOf(parseSentence(line), from, faults);
        read++;
        if (made !== undefined) messages.push(made);
      } catch (thrown) {
        if (!(thrown instanceof NmeaError)) throw thrown;
        faults.push({ code: thrown.code, text: thrown.message });
      }
    }
    if (read === 0 && faults.length > 0 && faults.every(({ code }) => code === "form")) {
      throw new ComityError("SOURCE_INVALID", { problem: `it has no NMEA: ${faults[0]!.text}` });
    }
    return { messages, faults };
  }

  #messageOf(sentence: Sentence, from: string, faults: Fault[]): SectorMessage | undefined {
    if (/^..VD[MO]$/.test(sentence.address)) return this.#vessel(sentence, faults);
    return /^..RMC$/.test(sentence.address) ? this.#receiver(sentence, from, faults) : undefined;
  }

  #vessel(sentence: Sentence, faults: Fault[]): SectorMessage | undefined {
    const whole = this.#whole(sentence, faults);
    const report = whole && positionReportIn(whole.payload, whole.fillBits);
    if (report?.place === undefined) return undefined;
    const { mmsi, place, knots, course, heading, navigationStatus } = report;
    const id = String(mmsi).padStart(9, "0");
    const at = this.#timeOf(report);
    if (this.#isDoubtful(`vessel ${id}`, place, at, faults)) return undefined;
    const payload: VesselStatus = {
      ...statusOf(id, place, at, knots, course),
      ais: {
        mmsi,
        class: report.type === 18 ? "B" : "A",
        ...(heading !== undefined && { heading }),
        ...(navigationStatus !== undefined && { navigationStatus }),
      },
    };
    return { topic: `vessels/${id}`, payload };
  }

  #receiver(sentence: Sentence, from: string, faults: Fault[]): SectorMessage | undefined {
    const own = ownPositionIn(sentence);
    if (own === undefined) return undefined;
    const id = from.split("/").at(-1) ?? from;
    if (this.#isDoubtful(`receiver ${id}`, own, own.at, faults)) return undefined;
    const payload = statusOf(id, own, own.at, own.knots, own.course);
    return { topic: `receivers/${levelOf(id)}`, payload };
  }

  /** The payload of all parts, once the last has come in its turn. */
  #whole(sentence: Sentence, faults: Fault[]) {
    const { parts, part, key, payload, fillBits } = messagePartIn(sentence);
    if (parts === 1) return { payload, fillBits };
    const now = this.#clock.monotonic();
    const before = this.#waiting.get(key);
    this.#waiting.delete(key);
    const isNext = before === undefined || before.until < now ? part === 1 : true;
    const payloads = part === 1 ? [] : (before?.payloads ?? []);
    if (!isNext || payloads.length !== part - 1) {
      faults.push({ code: "fragment", text: `part ${part} of ${parts} came without those before` });
      return undefined;
    }
    const all = [...payloads, payload];
    if (part === parts) return { payload: all.join(""), fillBits };
    this.#waiting.set(key, { payloads: all, until: now + partsMs });
    if (this.#waiting.size > waitingMax) this.#waiting.delete(this.#waiting.keys().next().value!);
    return undefined;
  }

  /** AIS tells the second alone: it is of the minute that makes it the nearest to now. */
  #timeOf({ second }: PositionReport): number {
    const now = this.#clock.now();
    if (second === undefined) return now;
    const minute = 60_000;
    const at = Math.floor(now / minute) * minute + second * 1000;
    if (at - now > minute / 2) return at - minute;
    return now - at > minute / 2 ? at + minute : at;
  }

  #isDoubtful(
    name: string,
    place: { readonly lat: number; readonly lon: number },
    at: number,
    faults: Fault[],
  ): boolean {
    const problem = placeProblem(place) ?? this.#tracks.problem(name, place, at / 1000);
    if (problem !== undefined) faults.push({ code: "position", text: `${name}: ${problem}` });
    return problem !== undefined;
  }
}

function statusOf(
  id: string,
  { lat, lon }: { readonly lat: number; readonly lon: number },
  at: number,
  knots: number | undefined,
  bearing: number | undefined,
): VehicleStatus {
  return {
    type: "FleetVehicleStatus",
    id,
    location: { type: "Point", coordinates: [lon, lat] },
    lastKnownPositionUpdatedAt: new Date(at).toISOString(),
    ...(bearing !== undefined && { bearing }),
    ...(knots !== undefined && { speed: Number((knots * kmhPerKnot).toFixed(3)) }),
  };
}
