/**
 * `npm test`: runs every `*.test.ts` of `src/` and `tests/` in processes of their own. What
 * follows `npm test --` narrows it: words choose files (`npm test -- tests/03 router`), options
 * go to the runner (`npm test -- --test-name-pattern=revoked`).
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { markOf } from "./test-marks.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const testTimeoutMs = 120_000;

/** The toolchain's node where set-up has linked one, whatever this was started with. */
function newestNode() {
  const linked = join(root, "node_modules", ".bin", "node");
  return existsSync(linked) ? linked : process.execPath;
}

/** Test files, whole-house tests first: they take longest, so the others fill the gaps. */
function testFiles() {
  return ["tests", "src"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((path) => `${folder}/${path.split(sep).join("/")}`)
      .filter((path) => path.endsWith(".test.ts"))
      .toSorted(),
  );
}

const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith("-"));
const words = given.filter((argument) => !argument.startsWith("-"));
const files = testFiles().filter(
  (path) => words.length === 0 || words.some((word) => path.includes(word.replace(/^\.\//, ""))),
);

if (files.length === 0) {
  process.stderr.write(`No test file's path contains ${words.join(" or ")}.\n`);
  process.exit(1);
}

const runner = [
  "--test",
  "--test-reporter=spec",
  `--test-concurrency=${Math.max(2, availableParallelism())}`,
  `--test-timeout=${testTimeoutMs}`,
  `--import=${pathToFileURL(join(root, "scripts", "test-file.mjs")).href}`,
];
const marks = mkdtempSync(join(tmpdir(), "comity-tests-"));
const child = spawn(newestNode(), [...runner, ...options, ...files], {
  cwd: root,
  stdio: "inherit",
  // Every test file and every node under test is a process that loads the same sources.
  env: {
    NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "compile"),
    ...process.env,
    COMITY_TEST_MARKS: marks,
  },
});
// Ctrl-C reaches the runner by itself; it ends its own children and says what was running.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => {
  const unfinished = files.filter((file) => !existsSync(markOf(marks, join(root, file))));
  rmSync(marks, { recursive: true });
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  if (signal !== null || unfinished.length === 0) return;
  process.stderr.write(`Ended before its last test did:\n  ${unfinished.join("\n  ")}\n`);
  process.exitCode ||= 1;
});
