/**
 * Run by crash.test.ts as a process of its own, and killed there: writes without end, and
 * notes the number of every commit whose promise has resolved in a file beside (a pipe would
 * fill up). Each commit is two documents and a block of the log, several commits at once.
 */
import { openSync, writeSync } from "node:fs";
import { openEmbeddedStore } from "./store.ts";

const [path = "", resolvedPath = "", seed = "0"] = process.argv.slice(2);
const store = await openEmbeddedStore({ path, lockWaitMs: 10_000 });
const resolved = openSync(resolvedPath, "a");
let next = (await store.log("crash"))?.end ?? 0;
let random = Number(seed) || 1;
writeSync(1, "ready\n");

for (;;) {
  random = (random * 48_271) % 2_147_483_647;
  const atOnce = 1 + (random % 40);
  await Promise.all(Array.from({ length: atOnce }, () => commit(next++)));
}

async function commit(number: number): Promise<void> {
  const packets = Buffer.alloc(1 + (number % 500), number % 256);
  const block = { log: "crash", epoch: "e", first: number, next: number + 1, count: 1 };
  const id = String(number).padStart(10, "0");
  await store.commit([
    { op: "add", kind: "before", id, doc: number },
    { op: "append", block: { ...block, payloadBytes: packets.length, at: number, packets } },
    { op: "put", kind: "checkpoint", id: "only", doc: { position: number + 1 } },
  ]);
  writeSync(resolved, `${number}\n`);
}
