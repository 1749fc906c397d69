/** Where names go, so that they cover neither one another nor a node. Pure geometry. */
export type Side = "right" | "left" | "below" | "above";

export interface LabelBox {
  /** The node's middle and its label's size, CSS pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const SIDES: readonly Side[] = ["right", "below", "above", "left"];
const GAP = 24;
/** A node with the Things around it. */
const NODE_RADIUS = 20;

/** One side for each label, in order; the earlier ones have first choice. */
export function placeLabels(labels: readonly LabelBox[], frame: Box): Side[] {
  const nodes = labels.map(({ x, y }) => around(x, y));
  const taken: Box[] = [];
  return labels.map((label, i) => {
    const others = nodes.filter((_, j) => j !== i);
    let best: Side = "right";
    let least = Infinity;
    for (const side of SIDES) {
      const box = boxOf(label, side);
      const covered = [...others, ...taken].reduce((sum, other) => sum + overlap(box, other), 0);
      const cost = covered + outside(box, frame) * 4;
      if (cost < least) [best, least] = [side, cost];
    }
    taken.push(boxOf(label, best));
    return best;
  });
}

/** Which of some lesser labels may be shown: those that cover nothing placed before them. */
export function fitLabels(labels: readonly Box[], taken: readonly Box[]): boolean[] {
  const placed = [...taken];
  return labels.map((label) => {
    const free = placed.every((other) => overlap(label, other) === 0);
    if (free) placed.push(label);
    return free;
  });
}

/** Where a label on that side lies. */
export function boxOf({ x, y, width, height }: LabelBox, side: Side): Box {
  const left = side === "right" ? x + GAP : side === "left" ? x - GAP - width : x - width / 2;
  const top = side === "below" ? y + GAP : side === "above" ? y - GAP - height : y - height / 2;
  return { left, top, right: left + width, bottom: top + height };
}

function around(x: number, y: number): Box {
  return {
    left: x - NODE_RADIUS,
    top: y - NODE_RADIUS,
    right: x + NODE_RADIUS,
    bottom: y + NODE_RADIUS,
  };
}

function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

function outside(box: Box, frame: Box): number {
  const area = (box.right - box.left) * (box.bottom - box.top);
  return area - overlap(box, frame);
}
