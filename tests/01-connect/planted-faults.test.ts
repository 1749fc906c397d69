/** The fuzzer is worth what it finds: each mistake that is planted in the source, in one short run. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { faults } from "./plant-fault.ts";

const seed = 7;
const runMsMax = 30_000;

/** More than the few seconds of `npm test`: what is found ends the run. */
const packetsMin = 40_000;

/** What the fuzzer printed, and whether it passed, with the fault in the source. */
function fuzzed(
  fault: string,
  packets: number,
): Promise<{ readonly passed: boolean; readonly output: string }> {
  const [plant, fuzz] = ["./plant-fault.ts", "./fuzz.test.ts"].map((file) =>
    fileURLToPath(new URL(file, import.meta.url)),
  );
  const child = spawn(process.execPath, ["--import", plant!, fuzz!], {
    env: {
      ...process.env,
      COMITY_PLANTED: fault,
      COMITY_SEED: String(seed),
      COMITY_FUZZ_PACKETS: String(packets),
      NODE_TEST_CONTEXT: "",
    },
    timeout: runMsMax,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => {
    child.on("exit", (code) => resolve({ passed: code === 0, output }));
  });
}

test("planted faults - without one the fuzzer passes", async () => {
  const { passed, output } = await fuzzed("none", 0);
  assert.ok(passed, output);
});

test("planted faults - the fuzzer finds each", { concurrency: 2 }, async (t) => {
  const found = Object.keys(faults).map((fault) =>
    t.test(`it finds that ${fault}`, async () => {
      const { passed, output } = await fuzzed(fault, packetsMin);
      assert.ok(!output.includes("times in src/"), output);
      assert.ok(!passed, "it was not found");
    }),
  );
  await Promise.all(found);
});
