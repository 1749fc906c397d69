import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { fastClock as clock } from "./side.ts";
import { simulate } from "./simulation.ts";

const runs = Number(process.env["COMITY_SIM_RUNS"] ?? 1_000);
const first = Number(process.env["COMITY_SEED"] ?? 1);
const sideBySide = 6;

test(`simulation - ${runs} storms end in agreement between both sides`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-sim-"));
  const signerOf = (name: string) =>
    openEmbeddedSigner({ dir: join(folder, name), did: `did:web:${name}.test`, clock });
  const signers = { provider: await signerOf("provider"), consumer: await signerOf("consumer") };
  const sums = { crashes: 0, agreements: 0, receipts: 0, terminated: 0 };
  const failed: string[] = [];
  let next = first;
  const worker = async (): Promise<void> => {
    while (next < first + runs) {
      const seed = next++;
      const { problems, ...counts } = await simulate(seed, signers);
      for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += counts[key];
      for (const problem of problems) failed.push(`seed ${seed}: ${problem}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(sideBySide, runs) }, worker));
  } finally {
    await rm(folder, { recursive: true });
  }
  t.diagnostic(`${runs} runs from seed ${first}: ${JSON.stringify(sums)}`);
  const again = "run again with COMITY_SEED=<seed> COMITY_SIM_RUNS=1 npm test -- tests/sim";
  assert.deepEqual(failed, [], `${failed.length} disagreements; ${again}`);
  assert.ok(runs < 100 || (sums.agreements > runs / 4 && sums.crashes > runs / 4));
});
