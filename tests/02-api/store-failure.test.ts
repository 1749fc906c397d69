/** A node whose store takes nothing more says so, to whoever asks and to whoever started it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { runCli } from "../../src/cli/program.ts";
import { freePort } from "../free-port.ts";
import { startTestNode, until } from "../two-nodes.ts";

/** The thread of every store that is opened from here on; ending it is a disk that is gone. */
function storeThreads(t: TestContext): Worker[] {
  const threads: Worker[] = [];
  const keep = (thread: Worker): number => threads.push(thread);
  process.on("worker", keep);
  t.after(() => process.off("worker", keep));
  return threads;
}

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "comity-failure-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("store failure - health answers 503 by name, the node tells it, and closes all the same", async (t) => {
  const threads = storeThreads(t);
  const { node, http } = await startTestNode({
    name: "disk",
    title: "Disk",
    country: "NL",
    currency: "EUR",
    place: { lat: 0, lon: 0 },
    data: await folderFor(t),
    http: { host: "127.0.0.1", port: await freePort() },
    mqtt: { host: "127.0.0.1", port: 0 },
    localPeers: [],
    dev: true,
    publicWorld: false,
    receiptWindowMs: 1000,
    logLevel: "silent",
  });
  assert.equal((await http.health()).status, "ok");
  await threads[0]?.terminate();
  assert.equal((await node.failed).code, "STORE_FAILED");
  const answer = await fetch(`${node.httpUrl}/api/v1/health`);
  assert.equal(answer.status, 503);
  const { error } = (await answer.json()) as { error: Record<string, string> };
  assert.equal(error["code"], "STORE_FAILED");
  assert.match(error["remedy"] ?? "", /start the node again/);
  await node.close();
  await assert.rejects(fetch(`${node.httpUrl}/api/v1/health`));
});

test("store failure - comity up ends with 1 and says what to do", async (t) => {
  const threads = storeThreads(t);
  const data = await folderFor(t);
  const texts = { out: "", err: "" };
  const done = runCli(["--data", data, "up", "--http", "0", "--mqtt", "0"], {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    env: {},
  });
  await until("it is up", () => texts.out.includes("Ctrl-C"));
  await threads[0]?.terminate();
  assert.equal(await done, 1);
  assert.match(texts.err, /The store did not take the write: its thread ended/);
  assert.match(texts.err, /start the node again/);
});

test("store failure - a folder that cannot be made ends `comity up` by name", async () => {
  for (const folder of ["/proc/comity", "/dev/null/comity"]) {
    let told = "";
    const code = await runCli(["--data", folder, "up", "--http", "0", "--mqtt", "0"], {
      stdout: { write: () => {} },
      stderr: { write: (text) => void (told += text) },
      env: {},
    });
    assert.equal(code, 1);
    assert.match(told, /^comity: .*cannot be the node's folder/);
  }
});
