import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { readReport } from "./kit.ts";

const time = "[2026-11-22T22:51:18.29016229]";
const console = [
  `${time} [1mRunning DSP TCK v2025.1[0m`,
  `${time} Started: CAT:01-03: Verify dataset request not found`,
  `${time} SUCCESSFUL: CAT:01-03`,
  "",
  `${time} Started: TP_C:03-01: Verify transfer request, provider completed`,
  `${time} FAILED: TP_C:03-01`,
  "",
  `${time} Passed tests: 1`,
  `${time} Failed tests: 1`,
  `[31m${time} Failures:`,
  `${time} `,
  "   ■ org.example.TransferProcessConsumer03Test.tp_c_03_01",
  "",
  `${time}      [TP_C:03-01: Verify transfer request, provider completed]`,
  `${time}      Timeout waiting for the state to be REQUESTED`,
  "",
  "[0m",
];

test("kit's report - says of each case whether it passed, and why not", () => {
  const { verdicts, problem } = readReport(console.join("\n"));
  assert.equal(problem, undefined);
  assert.deepEqual(verdicts, [
    { id: "CAT:01-03", passed: true },
    {
      id: "TP_C:03-01",
      passed: false,
      problem: "Timeout waiting for the state to be REQUESTED",
    },
  ]);
});

test("kit's report - one that breaks off, or does not add up, is a problem and no pass", () => {
  const broken = readReport(console.slice(0, 5).join("\n"));
  assert.match(broken.problem ?? "", /no report/);
  const forged = readReport(console.join("\n").replace("Passed tests: 1", "Passed tests: 67"));
  assert.match(forged.problem ?? "", /counts 67 passed, its lines say 1/);
});

test("npm run tck:dsp - says why it cannot run, skips all 67, and is no failure", () => {
  const main = join(import.meta.dirname, "main.ts");
  const env = { ...process.env, PATH: "" }; // neither Java nor Maven
  const { status, stdout } = spawnSync(process.execPath, [main], { env, encoding: "utf8" });
  assert.match(stdout, /there is no Java/);
  assert.equal(stdout.trimEnd().split("\n").at(-1), "0 passed, 0 failed, 67 skipped");
  assert.equal(status, 0);
});
