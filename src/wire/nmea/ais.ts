import { NmeaError, type Sentence } from "./sentence.ts";

/** A ship's position report (ITU-R M.1371-5 Annex 8 §3.1 and §3.16). */
export interface PositionReport {
  readonly type: 1 | 2 | 3 | 18;
  readonly mmsi: number;
  /** Degrees; absent where the ship does not know. */
  readonly place?: { readonly lat: number; readonly lon: number };
  readonly knots?: number;
  /** Degrees, true. */
  readonly course?: number;
  readonly heading?: number;
  /** 0 … 15, class A alone. */
  readonly navigationStatus?: number;
  /** Second of the UTC minute, 0 … 59. */
  readonly second?: number;
}

/** A part of a message, as one VDM sentence has it. */
export interface MessagePart {
  readonly parts: number;
  readonly part: number;
  /** Tells messages in parts from each other. */
  readonly key: string;
  readonly payload: string;
  readonly fillBits: number;
}

const partsMax = 9;

/** Throws NmeaError. */
export function messagePartIn({ fields }: Sentence): MessagePart {
  const [parts, part, sequence = "", channel = "", payload = "", fill] = fields;
  const read = { parts: digit(parts), part: digit(part), fillBits: digit(fill) };
  const isOrdered = read.part >= 1 && read.part <= read.parts && read.parts <= partsMax;
  if (!isOrdered || read.fillBits > 5 || !/^[0-W`-w]+$/.test(payload)) {
    throw new NmeaError("form", "no part of an AIS message");
  }
  return { ...read, key: `${sequence} ${channel} ${parts}`, payload };
}

function digit(text = ""): number {
  return /^\d$/.test(text) ? Number(text) : Number.NaN;
}

/** Undefined: a message of another type. Throws NmeaError where it is cut short. */
export function positionReportIn(payload: string, fillBits: number): PositionReport | undefined {
  const bits = new Bits(payload, fillBits);
  if (bits.length < 38) throw new NmeaError("form", `an AIS message of ${bits.length} bits`);
  const type = bits.unsigned(0, 6);
  if (type !== 1 && type !== 2 && type !== 3 && type !== 18) return undefined;
  // class A tells its navigation and rate of turn first
  const at = type === 18 ? 46 : 50;
  if (bits.length < at + 93) throw new NmeaError("form", `AIS type ${type} of ${bits.length} bits`);
  const knots = bits.unsigned(at, 10);
  const lon = bits.signed(at + 11, 28);
  const lat = bits.signed(at + 39, 27);
  const course = bits.unsigned(at + 66, 12);
  const heading = bits.unsigned(at + 78, 9);
  const second = bits.unsigned(at + 87, 6);
  // 181°, 91°, 102.3 knots, 360.0° and 511 say that it is not known
  return {
    type,
    mmsi: bits.unsigned(8, 30),
    ...(lon !== 108_600_000 && lat !== 54_600_000 && { place: placeOf(lat, lon) }),
    ...(knots !== 1_023 && { knots: knots / 10 }),
    ...(course < 3_600 && { course: course / 10 }),
    ...(heading < 360 && { heading }),
    ...(type !== 18 && { navigationStatus: bits.unsigned(38, 4) }),
    ...(second < 60 && { second }),
  };
}

/** In 1/10,000 minute. */
function placeOf(lat: number, lon: number): { lat: number; lon: number } {
  const degrees = (value: number): number => Number((value / 600_000).toFixed(6));
  return { lat: degrees(lat), lon: degrees(lon) };
}

/** Six bits a character (IEC 61162-1, "encapsulation"). */
class Bits {
  readonly #sixes: Uint8Array;
  readonly length: number;

  constructor(payload: string, fillBits: number) {
    this.#sixes = Uint8Array.from(payload, (one) => {
      const value = one.charCodeAt(0) - 48;
      return value > 40 ? value - 8 : value;
    });
    this.length = this.#sixes.length * 6 - fillBits;
  }

  unsigned(from: number, count: number): number {
    let value = 0;
    for (let i = from; i < from + count; i++) {
      const six = this.#sixes[Math.floor(i / 6)] ?? 0;
      value = value * 2 + ((six >> (5 - (i % 6))) & 1);
    }
    return value;
  }

  signed(from: number, count: number): number {
    const value = this.unsigned(from, count);
    return value >= 2 ** (count - 1) ? value - 2 ** count : value;
  }
}
