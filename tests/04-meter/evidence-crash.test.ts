/** Wherever the process ends, each leaf has one place, and no checkpoint contradicts another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { neverCrash } from "../../src/kernel/crash.ts";
import { EvidenceLog } from "../../src/settle/evidence-log/evidence-log.ts";
import { entryOf, type Leaf, nameOfLeaf, pendingKind } from "../../src/settle/evidence-log/leaf.ts";
import { openCheckpoint } from "../../src/wire/tlog/checkpoint.ts";
import { isConsistent, leafHash, nodeHash, type TreeHead } from "../../src/wire/tlog/merkle.ts";
import { noteKeyOf } from "../../src/wire/tlog/note.ts";
import { verifyProof } from "../../src/settle/evidence-log/verify-proof.ts";
import { MemoryStore, newDisk } from "../sim/memory-store.ts";
import { newNoteSigner } from "../note-signer.ts";

const signer = newNoteSigner("did:web:log.example");
const clock = { now: () => 1_795_000_000_000, monotonic: () => performance.now() };

function leaf(seq: number): Leaf {
  return {
    v: 1,
    kind: "receipt",
    at: "2026-11-23T00:00:00.000Z",
    of: "urn:a",
    seq,
    hash: `${seq}`,
  };
}

function rootOfAll(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0]!;
  let k = 1;
  while (2 * k < hashes.length) k *= 2;
  return nodeHash(rootOfAll(hashes.slice(0, k)), rootOfAll(hashes.slice(k)));
}

test("evidence log - over crashes each leaf stands once, and what was signed stays true", async () => {
  const lives = fc.array(
    fc.record({
      leaves: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 200, max: 600 })),
      /** The commit at which this life ends, before or after it. */
      dies: fc.option(fc.record({ at: fc.nat({ max: 5 }), after: fc.boolean() })),
    }),
    { minLength: 1, maxLength: 6 },
  );
  const property = fc.asyncProperty(lives, async (all) => {
    const disk = newDisk();
    const signed: { head: TreeHead; note: string }[] = [];
    let written = 0;
    for (const { leaves, dies } of [...all, { leaves: 1, dies: null }]) {
      let commits = 0;
      const store = new MemoryStore(disk, (when) => {
        if (dies === null || when !== (dies.after ? "after" : "before")) return;
        if (commits++ === dies.at) throw new Error("killed");
      });
      const log = await EvidenceLog.open({
        ...{ store, signer, clock, crash: neverCrash, everyMs: 3_600_000 },
        onFailed() {}, // the dead say nothing
      });
      for (let i = 0; i < leaves; i++) {
        const one = leaf(written + 1);
        const write = { op: "put", kind: pendingKind, id: nameOfLeaf(one), doc: one } as const;
        try {
          await store.commit([write]);
          written++;
        } catch {
          break;
        }
        if (i % 100 === 0) await log.settle();
      }
      await log.settle();
      const { checkpoint } = log;
      if (checkpoint !== undefined) {
        const keys = log.verifierKeys.flatMap((key) => noteKeyOf(key) ?? []);
        const opened = openCheckpoint(checkpoint, keys);
        assert.equal(opened?.signers.length, 2);
        signed.push({ head: opened.checkpoint, note: checkpoint });
      }
      await log.close();
    }
    const store = new MemoryStore(disk);
    const log = await EvidenceLog.open({
      ...{ store, signer, clock, crash: neverCrash, everyMs: 3_600_000 },
      onFailed: (error) => assert.fail(String(error)),
    });
    await log.settle();
    const entries = await store.list<Leaf>("evidence-entry");
    const seqs = entries.map(({ doc }) => doc.seq!);
    assert.equal(log.size, entries.length);
    assert.equal(new Set(seqs).size, seqs.length, "none stands twice");
    // A commit whose answer was lost may stand: then it is one more.
    assert.ok(seqs.length >= written, `${seqs.length} of ${written}`);
    const hashes = entries.map(({ doc }) => leafHash(entryOf(doc)));
    const last = signed.at(-1)!.head;
    assert.deepEqual(Buffer.from(last.root), rootOfAll(hashes.slice(0, last.size)));
    for (const { head } of signed) {
      assert.ok(isConsistent(head, last, await log.consistency(head.size)), `${head.size}`);
    }
    for (const { doc } of [entries[0]!, entries.at(-1)!]) {
      assert.deepEqual(verifyProof(await log.prove(nameOfLeaf(doc))).leaf, doc);
    }
    await log.close();
  });
  await fc.assert(property, { numRuns: 25 });
});
