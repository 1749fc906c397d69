/**
 * The National Early Warning Score 2 of the Royal College of Physicians (London, 2017), for people
 * of sixteen years and more who are not pregnant. A score of a part of the signs is told as that,
 * with those that are missing: nothing missing is taken as normal.
 */

/** As a bedside reads them; absent: not known, or no longer. */
export interface VitalSigns {
  /** Breaths a minute. */
  readonly respiration?: number;
  /** Per cent, by pulse oximetry. */
  readonly oxygenSaturation?: number;
  /** Is oxygen given? */
  readonly supplementalOxygen?: boolean;
  /** mmHg. */
  readonly systolicPressure?: number;
  /** Beats a minute. */
  readonly pulse?: number;
  readonly consciousness?: Consciousness;
  /** Celsius. */
  readonly temperature?: number;
}

/** Alert, or new confusion, responds to voice, to pain, unresponsive (ACVPU). */
export type Consciousness = "alert" | "confusion" | "voice" | "pain" | "unresponsive";

export type VitalSign = keyof VitalSigns;

/** Scale 2 is for hypercapnic respiratory failure, where a competent clinician has said so. */
export type OxygenScale = 1 | 2;

/** The threshold for a response: the report's chart 2. */
export type Response = "low" | "low-medium" | "medium" | "high";

export interface WarningScore {
  /** Of the signs that are known: the whole score is at least this. */
  readonly score: number;
  /** The most the whole score can be. */
  readonly scoreMax: number;
  readonly parts: Readonly<Partial<Record<VitalSign, number>>>;
  readonly missing: readonly VitalSign[];
  /** What the known signs alone demand; with more known it can only rise. */
  readonly response: Response;
}

/** From the limit on, upward, so many points. */
type Step = readonly [from: number, points: number];

const steps = {
  respiration: [
    [Number.NEGATIVE_INFINITY, 3],
    [9, 1],
    [12, 0],
    [21, 2],
    [25, 3],
  ],
  oxygenSaturation: [
    [Number.NEGATIVE_INFINITY, 3],
    [92, 2],
    [94, 1],
    [96, 0],
  ],
  systolicPressure: [
    [Number.NEGATIVE_INFINITY, 3],
    [91, 2],
    [101, 1],
    [111, 0],
    [220, 3],
  ],
  pulse: [
    [Number.NEGATIVE_INFINITY, 3],
    [41, 1],
    [51, 0],
    [91, 1],
    [111, 2],
    [131, 3],
  ],
  temperature: [
    [Number.NEGATIVE_INFINITY, 3],
    [35.1, 1],
    [36.1, 0],
    [38.1, 1],
    [39.1, 2],
  ],
} as const satisfies Partial<Record<VitalSign, readonly Step[]>>;

/** Scale 2, up to its aim of 88 to 92 %; above that it depends on the oxygen given. */
const hypercapnic: readonly Step[] = [
  [Number.NEGATIVE_INFINITY, 3],
  [84, 2],
  [86, 1],
  [88, 0],
];
const hypercapnicOnOxygen: readonly Step[] = [...hypercapnic, [93, 1], [95, 2], [97, 3]];

const pointsMax: Readonly<Record<VitalSign, number>> = {
  respiration: 3,
  oxygenSaturation: 3,
  supplementalOxygen: 2,
  systolicPressure: 3,
  pulse: 3,
  consciousness: 3,
  temperature: 3,
};

export const vitalSigns = Object.keys(pointsMax) as readonly VitalSign[];

export function warningScore(signs: VitalSigns, scale: OxygenScale = 1): WarningScore {
  const parts: Partial<Record<VitalSign, number>> = {};
  const missing: VitalSign[] = [];
  for (const sign of vitalSigns) {
    const points = pointsOf(sign, signs, scale);
    if (points === undefined) missing.push(sign);
    else parts[sign] = points;
  }
  const points = Object.values(parts);
  const score = points.reduce((sum, one) => sum + one, 0);
  const open = missing.reduce((sum, sign) => sum + pointsMax[sign], 0);
  return { score, scoreMax: score + open, parts, missing, response: responseTo(score, points) };
}

function pointsOf(sign: VitalSign, signs: VitalSigns, scale: OxygenScale): number | undefined {
  if (signs[sign] === undefined) return undefined;
  switch (sign) {
    case "consciousness":
      return signs.consciousness === "alert" ? 0 : 3;
    case "supplementalOxygen":
      return signs.supplementalOxygen === true ? 2 : 0;
    case "oxygenSaturation":
      return saturationPoints(signs, scale);
    case "temperature":
      // charted to a tenth of a degree, the others to whole numbers
      return pointsAt(steps.temperature, Math.round(signs.temperature! * 10) / 10);
    default:
      return pointsAt(steps[sign], Math.round(signs[sign]));
  }
}

/** On scale 2 a high saturation is a danger with oxygen alone: it is not known without that. */
function saturationPoints(signs: VitalSigns, scale: OxygenScale): number | undefined {
  const saturation = Math.round(signs.oxygenSaturation!);
  if (scale === 1) return pointsAt(steps.oxygenSaturation, saturation);
  if (saturation < 93 || signs.supplementalOxygen === false) {
    return pointsAt(hypercapnic, saturation);
  }
  return signs.supplementalOxygen === true ? pointsAt(hypercapnicOnOxygen, saturation) : undefined;
}

function pointsAt(scale: readonly Step[], value: number): number {
  return scale.findLast(([from]) => value >= from)![1];
}

function responseTo(score: number, points: readonly number[]): Response {
  if (score >= 7) return "high";
  if (score >= 5) return "medium";
  return points.includes(3) ? "low-medium" : "low";
}
