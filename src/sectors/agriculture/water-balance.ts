/** The soil as FAO Irrigation and Drainage Paper 56, chapters 5 to 8, describes it. */
export interface Soil {
  /** Water content at field capacity and at wilting point, m³/m³. */
  readonly fieldCapacity: number;
  readonly wiltingPoint: number;
  /** Metres. */
  readonly rootDepth: number;
  /** Share of the water that can be taken up before the crop suffers, p (table 22). */
  readonly depletionShare: number;
  /** Crop coefficient, Kc (table 12). */
  readonly cropCoefficient: number;
}

/** One day, in mm. */
export interface WaterOfDay {
  readonly et0: number;
  readonly rain: number;
  readonly irrigation: number;
}

export interface Balance {
  /** How much water the root zone lacks, Dr, mm. */
  readonly depletion: number;
  /** What the crop took up, ETc adjusted for stress, mm. */
  readonly uptake: number;
  /** What ran through below the roots, DP, mm. */
  readonly percolation: number;
  /** Ks: 1 where the crop does not suffer. */
  readonly stress: number;
}

export interface Advice {
  readonly irrigate: boolean;
  /** What fills the root zone, mm; 0 where it is not time yet. */
  readonly amount: number;
  /** At today's uptake until it is time; 0: now. Undefined where nothing is taken up. */
  readonly daysLeft: number | undefined;
}

/** All that plants can take out of the root zone, TAW, mm (eq. 82). */
export function totalWater({ fieldCapacity, wiltingPoint, rootDepth }: Soil): number {
  return 1000 * (fieldCapacity - wiltingPoint) * rootDepth;
}

/** Readily available water, RAW, mm (eq. 83), with p adjusted to the day's demand (table 22). */
export function readyWater(soil: Soil, et0: number): number {
  const demand = soil.cropCoefficient * et0;
  const share = Math.min(0.8, Math.max(0.1, soil.depletionShare + 0.04 * (5 - demand)));
  return share * totalWater(soil);
}

/** What a measured water content, m³/m³, says the root zone lacks, mm (eq. 87). */
export function depletionAt(soil: Soil, waterContent: number): number {
  const lacking = 1000 * (soil.fieldCapacity - waterContent) * soil.rootDepth;
  return clamp(lacking, 0, totalWater(soil));
}

/** From one day's end to the next (eq. 85, without capillary rise; run-off is in the rain). */
export function nextDay(soil: Soil, before: number, day: WaterOfDay): Balance {
  const total = totalWater(soil);
  const ready = readyWater(soil, day.et0);
  const stress = before <= ready ? 1 : clamp((total - before) / (total - ready), 0, 1); // eq. 84
  const water = day.rain + day.irrigation;
  // what lies there and what falls is all that can be taken up (eq. 81)
  const uptake = Math.min(stress * soil.cropCoefficient * day.et0, total - before + water);
  const depletion = before - water + uptake;
  const percolation = Math.max(0, -depletion); // eq. 88
  return { depletion: clamp(depletion, 0, total), uptake, percolation, stress };
}

export function irrigationAdvice(soil: Soil, depletion: number, et0: number): Advice {
  const ready = readyWater(soil, et0);
  const irrigate = depletion >= ready;
  const demand = soil.cropCoefficient * et0;
  const daysLeft = demand > 0 ? Math.max(0, ready - depletion) / demand : undefined;
  return { irrigate, amount: irrigate ? depletion : 0, daysLeft: irrigate ? 0 : daysLeft };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
