import type { Figure, FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { Bedsides, type KeptBedside } from "./bedsides.ts";
import { vitalSigns, warningScore } from "./news2.ts";
import { signsOf } from "./vital-signs.ts";

/** NEWS2 of each bed, as it stands: what is missing or no longer fresh is named, never normal. */
export class WarningScoreIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #bedsides: Bedsides;

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
    this.#bedsides = new Bedsides(outside);
  }

  take(message: FollowedMessage): void {
    const kept = this.#bedsides.take(message);
    if (kept !== undefined) this.#say(kept);
  }

  /** A bed that has fallen silent ages. */
  beat(): void {
    for (const kept of this.#bedsides.all()) this.#say(kept);
  }

  #say(kept: KeptBedside): void {
    const figure = figureOf(kept);
    if (figure !== undefined) this.#outside.publish(kept.subject, figure);
  }
}

function figureOf({ bedside, reference }: KeptBedside): Figure | undefined {
  if (bedside.latestAt === undefined) return undefined;
  const signs = signsOf(bedside.values(), bedside.consciousness);
  const { score, scoreMax, response, parts, missing } = warningScore(signs);
  const isKnown = missing.length < vitalSigns.length;
  return {
    value: isKnown ? score : null,
    scoreMax,
    ...(isKnown && { response, alert: response !== "low" }),
    isPartial: missing.length > 0,
    ...{ missing, parts },
    measuredAt: new Date(bedside.latestAt).toISOString(),
    // shaped as an Observation's, so that the same terms make a pseudonym of it
    ...(reference !== undefined && { subject: { reference } }),
  };
}
