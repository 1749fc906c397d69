/**
 * NMEA 0183 (IEC 61162-1) sentences, and what of AIS (ITU-R M.1371-5) tells where a ship is: text
 * and bits in, typed values out. A sentence whose checksum is wrong is refused, never mended;
 * sentences of other kinds than are named here are not read.
 */

/** A sentence cannot be read; `code` says in one word why. */
export class NmeaError extends Error {
  override readonly name = "NmeaError";
  readonly code: "checksum" | "form";

  constructor(code: "checksum" | "form", problem: string) {
    super(problem);
    this.code = code;
  }
}

export interface Sentence {
  /** Who speaks and what it is: `AIVDM`, `GPRMC`. */
  readonly address: string;
  readonly fields: readonly string[];
}

/** The standard has 82; receivers with tag blocks and long payloads say more. */
const sentenceLengthMax = 1_024;

/** Throws NmeaError. A tag block before the sentence (NMEA 4.10 §7) is taken off. */
export function parseSentence(line: string): Sentence {
  if (line.length > sentenceLengthMax) {
    throw new NmeaError("form", `a sentence of ${line.length} characters`);
  }
  const plain = line.trim().replace(/^\\[^\\]*\\/, "");
  const [, body = "", said = ""] = /^[$!]([\x20-\x7e]*)\*([0-9A-Fa-f]{2})$/.exec(plain) ?? [];
  if (said === "") throw new NmeaError("form", `no sentence: "${printable(plain)}"`);
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i);
  if (sum !== Number.parseInt(said, 16)) {
    const found = sum.toString(16).toUpperCase().padStart(2, "0");
    throw new NmeaError("checksum", `checksum ${said} where ${found} is right`);
  }
  const [address = "", ...fields] = body.split(",");
  return { address, fields };
}

/** A receiver's own position, as RMC tells it. */
export interface OwnPosition {
  readonly lat: number;
  readonly lon: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly knots?: number;
  /** Degrees, true. */
  readonly course?: number;
}

/** Undefined: the receiver has no fix, and says so. Throws NmeaError. */
export function ownPositionIn({ fields }: Sentence): OwnPosition | undefined {
  const [time = "", status, lat, northSouth, lon, eastWest, knots, course, date = ""] = fields;
  if (status !== "A") return undefined;
  const at = timeOf(date, time);
  const place = { lat: degreesOf(lat, northSouth, "NS"), lon: degreesOf(lon, eastWest, "EW") };
  return {
    ...place,
    at,
    ...(isDecimal(knots) && { knots: Number(knots) }),
    ...(isDecimal(course) && { course: Number(course) }),
  };
}

/** `ddmmyy` and `hhmmss.ss`, UTC; two-digit years are of this century. */
function timeOf(date: string, time: string): number {
  const [, day, month, year] = /^(\d\d)(\d\d)(\d\d)$/.exec(date) ?? [];
  const [, hour, minute, second, rest = ""] =
    /^(\d\d)(\d\d)(\d\d)(\.\d{1,3})?\d*$/.exec(time) ?? [];
  const at = Date.parse(`20${year}-${month}-${day}T${hour}:${minute}:${second}${rest}Z`);
  // ECMAScript reads 30 February as 2 March
  const isDay = new Date(at).getUTCDate() === Number(day);
  if (!isDay) throw new NmeaError("form", `no time: "${printable(`${date} ${time}`)}"`);
  return at;
}

/** `4807.038` and `N`: degrees and minutes. */
function degreesOf(text = "", side = "", sides: string): number {
  const [, degrees, minutes] = /^(\d{2,3})([0-5]\d(?:\.\d+)?)$/.exec(text) ?? [];
  const sign = sides.indexOf(side);
  if (degrees === undefined || side.length !== 1 || sign === -1) {
    throw new NmeaError("form", `no angle: "${printable(`${text} ${side}`)}"`);
  }
  const value = Number(degrees) + Number(minutes) / 60;
  return Number((sign === 0 ? value : -value).toFixed(7));
}

function isDecimal(text: string | undefined): boolean {
  return /^\d+(\.\d+)?$/.test(text ?? "");
}

function printable(text: string): string {
  return text.slice(0, 60).replaceAll(/[^\x20-\x7e]/g, "·");
}
