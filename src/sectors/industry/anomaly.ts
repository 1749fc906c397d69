/**
 * How unusual a machine behaves, by trend and spectrum: each channel's mean over a window, and how
 * much it swings slowly and fast in it, are held against what they were while the machine ran well.
 * What moves together is counted once (Hotelling's T²), so that a warm day is no fault.
 */

export interface AnomalyOptions {
  /** Names of what is measured, in the order samples come in. */
  readonly channels: readonly string[];
  /** Samples a spectrum is made of. */
  readonly windowSamples?: number;
  /** The machine runs well for so many samples at first. */
  readonly learnSamples?: number;
}

export interface Anomaly {
  /** 1 is usual; from `anomalyThreshold` on it is told. */
  readonly score: number;
  readonly isUnusual: boolean;
  /** What deviates most, first. */
  readonly channels: readonly ChannelDeviation[];
}

export interface ChannelDeviation {
  readonly channel: string;
  /** Standard deviations from the usual: of its mean, and of its slow and fast swinging. */
  readonly trend: number;
  readonly slow: number;
  readonly fast: number;
}

/** Chosen before it was held against recorded faults: three times the usual. */
export const anomalyThreshold = 3;

const windowSamplesDefault = 32;
const learnSamplesDefault = 400;
/** Of the correlations: so few samples know them only about. */
const shrinkage = 0.1;
/** A channel that never moved is not infinitely sure of itself. */
const deviationMin = 1e-6;
const featuresPerChannel = 3;

export class MachineAnomaly {
  readonly #channels: readonly string[];
  readonly #windowSamples: number;
  readonly #learnSamples: number;
  readonly #windows: number[][];
  #seen = 0;
  #learnt: number[][] = [];
  #usual: Usual | undefined;

  constructor({ channels, windowSamples, learnSamples }: AnomalyOptions) {
    this.#channels = channels;
    this.#windowSamples = windowSamples ?? windowSamplesDefault;
    this.#learnSamples = learnSamples ?? learnSamplesDefault;
    this.#windows = channels.map(() => []);
  }

  /** Undefined while it learns, and for a sample that is not a number for each channel. */
  observe(sample: readonly number[]): Anomaly | undefined {
    if (sample.length !== this.#channels.length || !sample.every(Number.isFinite)) return undefined;
    for (const [index, value] of sample.entries()) {
      const window = this.#windows[index]!;
      window.push(value);
      if (window.length > this.#windowSamples) window.shift();
    }
    this.#seen++;
    if (this.#seen < this.#windowSamples) return undefined;
    const features = this.#windows.flatMap(featuresOf);
    if (this.#usual === undefined) {
      this.#learn(features);
      return undefined;
    }
    return this.#judge(features, this.#usual);
  }

  #learn(features: number[]): void {
    this.#learnt.push(features);
    if (this.#seen < this.#learnSamples) return;
    this.#usual = usualOf(this.#learnt);
    this.#learnt = [];
  }

  #judge(features: readonly number[], usual: Usual): Anomaly {
    const deviations = standardised(features, usual);
    const score = Math.sqrt(quadratic(deviations, usual.precision) / deviations.length);
    const channels = this.#channels.map((channel, index) => {
      const [trend = 0, slow = 0, fast = 0] = deviations.slice(index * featuresPerChannel);
      return { channel, trend, slow, fast };
    });
    channels.sort((a, b) => size(b) - size(a));
    return { score, isUnusual: score >= anomalyThreshold, channels };
  }
}

interface Usual {
  readonly means: readonly number[];
  readonly deviations: readonly number[];
  /** The inverse of the correlations. */
  readonly precision: readonly (readonly number[])[];
}

function size({ trend, slow, fast }: ChannelDeviation): number {
  return Math.max(Math.abs(trend), Math.abs(slow), Math.abs(fast));
}

/** Mean, and the logarithm of the power in the lower and the upper half of the spectrum. */
function featuresOf(window: readonly number[]): number[] {
  const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
  const power = spectrum(window.map((value) => value - mean));
  const half = power.length >> 1;
  return [mean, logOf(power.slice(0, half)), logOf(power.slice(half))];
}

function logOf(power: readonly number[]): number {
  return Math.log(1e-9 + power.reduce((sum, one) => sum + one, 0));
}

/** Of a short window: the plain transform, through a Hann window, is fast enough. */
function spectrum(values: readonly number[]): number[] {
  return wavesOf(values.length).map(({ cosine, sine }) => {
    let [real, imaginary] = [0, 0];
    for (const [index, value] of values.entries()) {
      real += value * cosine[index]!;
      imaginary += value * sine[index]!;
    }
    return real * real + imaginary * imaginary;
  });
}

interface Wave {
  readonly cosine: readonly number[];
  readonly sine: readonly number[];
}

const knownWaves = new Map<number, readonly Wave[]>();

/** Faded by the window; the same for all machines. */
function wavesOf(length: number): readonly Wave[] {
  const known = knownWaves.get(length);
  if (known !== undefined) return known;
  const indices = Array.from({ length }, (_, index) => index);
  const fade = indices.map((at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / (length - 1)));
  const waves = Array.from({ length: length >> 1 }, (_, low) => {
    const angle = (at: number): number => (2 * Math.PI * (low + 1) * at) / length;
    return {
      cosine: indices.map((at) => fade[at]! * Math.cos(angle(at))),
      sine: indices.map((at) => fade[at]! * Math.sin(angle(at))),
    };
  });
  knownWaves.set(length, waves);
  return waves;
}

function usualOf(rows: readonly (readonly number[])[]): Usual {
  const count = rows.length;
  const columns = rows[0]!.map((_, column) => rows.map((row) => row[column]!));
  const means = columns.map((column) => column.reduce((sum, one) => sum + one, 0) / count);
  const deviations = columns.map((column, index) => {
    const variance = column.reduce((sum, one) => sum + (one - means[index]!) ** 2, 0) / count;
    return Math.sqrt(variance) + deviationMin;
  });
  const standard = rows.map((row) => standardised(row, { means, deviations }));
  const correlations = means.map((_, a) =>
    means.map((__, b) => {
      const together = standard.reduce((sum, row) => sum + row[a]! * row[b]!, 0) / count;
      // what was constant correlates with nothing, not with itself either
      return a === b ? Math.max(together, 1) + 1e-3 : together * (1 - shrinkage);
    }),
  );
  return { means, deviations, precision: inverse(correlations) };
}

function standardised(
  features: readonly number[],
  { means, deviations }: Pick<Usual, "means" | "deviations">,
): number[] {
  return features.map((value, index) => (value - means[index]!) / deviations[index]!);
}

function quadratic(vector: readonly number[], matrix: readonly (readonly number[])[]): number {
  let sum = 0;
  for (const [row, left] of vector.entries()) {
    for (const [column, right] of vector.entries()) sum += left * matrix[row]![column]! * right;
  }
  return sum;
}

/** Gauss and Jordan; the matrix is positive definite. */
function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const { length } = matrix;
  const rows = matrix.map((row, index) => [
    ...row,
    ...row.map((_, column) => (column === index ? 1 : 0)),
  ]);
  for (let pivot = 0; pivot < length; pivot++) {
    const own = rows[pivot]!;
    const scale = own[pivot]!;
    for (let column = 0; column < 2 * length; column++) own[column]! /= scale;
    for (const [index, row] of rows.entries()) {
      const factor = row[pivot]!;
      if (index === pivot || factor === 0) continue;
      for (let column = 0; column < 2 * length; column++) row[column]! -= factor * own[column]!;
    }
  }
  return rows.map((row) => row.slice(length));
}
