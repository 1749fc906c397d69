import { clamp } from "../random.ts";

/** The root zone of a parcel as a bucket: FAO-56 chapter 8. Water in mm. */
export interface SoilState {
  /** Root zone depletion Dr: what is missing to field capacity. */
  readonly depletion: number;
  /** Sums since the start, so that the water can be counted. */
  readonly evaporated: number;
  readonly irrigated: number;
  readonly rained: number;
  readonly drained: number;
}

export interface Parcel {
  readonly hectares: number;
  /** Volumetric water content at field capacity and at the wilting point, m³/m³. */
  readonly fieldCapacity: number;
  readonly wiltingPoint: number;
  /** Depth of the roots, m. */
  readonly rootDepth: number;
  /** Crop coefficient Kc (table 12) and depletion fraction p (table 22). */
  readonly cropCoefficient: number;
  readonly depletionFraction: number;
}

export function startSoil(depletion: number): SoilState {
  return { depletion, evaporated: 0, irrigated: 0, rained: 0, drained: 0 };
}

/** Eq. 82: total available water. */
export function totalAvailable(parcel: Parcel): number {
  return 1000 * (parcel.fieldCapacity - parcel.wiltingPoint) * parcel.rootDepth;
}

/** Eq. 83: what the crop takes up without stress. */
export function readilyAvailable(parcel: Parcel): number {
  return parcel.depletionFraction * totalAvailable(parcel);
}

/** Eq. 84: 1 without water stress, 0 at the wilting point. */
export function stress(parcel: Parcel, depletion: number): number {
  const taw = totalAvailable(parcel);
  return clamp((taw - depletion) / ((1 - parcel.depletionFraction) * taw), 0, 1);
}

/** Eq. 85, over any step: `et0`, `rain` and `irrigation` are mm in this step. */
export function stepSoil(
  state: SoilState,
  parcel: Parcel,
  et0: number,
  rain: number,
  irrigation: number,
): SoilState {
  const wanted = stress(parcel, state.depletion) * parcel.cropCoefficient * Math.max(0, et0);
  const before = state.depletion - rain - irrigation;
  const evaporated = Math.min(wanted, totalAvailable(parcel) - Math.max(0, before));
  const after = before + evaporated;
  const drained = Math.max(0, -after); // eq. 88: what the root zone cannot hold
  return {
    depletion: Math.max(0, after),
    evaporated: state.evaporated + evaporated,
    irrigated: state.irrigated + irrigation,
    rained: state.rained + rain,
    drained: state.drained + drained,
  };
}

/** Volumetric water content, m³/m³: what a probe reads. */
export function waterContent(state: SoilState, parcel: Parcel): number {
  return parcel.fieldCapacity - state.depletion / (1000 * parcel.rootDepth);
}
