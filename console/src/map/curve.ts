import type { Spot } from "./projection.ts";

/** How far a lone arc bows from the straight line, as a share of its length. */
const BOW = 0.2;
const BOW_STEP = 0.13;
const BOW_MAX = 0.6;

/**
 * A quadratic curve from one spot to another that bows to the left of its travel, so that the
 * two directions of one pair never lie on each other; `rank` parts arcs of the same direction.
 */
export function curve(from: Spot, to: Spot, rank: number, steps = 48): Spot[] {
  const bow = Math.min(BOW + rank * BOW_STEP, BOW_MAX);
  // y points down: the left of (dx, dy) is (dy, -dx).
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const bend = { x: (from.x + to.x) / 2 + dy * bow, y: (from.y + to.y) / 2 - dx * bow };
  return Array.from({ length: steps + 1 }, (_, i) => {
    const t = i / steps;
    const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
    return { x: a * from.x + b * bend.x + c * to.x, y: a * from.y + b * bend.y + c * to.y };
  });
}

/** Line width in CSS pixels for a rate: one more for every threefold, from 1.5 to 9. */
export function widthOf(ratePerSecond: number): number {
  const rate = Number.isFinite(ratePerSecond) ? Math.max(0, ratePerSecond) : 0;
  return Math.min(9, 1.5 + Math.log(1 + rate * 2) / Math.log(3));
}

/** Places around a node for Things too near to be told apart: a sunflower, in CSS pixels. */
export function petal(index: number): Spot {
  const angle = index * 2.399963;
  const radius = 13 + Math.sqrt(index) * 3.2;
  return { x: Math.cos(angle) * radius, y: Math.sin(angle) * radius };
}
