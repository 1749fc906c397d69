import { signal } from "@preact/signals";
import type { World } from "./world.ts";

/**
 * What the visitor looks at: met in passing (pointer or focus) or chosen (click or key). What
 * was met goes when the pointer or the focus leaves both it and its card; what was chosen
 * stays until it is closed.
 */
export interface Selection {
  readonly kind: "node" | "agreement";
  readonly id: string;
  readonly pinned: boolean;
  /** Where on the map it was met; absent: its own place. */
  readonly at?: { readonly lat: number; readonly lng: number };
}

/** Time to cross from what was met to its card. */
const LEAVE_MS = 180;

export const selection = signal<Selection | undefined>(undefined);
/** Where the card points, in pixels from the map's corner. */
export const anchor = signal<{ readonly x: number; readonly y: number } | undefined>(undefined);
/** Places somebody wants to see from near by. */
export const approach = signal<readonly { readonly lat: number; readonly lon: number }[]>([]);

let muted = false;
let leaving: ReturnType<typeof setTimeout> | undefined;

export function meet(next: Omit<Selection, "pinned">): void {
  if (muted) return;
  stay();
  if (!selection.value?.pinned) selection.value = { ...next, pinned: false };
}

export function choose(next: Omit<Selection, "pinned">): void {
  stay();
  selection.value = { ...next, pinned: true };
}

export function leave(): void {
  stay();
  leaving = setTimeout(() => {
    if (!selection.value?.pinned) selection.value = undefined;
  }, LEAVE_MS);
}

export function stay(): void {
  clearTimeout(leaving);
}

export function close(): void {
  stay();
  selection.value = undefined;
}

/** Gives the focus back to what was looked at, without looking at it again. */
export function giveBack(focus: (options: FocusOptions) => void): void {
  muted = true;
  focus({ preventScroll: true });
  muted = false;
}

/** What is no longer in the world cannot be looked at. */
export function dropMissing({ nodes, agreements }: World): void {
  const looked = selection.value;
  if (!looked) return;
  const there =
    looked.kind === "node"
      ? nodes.some(({ did }) => did === looked.id)
      : agreements.some(({ id }) => id === looked.id);
  if (!there) close();
}
