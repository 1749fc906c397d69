import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Lineage, type LogRun } from "./lineage.ts";

interface Past {
  readonly runs: LogRun[];
  end: number;
}

/** Each start writes so many messages. */
function grow(past: Past, starts: readonly number[], name: string): Past {
  const grown = { runs: [...past.runs], end: past.end };
  starts.forEach((count, i) => {
    grown.runs.push({ id: `${name}${i}`, from: grown.end });
    grown.end += count;
  });
  return grown;
}

const starts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 3 });

test("lineage - a restored log and its consumer find where their pasts part", () => {
  fc.assert(
    fc.property(starts, starts, starts, (before, lost, since) => {
      const backup = grow({ runs: [], end: 0 }, before, "a");
      const had = grow(backup, lost, "b");
      const now = grow(backup, since, "c");
      const told = new Lineage(had.runs).textAt(had.end);
      const common = new Lineage(now.runs).commonWith(told, had.end, now.end);
      assert.equal(common, backup.end);
    }),
  );
});

test("lineage - a log that was never restored has one past with its consumer", () => {
  fc.assert(
    fc.property(starts, starts, fc.integer({ min: 0, max: 500 }), (first, more, at) => {
      const then = grow({ runs: [], end: 0 }, first, "a");
      const position = Math.min(at, then.end);
      const told = new Lineage(then.runs).textAt(position);
      const now = grow(then, more, "b");
      assert.equal(new Lineage(now.runs).commonWith(told, position, now.end), undefined);
    }),
  );
});

test("lineage - a backup from within a start parts where the log ended then", () => {
  const lineage = new Lineage([{ id: "a", from: 0 }]);
  const told = lineage.textAt(100);
  assert.equal(lineage.commonWith(told, 100, 60), 60, "nothing written since");
  lineage.begin({ id: "b", from: 60 });
  assert.equal(lineage.commonWith(told, 100, 200), 60, "and with more written than was lost");
  assert.equal(lineage.commonWith(told, 50, 200), undefined, "before it nothing parts");
});

test("lineage - who knows too few starts is served what the last one wrote, never old again", () => {
  const lineage = new Lineage([
    { id: "a", from: 0 },
    { id: "b", from: 70 },
  ]);
  assert.equal(lineage.commonWith("x@10 y@20", 100, 200), 70);
  assert.equal(lineage.commonWith(undefined, 100, 200), undefined);
  assert.equal(lineage.commonWith("nonsense", 300, 200), 70);
});
