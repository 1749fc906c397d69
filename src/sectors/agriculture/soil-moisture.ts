/** Volumetric water content at a time, milliseconds since the Unix epoch; per cent. */
export interface SoilReading {
  readonly at: number;
  readonly vwc: number;
}

/** Rain or irrigation, as the soil shows it. */
export interface Wetting {
  /** The driest reading before it, and the wettest of it. */
  readonly from: SoilReading;
  readonly to: SoilReading;
}

export interface SoilState {
  readonly latest: SoilReading;
  /** The last wetting, while it lasts too. */
  readonly wetting?: Wetting;
  readonly isWetting: boolean;
  /** Per cent of volume a day that are lost; negative: gained. Undefined within some hours of a wetting. */
  readonly dryingPerDay?: number;
}

export interface SoilRules {
  /** A rise of so much, per cent of volume, within so long is a wetting. */
  readonly riseMin: number;
  readonly riseMsMax: number;
  /** It is over when nothing higher came for so long. */
  readonly peakMs: number;
  /** The drying is told from so long a stretch on, and looks back so far. */
  readonly dryingMsMin: number;
  readonly dryingMsMax: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const soilRules: SoilRules = {
  riseMin: 2,
  riseMsMax: 4 * hourMs,
  peakMs: 3 * hourMs,
  dryingMsMin: 6 * hourMs,
  dryingMsMax: 5 * dayMs,
};

/** Of what one probe keeps of a drying; those that come more often are left out. */
const readingsMax = 32;
const recentMax = 256;

/**
 * One probe's story: it dries, and something wets it. The drying rate is the median of the slopes
 * between all pairs of readings since the last peak, of five days at most (Theil and Sen): stray
 * readings and the day's warmth move it little.
 */
export class SoilProbe {
  readonly #rules: SoilRules;
  /** Of the last `riseMsMax`, oldest first. */
  #recent: SoilReading[] = [];
  /** Since the last peak. */
  #drying: SoilReading[] = [];
  #wetting: Wetting | undefined;
  #isWetting = false;
  #latest: SoilReading | undefined;

  constructor(rules: SoilRules = soilRules) {
    this.#rules = rules;
  }

  /** False: out of order or no water content, and left out. */
  observe(reading: SoilReading): boolean {
    const { at, vwc } = reading;
    if (!(vwc >= 0 && vwc <= 100) || at <= (this.#latest?.at ?? Number.NEGATIVE_INFINITY)) {
      return false;
    }
    this.#latest = reading;
    const since = at - this.#rules.riseMsMax;
    this.#recent = [...this.#recent.filter((one) => one.at >= since), reading].slice(-recentMax);
    if (this.#isWetting) this.#goOnWetting(reading);
    else this.#goOnDrying(reading);
    return true;
  }

  get state(): SoilState | undefined {
    if (this.#latest === undefined) return undefined;
    const [first] = this.#drying;
    const isLong = first !== undefined && this.#latest.at - first.at >= this.#rules.dryingMsMin;
    const slope = this.#isWetting || !isLong ? undefined : medianSlope(this.#drying);
    return {
      latest: this.#latest,
      isWetting: this.#isWetting,
      ...(this.#wetting === undefined ? {} : { wetting: this.#wetting }),
      ...(slope === undefined ? {} : { dryingPerDay: -slope * dayMs }),
    };
  }

  #goOnWetting(reading: SoilReading): void {
    const wetting = this.#wetting;
    if (wetting === undefined) return;
    if (reading.vwc > wetting.to.vwc) {
      this.#wetting = { ...wetting, to: reading };
      this.#drying = [reading];
      return;
    }
    this.#keep(reading);
    if (reading.at - wetting.to.at < this.#rules.peakMs) return;
    this.#isWetting = false;
    this.#recent = [reading]; // what rose before was that wetting's
  }

  #goOnDrying(reading: SoilReading): void {
    let driest = reading;
    for (const one of this.#recent) if (one.vwc <= driest.vwc) driest = one;
    if (reading.vwc - driest.vwc < this.#rules.riseMin) {
      this.#keep(reading);
      return;
    }
    this.#isWetting = true;
    this.#wetting = { from: driest, to: reading };
    this.#drying = [reading];
  }

  #keep(reading: SoilReading): void {
    const { dryingMsMax } = this.#rules;
    const last = this.#drying.at(-1);
    if (last !== undefined && reading.at - last.at < dryingMsMax / readingsMax) return;
    const since = reading.at - dryingMsMax;
    this.#drying = [...this.#drying.filter(({ at }) => at >= since), reading].slice(-readingsMax);
  }
}

/** Days until a water content, per cent, at the present rate; undefined while it does not dry. */
export function daysUntil(state: SoilState, vwc: number): number | undefined {
  const { latest, dryingPerDay = 0 } = state;
  if (latest.vwc <= vwc) return 0;
  return dryingPerDay > 0 ? (latest.vwc - vwc) / dryingPerDay : undefined;
}

/** Per cent a millisecond. */
function medianSlope(readings: readonly SoilReading[]): number | undefined {
  const slopes: number[] = [];
  for (const [index, one] of readings.entries()) {
    for (const other of readings.slice(index + 1)) {
      slopes.push((other.vwc - one.vwc) / (other.at - one.at));
    }
  }
  return medianOf(slopes);
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? undefined : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
