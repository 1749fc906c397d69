/**
 * k-anonymity of aggregates (Sweeney, 2002): a figure of a group is let out only where at least k
 * people stand behind it. It hides nobody in a group whose people are all alike, and two figures
 * of which one has one person more tell of that person; so nothing of the smaller groups is said,
 * and no total over groups from which a withheld one could be worked out.
 */

/** The least that is taken for a group. */
export const subjectsMin = 5;

export interface Group {
  /** One entry a person: who says two things is one. */
  readonly subjects: ReadonlySet<string>;
}

export interface Sifted<T> {
  readonly released: ReadonlyMap<string, T>;
  /** Names of groups too small: their figures are not to be said. */
  readonly withheld: readonly string[];
}

export function siftGroups<T extends Group>(
  groups: ReadonlyMap<string, T>,
  k = subjectsMin,
): Sifted<T> {
  if (!Number.isInteger(k) || k < 2) throw new RangeError(`k is ${k}, and must be 2 or more`);
  const isLarge = ([, { subjects }]: readonly [string, T]): boolean => subjects.size >= k;
  const all = [...groups];
  return {
    released: new Map(all.filter(isLarge)),
    withheld: all.filter((one) => !isLarge(one)).map(([name]) => name),
  };
}

/** A count as it may be said: rounded down to a multiple of k, so that one more or less is not told. */
export function coarseCount(count: number, k = subjectsMin): number {
  return count - (count % k);
}
