import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openEmbeddedStore } from "./store.ts";

const writer = fileURLToPath(new URL("./crash-writer.ts", import.meta.url));
const kills = 12;

test("store - kill -9 at any moment loses no resolved commit and leaves none half", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "comity-crash-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, "comity.db");
  const seed = Number(process.env["COMITY_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`COMITY_SEED=${seed}`);
  for (let kill = 0; kill < kills; kill++) {
    await writeUntilKilled(path, seed + kill, (seed * (kill + 7)) % 150);
    const last = await lastResolved(path);
    const end = await assertWhole(path);
    assert.ok(end > last, `commit ${last} was resolved, the log ends at ${end}`);
  }
  assert.ok((await lastResolved(path)) > kills, "hardly anything was written");
});

async function writeUntilKilled(path: string, seed: number, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [writer, path, `${path}.resolved`, String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), afterMs));
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL", "the writer ended by itself");
}

/** The greatest number of a commit that the process was told is durable. */
async function lastResolved(path: string): Promise<number> {
  const lines = (await readFile(`${path}.resolved`, "utf8")).split("\n").slice(0, -1);
  return lines.reduce((last, line) => Math.max(last, Number(line)), -1);
}

/** Every commit's three writes are there together, without a hole; returns the log's end. */
async function assertWhole(path: string): Promise<number> {
  const store = await openEmbeddedStore({ path, lockWaitMs: 10_000 });
  const { end, messages, bytes } = (await store.log("crash")) ?? { end: 0, messages: 0, bytes: 0 };
  const documents = await store.list<number>("before");
  assert.deepEqual(
    documents.map(({ doc }) => doc),
    Array.from({ length: end }, (_, n) => n),
  );
  const checkpoint = await store.get<{ position: number }>("checkpoint", "only");
  assert.equal(checkpoint?.position ?? 0, end);
  const blocks = await store.readLog("crash", 0, Infinity);
  assert.deepEqual([blocks.length, messages], [end, end]);
  assert.equal(
    blocks.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
    bytes,
  );
  for (const { first, packets } of blocks) {
    const whole = packets.length === 1 + (first % 500) && packets.every((b) => b === first % 256);
    assert.ok(whole, `block ${first}`);
  }
  await store.close();
  return end;
}
