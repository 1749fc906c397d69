import type { RatePoint } from "../state.ts";

const WIDTH = 120;
const HEIGHT = 28;
const SPAN_MS = 60_000;

/** The last minute of a rate, from zero, newest at the right; its number stands beside it. */
export function Spark({ points }: { readonly points: readonly RatePoint[] }) {
  const last = points.at(-1);
  if (!last || points.length < 2) return <svg class="spark" aria-hidden="true" />;
  const top = Math.max(...points.map(({ rate }) => rate), Number.EPSILON) * 1.15;
  const line = points
    .map(({ at, rate }) => {
      const x = WIDTH - ((last.at - at) / SPAN_MS) * WIDTH;
      return `${x.toFixed(1)},${(HEIGHT - (rate / top) * (HEIGHT - 2)).toFixed(1)}`;
    })
    .join(" ");
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polyline points={line} />
    </svg>
  );
}
