import type { FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { Bedsides } from "./bedsides.ts";
import { coarseCount, siftGroups, subjectsMin } from "./k-anonymity.ts";
import { vitalModels } from "./vital-signs.ts";

interface Measurements {
  readonly subjects: Set<string>;
  readonly values: number[];
  readonly loinc: string;
}

/**
 * The median of each vital over a ward, said on the beat alone (not at each message, which would
 * tell who moved it) and only where enough people stand behind it.
 */
export class WardIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #bedsides: Bedsides;
  readonly #said = new Set<string>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
    this.#bedsides = new Bedsides(outside);
  }

  take(message: FollowedMessage): void {
    this.#bedsides.take(message);
  }

  beat(): void {
    const groups = new Map<string, Measurements>();
    for (const { ward, subject, bedside } of this.#bedsides.all()) {
      if (subject === "-") continue;
      for (const [loinc, value] of bedside.values()) {
        const name = `${ward}/${loinc}`;
        const group = groups.get(name) ?? { subjects: new Set(), values: [], loinc };
        groups.set(name, group);
        group.subjects.add(subject);
        group.values.push(value);
      }
    }
    const { released } = siftGroups(groups);
    for (const [name, { values, loinc }] of released) {
      this.#said.add(name);
      const { title, unit } = vitalModels[loinc]!;
      const value = Number(medianOf(values).toFixed(1));
      this.#outside.publish(name, {
        value,
        unit,
        title,
        subjectsAtLeast: coarseCount(values.length),
      });
    }
    // what was said once is taken back; of what was never said not even the name is told
    for (const name of this.#said) {
      if (released.has(name)) continue;
      this.#outside.publish(name, { value: null, withheld: `fewer than ${subjectsMin} subjects` });
    }
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2;
}
