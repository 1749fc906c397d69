/**
 * Transparency logs: a Merkle tree that only grows (RFC 9162 §2, RFC 6962 §2), served as tiles
 * (`tile.ts`), its head a checkpoint (`checkpoint.ts`) in a signed note (`note.ts`) that witnesses
 * sign as well, and a file that proves one entry (`proof.ts`): c2sp.org's tlog-tiles,
 * tlog-checkpoint, signed-note, tlog-cosignature and tlog-proof. Pure: keys are handed in, and it
 * never asks for a hash that it could not check.
 *
 * Here the tree itself. Hashes come from whoever keeps them; what a proof says is decided alone by
 * what stands in it.
 */
import { hash } from "node:crypto";

const hashBytes = 32;

/** RFC 9162 §2.1.1: a leaf can never be passed off as a node. */
export function leafHash(entry: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.from([0]), entry]));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.from([1]), left, right]));
}

/** Of the tree that has no entries. */
const emptyRoot: Buffer = sha256(Buffer.alloc(0));

/** The hash of the complete subtree of 2^level leaves that begins at leaf `index` × 2^level. */
export type ReadHash = (level: number, index: number) => Promise<Buffer>;

export async function rootOf(size: number, read: ReadHash): Promise<Buffer> {
  return size === 0 ? emptyRoot : hashOf(0, size, read);
}

/** RFC 9162 §2.1.3.1: hashes from the leaf's sibling up. `index` is below `size`. */
export async function inclusionProof(
  index: number,
  size: number,
  read: ReadHash,
): Promise<Buffer[]> {
  const proof: Buffer[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      proof.push(await hashOf(middle, to, read));
      to = middle;
    } else {
      proof.push(await hashOf(from, middle, read));
      from = middle;
    }
  }
  return proof.reverse();
}

/** RFC 9162 §2.1.4.1: that the tree of `size` begins with all of the tree of `first`. */
export async function consistencyProof(
  first: number,
  size: number,
  read: ReadHash,
): Promise<Buffer[]> {
  if (first === 0 || first === size) return [];
  const proof: Buffer[] = [];
  let [from, to] = [0, size];
  let isWhole = true;
  while (first !== to) {
    const middle = from + splitOf(to - from);
    if (first <= middle) {
      proof.push(await hashOf(middle, to, read));
      to = middle;
    } else {
      proof.push(await hashOf(from, middle, read));
      from = middle;
      isWhole = false;
    }
  }
  if (!isWhole) proof.push(await hashOf(from, to, read));
  return proof.reverse();
}

/** RFC 9162 §2.1.3.2: what root the leaf's place and the proof make; undefined: it is no proof. */
export function rootByInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Buffer | undefined {
  if (!isPlace(index, size) || !proof.every(isHash) || !isHash(leaf)) return undefined;
  let node = BigInt(index);
  let last = BigInt(size) - 1n;
  let root: Buffer = Buffer.from(leaf);
  for (const sibling of proof) {
    if (last === 0n) return undefined;
    if ((node & 1n) === 1n || node === last) {
      root = nodeHash(sibling, root);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else root = nodeHash(root, sibling);
    node >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? root : undefined;
}

/** A tree's size and root. */
export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** RFC 9162 §2.1.4.2: does the second tree begin with all of the first? */
export function isConsistent(
  first: TreeHead,
  second: TreeHead,
  proof: readonly Uint8Array[],
): boolean {
  if (!proof.every(isHash) || first.size > second.size) return false;
  if (first.size === 0) return proof.length === 0 && isSame(first.root, emptyRoot);
  if (first.size === second.size) return proof.length === 0 && isSame(first.root, second.root);
  let node = BigInt(first.size) - 1n;
  let last = BigInt(second.size) - 1n;
  // A first tree that is complete stands in the second as it is.
  const isComplete = (BigInt(first.size) & node) === 0n;
  const path = isComplete ? [first.root, ...proof] : [...proof];
  while ((node & 1n) === 1n) {
    node >>= 1n;
    last >>= 1n;
  }
  const [start, ...rest] = path;
  if (start === undefined) return false;
  let one: Buffer = Buffer.from(start);
  let other = one;
  for (const hash of rest) {
    if (last === 0n) return false;
    if ((node & 1n) === 1n || node === last) {
      one = nodeHash(hash, one);
      other = nodeHash(hash, other);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else other = nodeHash(other, hash);
    node >>= 1n;
    last >>= 1n;
  }
  return last === 0n && isSame(one, first.root) && isSame(other, second.root);
}

/** Of leaves [from, to); `from` begins a subtree that is at least as large. */
async function hashOf(from: number, to: number, read: ReadHash): Promise<Buffer> {
  const count = to - from;
  const level = Math.log2(count);
  if (Number.isInteger(level)) return read(level, from / count);
  const middle = from + splitOf(count);
  return nodeHash(await hashOf(from, middle, read), await hashOf(middle, to, read));
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  let split = 2 ** Math.floor(Math.log2(count));
  if (split >= count) split /= 2;
  return split;
}

function isPlace(index: number, size: number): boolean {
  return Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size;
}

function isHash(hash: Uint8Array): boolean {
  return hash.length === hashBytes;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}
