/**
 * Claim: everything that is signed can stand in a log that others can check. Leaves are written as
 * receipts write them, given their places and signed for, in a store on disk; then the whole log is
 * checked as a stranger would who was given the entries: every leaf's hash against its tile, every
 * tile against the one above, the root against the signed checkpoint.
 */
import { EvidenceLog } from "../src/settle/evidence-log/evidence-log.ts";
import { entryOf, type Leaf, nameOfLeaf, pendingKind } from "../src/settle/evidence-log/leaf.ts";
import { verifyProof } from "../src/settle/evidence-log/verify-proof.ts";
import { openCheckpoint } from "../src/wire/tlog/checkpoint.ts";
import { leafHash, rootOf } from "../src/wire/tlog/merkle.ts";
import { noteKeyOf } from "../src/wire/tlog/note.ts";
import { hashesIn, subtreeOf, tileWidth } from "../src/wire/tlog/tile.ts";
import { withLoggedStore } from "./logged-store.ts";

const leavesAtOnce = 1000;
const hashBytes = 32;

export async function evidenceBench({ scale }: { scale: number }): Promise<void> {
  const count = Math.max(1000, Math.round(1_000_000 * scale));
  await withLoggedStore(async (store, log) => {
    const began = performance.now();
    for (let seq = 1; seq <= count; seq += leavesAtOnce) {
      const some = Array.from({ length: Math.min(leavesAtOnce, count - seq + 1) }, (_, i) =>
        leafOf(seq + i),
      );
      await store.commit(
        some.map((doc) => ({ op: "put", kind: pendingKind, id: nameOfLeaf(doc), doc })),
      );
      await log.settle();
    }
    told("written, placed and signed for, a thousand at a time", count, began);
    const checking = performance.now();
    await check(log, count);
    told("checked, every leaf and every tile, out of the store", count, checking);
    const proofs = Math.min(1000, count);
    const proving = performance.now();
    for (let i = 0; i < proofs; i++) {
      verifyProof(await log.prove(nameOfLeaf(leafOf(1 + Math.floor((i * count) / proofs)))));
    }
    told("proved by a file of its own, and that verified with ML-DSA-44", proofs, proving);
  });
}

/** Throws where anything does not lead to what was signed. */
async function check(log: EvidenceLog, count: number): Promise<void> {
  const keys = log.verifierKeys.flatMap((key) => noteKeyOf(key) ?? []);
  const opened = openCheckpoint(log.checkpoint ?? "", keys);
  if (opened?.checkpoint.size !== count) throw new Error("the checkpoint is not of all leaves");
  const tiles = hashesIn(count, async (tile) => {
    const hashes = await log.tile(tile);
    if (hashes === undefined) throw new Error(`tile ${tile.level}/${tile.index} is missing`);
    const { level, index, width } = tile;
    for (let i = 0; i < (level === 0 ? width : 0); i++) {
      const leaf = leafHash(entryOf(leafOf(index * tileWidth + i + 1)));
      if (leaf.compare(hashes, i * hashBytes, (i + 1) * hashBytes) !== 0) {
        throw new Error(`leaf ${index * tileWidth + i} is another one`);
      }
    }
    return hashes;
  });
  // Each full tile of leaves against the one above it.
  for (let index = 0; (index + 1) * tileWidth <= count; index++) {
    const below = await log.tile({ level: 0, index, width: tileWidth });
    await tiles(0, index * tileWidth);
    const above = await tiles(8, index);
    if (below === undefined || !subtreeOf(below, 0, tileWidth).equals(above)) {
      throw new Error(`tile 0/${index} does not lead to the one above`);
    }
  }
  if (!(await rootOf(count, tiles)).equals(Buffer.from(opened.checkpoint.root))) {
    throw new Error("the tiles do not lead to the signed root");
  }
}

function leafOf(seq: number): Leaf {
  const hash = `sha256:${String(seq).padStart(43, "A")}`;
  const of = "urn:uuid:6f6a1f0e-5b34-4d8c-9d53-5d2f1c6f7a10";
  return { v: 1, kind: "receipt", at: "2026-11-23T00:00:00.000Z", of, seq, hash };
}

function told(what: string, count: number, since: number): void {
  const seconds = (performance.now() - since) / 1000;
  const rate = Math.round(count / seconds).toLocaleString("en");
  const of = count.toLocaleString("en").padStart(9);
  console.log(`${of} leaves ${what}: ${seconds.toFixed(1)} s, ${rate}/s`);
}

/** Keys of a node that nobody knows. */
