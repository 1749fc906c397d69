/**
 * The Air Quality Index of the United States' Environmental Protection Agency for particles and
 * ozone: 40 CFR part 58, appendix G, as revised in 2024 (89 FR 16202), with the NowCast that tells
 * it of particles from hours instead of a day (EPA-454/B-24-002, section IV).
 */
export type Pollutant = "pm25" | "pm10" | "o3";

interface Breakpoint {
  readonly from: number;
  readonly to: number;
  /** Of `categories` and `indices`. */
  readonly row: number;
}

interface Scale {
  /** Concentrations are cut to so many decimals, not rounded. */
  readonly decimals: number;
  readonly breakpoints: readonly Breakpoint[];
  /** Beyond the table its last line goes on; where not, another average tells. */
  readonly goesOn: boolean;
}

const categories = [
  "Good",
  "Moderate",
  "Unhealthy for Sensitive Groups",
  "Unhealthy",
  "Very Unhealthy",
  "Hazardous",
] as const;

const indices = [
  [0, 50],
  [51, 100],
  [101, 150],
  [151, 200],
  [201, 300],
  [301, 500],
] as const;

/** Appendix G, table 2: µg/m³ of particles, parts per million of ozone. */
const scales = {
  pm25: scale(1, 0, [0, 9, 35.4, 55.4, 125.4, 225.4, 325.4]),
  pm10: scale(0, 0, [0, 54, 154, 254, 354, 424, 604]),
  o3EightHours: { ...scale(3, 0, [0, 0.054, 0.07, 0.085, 0.105, 0.2]), goesOn: false },
  o3Hour: scale(3, 2, [0.125, 0.164, 0.204, 0.404, 0.604]),
} as const satisfies Readonly<Record<string, Scale>>;

export interface AirQualityIndex {
  readonly index: number;
  readonly category: (typeof categories)[number];
}

/** Of a concentration in the table's unit; undefined where the table has none for it. */
export function indexOf(
  table: keyof typeof scales,
  concentration: number,
): AirQualityIndex | undefined {
  const { decimals, breakpoints, goesOn } = scales[table];
  const cut = cutTo(concentration, decimals);
  if (cut < breakpoints[0]!.from) return undefined;
  const found = breakpoints.find(({ to }) => cut <= to);
  const breakpoint = found ?? (goesOn ? breakpoints.at(-1) : undefined);
  if (breakpoint === undefined) return undefined;
  const { from, to, row } = breakpoint;
  const [low, high] = indices[row]!;
  // appendix G, equation 1
  const exact = ((high - low) / (to - from)) * (cut - from) + low;
  return { index: Math.round(exact), category: categories[row]! };
}

/** Litres a mole at 25 °C and one atmosphere, to which the tables refer (40 CFR 50.3). */
const litresPerMole = 24.45;
const gramsPerMoleOfOzone = 48;
const ozoneHours = 8;
/** Three quarters of them (40 CFR part 50, appendix U). */
const ozoneHoursMin = 6;

export interface OzoneIndex extends AirQualityIndex {
  /** Parts per million. */
  readonly eightHours?: number;
  readonly hour?: number;
}

/**
 * Of ozone by means of hours, µg/m³, the latest first: the mean of eight hours, or the last hour
 * where that is worse. Undefined where neither can be told.
 */
export function ozoneIndex(hours: readonly (number | undefined)[]): OzoneIndex | undefined {
  const [last, ...before] = hours.slice(0, ozoneHours).map((one) => one && partsPerMillion(one));
  const known = [last, ...before].filter((one) => one !== undefined);
  const eightHours =
    known.length < ozoneHoursMin ? undefined : known.reduce((a, b) => a + b) / known.length;
  const told = [
    eightHours === undefined ? undefined : indexOf("o3EightHours", eightHours),
    last === undefined ? undefined : indexOf("o3Hour", last),
  ].filter((one) => one !== undefined);
  const [worst] = told.sort((a, b) => b.index - a.index);
  if (worst === undefined) return undefined;
  return {
    ...worst,
    ...(eightHours !== undefined && { eightHours }),
    ...(last !== undefined && { hour: last }),
  };
}

function partsPerMillion(microgramsPerCubicMetre: number): number {
  return (microgramsPerCubicMetre * litresPerMole) / gramsPerMoleOfOzone / 1000;
}

/** Hours the NowCast of particles looks back. */
export const nowCastHours = 12;
const weightMin = 0.5;

/**
 * µg/m³ that stand for now: means of the last hours, the latest first, undefined where an hour has
 * none. Undefined where fewer than two of the latest three are there.
 */
export function nowCast(hours: readonly (number | undefined)[]): number | undefined {
  const known = hours.slice(0, nowCastHours);
  if (known.slice(0, 3).filter((one) => one !== undefined).length < 2) return undefined;
  const values = known.filter((one) => one !== undefined);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const weight = most === 0 ? 1 : Math.max(weightMin, least / most);
  let sum = 0;
  let weights = 0;
  for (const [ago, value] of known.entries()) {
    if (value === undefined) continue;
    sum += weight ** ago * value;
    weights += weight ** ago;
  }
  return sum / weights;
}

/** `ends`: where the first row begins, and where each ends. */
function scale(decimals: number, firstRow: number, ends: readonly number[]): Scale {
  const step = 10 ** -decimals;
  const [from, ...highs] = ends;
  const breakpoints = highs.map((to, at) => ({
    from: at === 0 ? from! : Number((highs[at - 1]! + step).toFixed(decimals)),
    to,
    row: firstRow + at,
  }));
  return { decimals, breakpoints, goesOn: true };
}

function cutTo(value: number, decimals: number): number {
  const per = 10 ** decimals;
  // 35.4 × 10 is 354 also where the sum before it left 35.399999999999999
  return Math.floor(Number((value * per).toPrecision(12))) / per;
}
