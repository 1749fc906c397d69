import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { cpuSeconds } from "./process-usage.ts";

const burntSeconds = 0.3;

/** Uses CPU time until its parent says "end", and no less than `burntSeconds`. */
const thread = `
  const { parentPort } = require("node:worker_threads");
  while (process.threadCpuUsage().user < ${burntSeconds * 1e6});
  parentPort.once("message", () => parentPort.close());
  parentPort.postMessage("burnt");
`;
const main = `
  const { Worker } = require("node:worker_threads");
  const worker = new Worker(${JSON.stringify(thread)}, { eval: true });
  worker.once("message", () => process.send("burnt"));
  worker.once("exit", () => process.send("ended"));
  process.once("message", () => worker.postMessage("end"));
`;

test("process usage - what a thread used is counted after it has ended", async (t) => {
  if (process.platform !== "linux") return t.skip("/proc is on Linux alone");
  const child = spawn(process.execPath, ["-e", main], { stdio: ["ignore", 1, 2, "ipc"] });
  t.after(() => child.kill("SIGKILL"));
  assert.equal(await said(child), "burnt");
  const before = cpuSeconds(child.pid!);
  assert.ok(before >= burntSeconds, `${before} s while the thread runs`);
  child.send("end");
  assert.equal(await said(child), "ended");
  const after = cpuSeconds(child.pid!);
  // User and system are rounded down to ticks of 10 ms, each for itself.
  assert.ok(after >= before - 0.02, `${after} s, ${before} s before the thread ended`);
});

async function said(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, "message");
  return message;
}
