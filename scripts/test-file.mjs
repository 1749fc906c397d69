/**
 * Loaded before each test file: leaves a mark when its last test has ended, and then gives it a
 * second to end by itself. The runner's own `--test-force-exit` ends a file before its results
 * have left it (nodejs/node#64833), and takes one that exits in the middle for one that passed.
 */
import { writeFileSync } from "node:fs";
import { after } from "node:test";
import { markOf } from "./test-marks.mjs";

const lingerMs = 1000;

after(() => {
  writeFileSync(markOf(process.env.COMITY_TEST_MARKS, process.argv[1]), "");
  // a failed test may leave its node running; what it has to say has left when nothing waits
  const end = () => process.stdout.writableLength === 0 && process.exit();
  setInterval(end, lingerMs).unref();
});
