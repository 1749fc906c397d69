import type { ThingResource } from "../../src/client/thing-resource.ts";

/** Those in whose name, title or kind all the words are. */
export function filtered(things: readonly ThingResource[], text: string): readonly ThingResource[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return things;
  return things.filter(({ id, title, kind }) => {
    const all = `${id} ${title} ${kind}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** Which of many rows are drawn: those in sight, and as many before and after. */
export function windowOf(
  rows: number,
  { top, height, row }: { readonly top: number; readonly height: number; readonly row: number },
): { readonly from: number; readonly to: number } {
  const shown = Math.ceil(height / row) + 1;
  const first = Math.min(Math.max(0, Math.floor(top / row)), Math.max(0, rows - 1));
  return { from: Math.max(0, first - shown), to: Math.min(rows, first + 2 * shown) };
}
