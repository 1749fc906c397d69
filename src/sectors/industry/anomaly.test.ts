import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { anomalyThreshold, MachineAnomaly } from "./anomaly.ts";

const recorded = new URL("../../../../shared/data/industry/skab-pump-testbed/", import.meta.url);
const learnSamples = 400;

interface Row {
  readonly values: readonly number[];
  readonly isFault: boolean;
}

function experiments(): { readonly channels: string[]; readonly rows: Row[] }[] {
  return ["valve1", "valve2", "other"].flatMap((folder) =>
    readdirSync(new URL(folder, recorded)).map((file) => {
      const text = readFileSync(new URL(`${folder}/${file}`, recorded), "utf8");
      const [head = "", ...lines] = text.trim().split(/\r?\n/);
      const rows = lines.map((line) => {
        const cells = line.split(";");
        return { values: cells.slice(1, 9).map(Number), isFault: Number(cells[9]) === 1 };
      });
      return { channels: head.split(";").slice(1, 9), rows };
    }),
  );
}

test(
  "anomaly - on sixteen recorded experiments with labelled faults, at the default threshold",
  { skip: existsSync(recorded) ? false : "the recorded data (../shared) is not there" },
  (t) => {
    const counts = { found: 0, missed: 0, falsely: 0, quiet: 0 };
    for (const { channels, rows } of experiments()) {
      const machine = new MachineAnomaly({ channels, learnSamples });
      for (const [index, { values, isFault }] of rows.entries()) {
        const told = machine.observe(values);
        if (index < learnSamples) continue;
        assert.ok(told !== undefined);
        if (told.isUnusual) counts[isFault ? "found" : "falsely"]++;
        else counts[isFault ? "missed" : "quiet"]++;
      }
    }
    const precision = counts.found / (counts.found + counts.falsely);
    const recall = counts.found / (counts.found + counts.missed);
    t.diagnostic(`precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`);
    assert.ok(precision > 0.7, `precision ${precision}`);
    assert.ok(recall > 0.75, `recall ${recall}`);
    assert.ok(counts.quiet > 2 * counts.falsely);
  },
);

/** Seeded (mulberry32), so that a failure is the same again. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * 2 - 1;
  };
}

function learnt(): { machine: MachineAnomaly; random: () => number } {
  const machine = new MachineAnomaly({ channels: ["vibration", "temperature"] });
  const random = noise(7);
  for (let at = 0; at < learnSamples; at++) {
    assert.equal(machine.observe([random(), 60 + 0.2 * random()]), undefined, "it learns");
  }
  return { machine, random };
}

test("anomaly - a machine that runs on as before stays usual", () => {
  const { machine, random } = learnt();
  let unusual = 0;
  for (let at = 0; at < 1_000; at++) {
    if (machine.observe([random(), 60 + 0.2 * random()])!.isUnusual) unusual++;
  }
  assert.ok(unusual < 20, `${unusual} of 1,000`);
});

test("anomaly - a bearing that warms is told by its trend", () => {
  const { machine, random } = learnt();
  let told = machine.observe([random(), 60])!;
  for (let at = 0; at < 120; at++) {
    told = machine.observe([random(), 60 + at / 60 + 0.2 * random()])!;
  }
  assert.ok(told.score > anomalyThreshold);
  const [worst] = told.channels;
  assert.deepEqual([worst?.channel, worst!.trend > 5], ["temperature", true]);
});

test("anomaly - fast swinging is told by its spectrum, though the mean is the same", () => {
  const { machine, random } = learnt();
  let told = machine.observe([0, 60])!;
  for (let at = 0; at < 64; at++) {
    told = machine.observe([at % 2 === 0 ? 4 : -4, 60 + 0.2 * random()])!;
  }
  const [worst] = told.channels;
  assert.equal(told.isUnusual, true);
  assert.equal(worst?.channel, "vibration");
  assert.ok(worst.fast > 3 && Math.abs(worst.trend) < 3);
});

test("anomaly - what is no sample is left out; a channel that never moved breaks nothing", () => {
  const machine = new MachineAnomaly({ channels: ["a", "b"], learnSamples: 64 });
  for (let at = 0; at < 64; at++) machine.observe([Math.sin(at), 5]);
  assert.equal(machine.observe([1]), undefined);
  assert.equal(machine.observe([Number.NaN, 5]), undefined);
  const told = machine.observe([Math.sin(64), 5])!;
  assert.ok(Number.isFinite(told.score) && told.score < anomalyThreshold);
});
