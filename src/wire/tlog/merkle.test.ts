/** Held against the tree as RFC 9162 defines it, recursively, and published roots. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  consistencyProof,
  inclusionProof,
  isConsistent,
  leafHash,
  nodeHash,
  rootByInclusion,
  rootOf,
} from "./merkle.ts";
import { hashesIn, subtreeOf, type Tile, tileAt, tilePath, tileWidth, widthIn } from "./tile.ts";

const plain = (...parts: readonly Uint8Array[]): Buffer =>
  createHash("sha256").update(Buffer.concat(parts)).digest();

/** MTH(D[n]) of RFC 9162 §2.1.1. */
function merkleTreeHash(entries: readonly Buffer[]): Buffer {
  if (entries.length === 0) return plain();
  if (entries.length === 1) return plain(Buffer.from([0]), entries[0]!);
  let k = 1;
  while (2 * k < entries.length) k *= 2;
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return plain(Buffer.from([1]), merkleTreeHash(left), merkleTreeHash(right));
}

const entriesOf = (size: number): Buffer[] =>
  Array.from({ length: size }, (_, i) => Buffer.from(`entry ${i}`));

/** As a log keeps them: whole tiles, and of each level the part that is begun. */
function tilesOf(entries: readonly Buffer[]): (tile: Tile) => Promise<Uint8Array> {
  const levels: Buffer[][] = [entries.map((entry) => leafHash(entry))];
  for (let level = 0; levels[level]!.length >= tileWidth; level++) {
    const hashes = levels[level]!;
    const next: Buffer[] = [];
    for (let at = 0; at + tileWidth <= hashes.length; at += tileWidth) {
      next.push(subtreeOf(Buffer.concat(hashes.slice(at, at + tileWidth)), 0, tileWidth));
    }
    levels.push(next);
  }
  return async ({ level, index, width }) =>
    Buffer.concat(levels[level]!.slice(index * tileWidth, index * tileWidth + width));
}

test("tlog - roots are those that other logs publish of the same entries", async () => {
  const entries = [
    ...["", "00", "10", "2021", "3031", "40414243", "5051525354555657"],
    "606162636465666768696a6b6c6d6e6f",
  ].map((hex) => Buffer.from(hex, "hex"));
  for (const [size, root] of [
    [0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    [1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
    [2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    [3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
    [4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
    [5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"],
    [6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"],
    [7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"],
    [8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
  ] as const) {
    const read = hashesIn(size, tilesOf(entries.slice(0, size)));
    assert.equal((await rootOf(size, read)).toString("hex"), root, `of ${size}`);
  }
});

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.constantFrom(255, 256, 257, 511, 512, 513, 769),
  fc.integer({ min: 1, max: 1200 }),
);

test("tlog - any entry of any tree is proved out of tiles, and nothing else is", async () => {
  const property = fc.asyncProperty(
    sizes,
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fc.nat(),
    async (size, part, salt) => {
      const entries = entriesOf(size);
      const index = Math.floor(part * size);
      const read = hashesIn(size, tilesOf(entries));
      const root = merkleTreeHash(entries);
      assert.deepEqual(await rootOf(size, read), root);
      const proof = await inclusionProof(index, size, read);
      const leaf = leafHash(entries[index]!);
      const isProved = (...[of, at, among, by]: Parameters<typeof rootByInclusion>): boolean =>
        rootByInclusion(of, at, among, by)?.equals(root) === true;
      assert.ok(isProved(leaf, index, size, proof));
      assert.ok(!isProved(leafHash(Buffer.from("another")), index, size, proof));
      assert.ok(!isProved(leaf, index, size, [...proof, leaf]));
      if (size > 1) {
        assert.ok(!isProved(leaf, (index + 1) % size, size, proof));
        assert.ok(!isProved(leaf, index, size, proof.slice(1)));
        const wrong = proof.map((hash, i) => (i === salt % proof.length ? leaf : hash));
        assert.ok(!isProved(leaf, index, size, wrong));
      }
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test("tlog - a tree is shown to begin with an earlier one, and a forked one is not", async () => {
  const property = fc.asyncProperty(sizes, sizes, fc.nat(), async (one, other, salt) => {
    const [first, size] = [Math.min(one, other), Math.max(one, other)];
    const entries = entriesOf(size);
    const head = (count: number) => ({
      size: count,
      root: merkleTreeHash(entries.slice(0, count)),
    });
    const proof = await consistencyProof(first, size, hashesIn(size, tilesOf(entries)));
    assert.ok(isConsistent(head(first), head(size), proof), `${first} to ${size}`);
    assert.ok(isConsistent(head(0), head(size), []));
    const forked = entries.map((entry, i) => (i === salt % first ? Buffer.from("other") : entry));
    const fork = { size: first, root: merkleTreeHash(forked.slice(0, first)) };
    assert.ok(!isConsistent(fork, head(size), proof));
    assert.ok(!isConsistent(head(size), fork, proof) || size === first, "a log that shrank");
    assert.ok(!isConsistent(head(first), head(size), [...proof, fork.root]));
    if (proof.length > 0) assert.ok(!isConsistent(head(first), head(size), proof.slice(1)));
  });
  await fc.assert(property, { numRuns: 150 });
});

test("tlog - tiles have one address each", () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), "0/x001/x234/067");
  assert.equal(tilePath({ level: 2, index: 0, width: 17 }), "2/000.p/17");
  const parts = {
    level: fc.integer({ min: 0, max: 7 }),
    index: fc.integer({ min: 0, max: 10 ** 12 }),
    width: fc.integer({ min: 1, max: 256 }),
  };
  const tiles = fc.record(parts, { noNullPrototype: true });
  fc.assert(fc.property(tiles, (tile) => assert.deepEqual(tileAt(tilePath(tile)), tile)));
  for (const path of [
    "0/1",
    "0/x000/001",
    "0/001.p/256",
    "0/001.p/0",
    "00/001",
    "64/001",
    "x/001",
    "",
    "0/../001",
  ]) {
    assert.equal(tileAt(path), undefined, path);
  }
  // The specification's own example.
  assert.deepEqual(
    [widthIn(70_000, 0, 272), widthIn(70_000, 0, 273), widthIn(70_000, 0, 274)],
    [256, 112, 0],
  );
  assert.deepEqual([widthIn(70_000, 1, 1), widthIn(70_000, 2, 0), widthIn(256, 1, 0)], [17, 1, 1]);
});

test("tlog - a leaf is no node, and a node no leaf", () => {
  const [left, right] = [leafHash(Buffer.from("a")), leafHash(Buffer.from("b"))];
  assert.notDeepEqual(leafHash(Buffer.concat([left, right])), nodeHash(left, right));
});
