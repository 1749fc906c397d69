import type { DemandEvent, EventInterval } from "./event.ts";

/** How a call goes. */
export type CallState = "accepted" | "active" | "ended" | "cancelled" | "refused";

/** How many chargers a call is for; of them, the limit is set, was refused, waits for it. */
export interface Taken {
  readonly chargers: number;
  readonly set: number;
  readonly refused: number;
  readonly pending: number;
}

/** What is known of the chargers that a call is for, as sums: none of them is named. */
export interface CallFigures extends Taken {
  /** Of them: measured before the call and since it began. */
  readonly measured: number;
  readonly beforeW: number;
  readonly afterW: number;
}

/** Shares of the capacity for SIMPLE's levels; OpenADR leaves them to the program. */
const shares = [undefined, 0.75, 0.5, 0] as const;

/** What the group may take in an interval, kW; undefined: as much as it can. */
export function limitKwOf(
  { limitKw, level }: EventInterval,
  capacityKw: number | undefined,
): number | undefined {
  const share = shares[level ?? 0];
  const ofLevel = share === undefined || capacityKw === undefined ? undefined : share * capacityKw;
  if (limitKw === undefined) return ofLevel;
  return ofLevel === undefined ? limitKw : Math.min(limitKw, ofLevel);
}

/** An OpenADR 3.0 `report`, with what it comes to in plain members beside it. */
export function reportOf(
  event: DemandEvent,
  clientName: string,
  state: CallState,
  figures: CallFigures,
  outcome: { readonly limitKw?: number | undefined; readonly problem?: string },
  now: number,
): object {
  const { chargers, set, refused, pending, measured } = figures;
  const isMeasured = measured > 0 && state !== "accepted";
  const [beforeKw, afterKw] = [figures.beforeW, figures.afterW].map(kilowatts) as [number, number];
  const reductionKw = kilowatts(figures.beforeW - figures.afterW);
  return {
    type: "DemandResponseReport",
    objectType: "REPORT",
    ...{ programID: event.programID, eventID: event.id, clientName, state },
    dateObserved: new Date(now).toISOString(),
    ...(outcome.limitKw !== undefined && { limitKw: outcome.limitKw }),
    ...(outcome.problem !== undefined && { problem: outcome.problem }),
    ...{ chargers, set, refused, pending, measured },
    ...(isMeasured && { beforeKw, afterKw, reductionKw }),
    resources: [
      {
        resourceName: "AGGREGATED_REPORT",
        intervals: [{ id: 0, payloads: isMeasured ? payloadsOf(beforeKw, afterKw) : [] }],
      },
    ],
  };
}

function payloadsOf(beforeKw: number, afterKw: number): object[] {
  return [
    { type: "BASELINE", values: [beforeKw] },
    { type: "DEMAND", values: [afterKw] },
  ];
}

function kilowatts(watts: number): number {
  return Number((watts / 1000).toFixed(3));
}
