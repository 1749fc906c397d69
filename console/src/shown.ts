/** Which rows of a list are shown, and which of those are drawn. Pure. */

/** Those in whose text all the words are. */
export function filtered<T>(
  rows: readonly T[],
  text: string,
  textOf: (row: T) => string,
): readonly T[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const all = textOf(row).toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** Of many rows those in sight, and as many before and after. */
export function windowOf(
  rows: number,
  { top, height, row }: { readonly top: number; readonly height: number; readonly row: number },
): { readonly from: number; readonly to: number } {
  const shown = Math.ceil(height / row) + 1;
  const first = Math.min(Math.max(0, Math.floor(top / row)), Math.max(0, rows - 1));
  return { from: Math.max(0, first - shown), to: Math.min(rows, first + 2 * shown) };
}
