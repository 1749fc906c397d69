import assert from "node:assert/strict";
import { test } from "node:test";
import { short, summaryOf } from "./year/report.ts";
import { year } from "./year/year.ts";

/** `COMITY_SEED` for one that failed; `npm run sim` for the whole. */
const seed = Number(process.env["COMITY_SEED"] ?? 1);

test(`simulation - a year among honest and dishonest, seed ${seed}, ends in balanced books`, async (t) => {
  const result = await year({ ...short, dishonest: 2, seed });
  const lines = summaryOf(result);
  t.diagnostic(lines.at(-1) ?? "");
  assert.deepEqual(result.problems, [], `COMITY_SEED=${seed} npm test -- tests/sim/year`);
  assert.match(lines.at(-1) ?? "", /^books balanced: 12 participants, \d+ receipts, lost at most /);
  // a year in which nothing of it happens proves nothing
  for (const [what, count] of Object.entries(result.did)) assert.ok(count > 0, `no ${what}`);
});
