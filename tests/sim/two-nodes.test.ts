import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { fastClock as clock } from "./side.ts";
import { simulate } from "./simulation.ts";

/** `COMITY_SIM_RUNS=1000 npm test -- tests/sim` for the long one, `COMITY_SEED` for one of them. */
const runs = Number(process.env["COMITY_SIM_RUNS"] ?? 150);
const firstSeed = Number(process.env["COMITY_SEED"] ?? 1);
const runsPerTest = 100;
const sideBySide = 6;

describe("simulation", () => {
  let folder = "";
  let signers: { provider: Signer; consumer: Signer };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "comity-sim-"));
    const signerOf = (name: string) =>
      openEmbeddedSigner({ dir: join(folder, name), did: `did:web:${name}.test`, clock });
    signers = { provider: await signerOf("provider"), consumer: await signerOf("consumer") };
  });
  after(() => rm(folder, { recursive: true }));

  for (let from = firstSeed; from < firstSeed + runs; from += runsPerTest) {
    const to = Math.min(from + runsPerTest, firstSeed + runs);
    test(`simulation - storms ${from} to ${to - 1} end in agreement of both sides`, async (t) => {
      const sums = { crashes: 0, agreements: 0, receipts: 0, terminated: 0 };
      const failed: string[] = [];
      let next = from;
      const work = async (): Promise<void> => {
        while (next < to) {
          const seed = next++;
          const { problems, ...counts } = await simulate(seed, signers);
          for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += counts[key];
          for (const problem of problems) failed.push(`COMITY_SEED=${seed}: ${problem}`);
        }
      };
      await Promise.all(Array.from({ length: sideBySide }, work));
      t.diagnostic(JSON.stringify(sums));
      const again = "run one again with COMITY_SEED=… COMITY_SIM_RUNS=1 npm test -- tests/sim";
      assert.deepEqual(failed, [], again);
      // a storm in which nothing is agreed and nobody falls proves nothing
      const busy = Math.min(sums.crashes, sums.agreements, sums.receipts);
      assert.ok(to - from < 50 || busy > (to - from) / 2, `only ${JSON.stringify(sums)}`);
    });
  }
});
