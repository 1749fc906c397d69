/** The anomaly score as its formula says, by other means: Fourier by halves, Cholesky's root. */
export interface Sample {
  readonly at: number;
  readonly values: readonly number[];
}

const windowSamples = 32;
const learnSamples = 400;

/** By time, of every sample after those that teach. */
export function scoresOf(rows: readonly Sample[]): ReadonlyMap<number, number> {
  const features = rows.map((_, end) => {
    const window = rows.slice(Math.max(0, end + 1 - windowSamples), end + 1);
    if (window.length < windowSamples) return [];
    return rows[0]!.values.flatMap((__, channel) =>
      featuresOf(window.map(({ values }) => values[channel]!)),
    );
  });
  const learnt = features.slice(windowSamples - 1, learnSamples);
  const means = learnt[0]!.map((_, i) => mean(learnt.map((one) => one[i]!)));
  const spreads = means.map(
    (middle, i) => Math.sqrt(mean(learnt.map((one) => (one[i]! - middle) ** 2))) + 1e-6,
  );
  const standard = (one: readonly number[]) => one.map((v, i) => (v - means[i]!) / spreads[i]!);
  const taught = learnt.map(standard);
  const root = cholesky(
    means.map((_, a) =>
      means.map((__, b) => {
        const together = mean(taught.map((row) => row[a]! * row[b]!));
        return a === b ? Math.max(together, 1) + 1e-3 : 0.9 * together;
      }),
    ),
  );
  return new Map(
    rows.slice(learnSamples).map(({ at }, i) => {
      const solved = forward(root, standard(features[learnSamples + i]!));
      return [at, Math.sqrt(mean(solved.map((one) => one ** 2)))];
    }),
  );
}

function featuresOf(window: readonly number[]): number[] {
  const middle = mean(window);
  const faded = window.map((v, n): Complex => [
    (v - middle) * Math.sin((Math.PI * n) / (window.length - 1)) ** 2,
    0,
  ]);
  const power = fourier(faded).map(([re, im]) => re * re + im * im);
  const log = (part: readonly number[]) => Math.log(1e-9 + part.reduce((a, b) => a + b, 0));
  return [middle, log(power.slice(1, 9)), log(power.slice(9, 17))];
}

type Complex = readonly [number, number];

function fourier(values: readonly Complex[]): readonly Complex[] {
  const { length } = values;
  if (length === 1) return values;
  const even = fourier(values.filter((_, i) => i % 2 === 0));
  const odd = fourier(values.filter((_, i) => i % 2 === 1));
  return values.map((_, k): Complex => {
    const [re, im] = odd[k % (length / 2)]!;
    const [evenRe, evenIm] = even[k % (length / 2)]!;
    const [c, s] = [Math.cos((2 * Math.PI * k) / length), -Math.sin((2 * Math.PI * k) / length)];
    return [evenRe + c * re - s * im, evenIm + c * im + s * re];
  });
}

function cholesky(matrix: readonly (readonly number[])[]): number[][] {
  const root: number[][] = [];
  for (const [i, row] of matrix.entries()) {
    root.push([]);
    for (let j = 0; j <= i; j++) {
      let rest = row[j]!;
      for (let k = 0; k < j; k++) rest -= root[i]![k]! * root[j]![k]!;
      root[i]!.push(i === j ? Math.sqrt(rest) : rest / root[j]![j]!);
    }
  }
  return root;
}

function forward(root: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const solved: number[] = [];
  for (const [i, row] of root.entries()) {
    let rest = vector[i]!;
    for (const [k, one] of solved.entries()) rest -= row[k]! * one;
    solved.push(rest / row[i]!);
  }
  return solved;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
