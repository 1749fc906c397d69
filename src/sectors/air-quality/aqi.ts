/**
 * The Air Quality Index of the United States' Environmental Protection Agency for particles:
 * 40 CFR part 58, appendix G, as revised in 2024 (89 FR 16202), with the NowCast that tells it
 * from hours instead of a day (EPA-454/B-24-002, section IV).
 */
export type Particles = "pm25" | "pm10";

interface Breakpoint {
  /** µg/m³. */
  readonly from: number;
  readonly to: number;
  readonly index: readonly [number, number];
}

interface Scale {
  /** Concentrations are cut to so many decimals, not rounded. */
  readonly decimals: number;
  readonly breakpoints: readonly Breakpoint[];
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

/** Appendix G, table 2. */
const scales: Readonly<Record<Particles, Scale>> = {
  pm25: scale(1, [9, 35.4, 55.4, 125.4, 225.4, 325.4]),
  pm10: scale(0, [54, 154, 254, 354, 424, 604]),
};

export interface AirQualityIndex {
  readonly index: number;
  readonly category: (typeof categories)[number];
}

/** Of a concentration in µg/m³; beyond the table its last line goes on. */
export function indexOf(particles: Particles, concentration: number): AirQualityIndex {
  const { decimals, breakpoints } = scales[particles];
  const cut = cutTo(concentration, decimals);
  const at = breakpoints.findIndex(({ to }) => cut <= to);
  const which = at === -1 ? breakpoints.length - 1 : at;
  const { from, to, index } = breakpoints[which]!;
  const [low, high] = index;
  // appendix G, equation 1
  const exact = ((high - low) / (to - from)) * (cut - from) + low;
  return { index: Math.round(exact), category: categories[which]! };
}

/** Hours the NowCast looks back. */
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

function scale(decimals: number, highs: readonly number[]): Scale {
  const step = 10 ** -decimals;
  const breakpoints = highs.map((to, at) => ({
    from: at === 0 ? 0 : Number((highs[at - 1]! + step).toFixed(decimals)),
    to,
    index: indices[at]!,
  }));
  return { decimals, breakpoints };
}

function cutTo(value: number, decimals: number): number {
  const per = 10 ** decimals;
  // 35.4 × 10 is 354 also where the sum before it left 35.399999999999999
  return Math.floor(Number((value * per).toPrecision(12))) / per;
}
