import type { Figure, FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { readRecord } from "./parcel-record.ts";
import { SoilProbe, type SoilState } from "./soil-moisture.ts";

const probesMax = 10_000;

/** How fast the soil dries at each probe, and when it was wetted last, from its moisture alone. */
export class DryingIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #probes = new Map<string, SoilProbe>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ topic, payload }: FollowedMessage): void {
    const record = readRecord(payload);
    if (record?.soilMoistureVwc === undefined) return;
    const key = topic.split("/").at(-1) ?? topic;
    let probe = this.#probes.get(key);
    if (probe === undefined) {
      if (this.#probes.size >= probesMax) {
        this.#outside.fault({ code: "too-many", text: `more than ${probesMax} probes` });
        return;
      }
      this.#probes.set(key, (probe = new SoilProbe()));
    }
    const at = Date.parse(record.observedAt);
    if (!probe.observe({ at, vwc: record.soilMoistureVwc * 100 })) {
      this.#outside.fault({
        code: "reading",
        text: `${key}: ${record.observedAt} is out of order`,
      });
      return;
    }
    if (probe.state !== undefined) this.#outside.publish(key, figureOf(probe.state));
  }
}

function figureOf({ latest, wetting, isWetting, dryingPerDay }: SoilState): Figure {
  return {
    value: dryingPerDay === undefined ? null : Number(dryingPerDay.toFixed(3)),
    waterContent: Number(latest.vwc.toFixed(3)),
    observedAt: timeOf(latest.at),
    isWetting,
    ...(wetting && {
      wettedAt: timeOf(wetting.from.at),
      wettedBy: Number((wetting.to.vwc - wetting.from.vwc).toFixed(3)),
    }),
  };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
