/** c2sp.org/tlog-tiles: the tree's hashes in pieces of 256, each at an address of its own. */
import { nodeHash, type ReadHash } from "./merkle.ts";

export const tileWidth = 256;
const tileLevels = 8;
const hashBytes = 32;

/** Hashes of complete subtrees of 256^level leaves; `width` is below 256 for the tree's last one. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** `0/x001/234`, `1/000.p/17`; `entries` in place of the level for the entries themselves. */
export function tilePath({ level, index, width }: Tile): string {
  return `${level}/${indexPath(index, width)}`;
}

function indexPath(index: number, width: number): string {
  const groups: string[] = [];
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    const digits = String(rest % 1000).padStart(3, "0");
    groups.unshift(groups.length === 0 ? digits : `x${digits}`);
  }
  return groups.join("/") + (width === tileWidth ? "" : `.p/${width}`);
}

const tilePattern = /^(0|[1-9]\d?)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** Undefined: no tile has that address. */
export function tileAt(path: string): Tile | undefined {
  const [, level = "", index = "", width = String(tileWidth)] = tilePattern.exec(path) ?? [];
  const tile = {
    level: Number(level),
    index: Number(index.replace(/[x/]/g, "")),
    width: Number(width),
  };
  // One spelling for each: neither zeros in front nor a full tile that is called a part.
  const isIt = level !== "" && tile.level < 64 && tilePath(tile) === path;
  return isIt ? tile : undefined;
}

/** How wide the tile is in a tree of that size; 0: it is not there. */
export function widthIn(size: number, level: number, index: number): number {
  const hashes = Math.floor(size / tileWidth ** level);
  return Math.min(tileWidth, Math.max(0, hashes - index * tileWidth));
}

/** The tile's hashes, one after the other. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array>;

/** Hashes out of the tiles of a tree of that size; each tile is read once. */
export function hashesIn(size: number, readTile: ReadTile): ReadHash {
  const tiles = new Map<string, Promise<Uint8Array>>();
  const read = (level: number, index: number): Promise<Uint8Array> => {
    const key = `${level}/${index}`;
    let tile = tiles.get(key);
    if (tile === undefined) {
      tile = readTile({ level, index, width: widthIn(size, level, index) });
      tiles.set(key, tile);
    }
    return tile;
  };
  return async (level, index) => {
    const inner = level % tileLevels;
    const count = 2 ** inner;
    const first = index * count;
    const tile = await read((level - inner) / tileLevels, Math.floor(first / tileWidth));
    return subtreeOf(tile, first % tileWidth, count);
  };
}

/** The hash of `count`, a power of two, of the tile's hashes. */
export function subtreeOf(tile: Uint8Array, first: number, count: number): Buffer {
  if (count === 1) {
    const hash = tile.subarray(first * hashBytes, (first + 1) * hashBytes);
    if (hash.length < hashBytes) throw new RangeError(`the tile has no hash ${first}`);
    return Buffer.from(hash);
  }
  const half = count / 2;
  return nodeHash(subtreeOf(tile, first, half), subtreeOf(tile, first + half, half));
}
