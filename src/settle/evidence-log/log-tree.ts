import type { Store, Write } from "../../ports/store.ts";
import { leafHash, rootOf, type TreeHead } from "../../wire/tlog/merkle.ts";
import { hashesIn, subtreeOf, type Tile, tileWidth, widthIn } from "../../wire/tlog/tile.ts";

const kind = "evidence-tile";
const hashBytes = 32;

/**
 * The tree of a log as its tiles, in the store. What is added is worked out in memory and becomes
 * the tree when its writes are committed, all of them or none.
 */
export class LogTree {
  readonly #store: Store;
  /** The last tile of each level, as far as it is filled. */
  #edge: Buffer[];
  #size: number;

  private constructor(store: Store, size: number, edge: Buffer[]) {
    this.#store = store;
    this.#size = size;
    this.#edge = edge;
  }

  static async open(store: Store, size: number): Promise<LogTree> {
    const edge: Buffer[] = [];
    for (let level = 0; tileWidth ** level <= size; level++) {
      const index = Math.floor(size / tileWidth ** (level + 1));
      const width = widthIn(size, level, index);
      edge.push(width === 0 ? Buffer.alloc(0) : await tileIn(store, { level, index, width }));
    }
    return new LogTree(store, size, edge);
  }

  get size(): number {
    return this.#size;
  }

  /** What makes the tree longer by these entries; `done` once it is committed. */
  async grown(
    entries: readonly Uint8Array[],
  ): Promise<{ readonly writes: Write[]; readonly head: TreeHead; readonly done: () => void }> {
    const edge = [...this.#edge];
    const full = new Map<string, { tile: Tile; hashes: Buffer }>();
    let size = this.#size;
    for (const entry of entries) {
      let hash = leafHash(entry);
      for (let level = 0; ; level++) {
        const hashes = Buffer.concat([edge[level] ?? Buffer.alloc(0), hash]);
        edge[level] = hashes;
        if (hashes.length < tileWidth * hashBytes) break;
        const index = Math.floor(size / tileWidth ** (level + 1));
        full.set(`${level}/${index}`, { tile: { level, index, width: tileWidth }, hashes });
        edge[level] = Buffer.alloc(0);
        hash = subtreeOf(hashes, 0, tileWidth);
      }
      size++;
    }
    const writes = [...full.values()].map(({ tile, hashes }) => tileWrite(tile, hashes));
    for (const [level, hashes] of edge.entries()) {
      const index = Math.floor(size / tileWidth ** (level + 1));
      const tile = { level, index, width: hashes.length / hashBytes };
      if (hashes.length > 0) writes.push(tileWrite(tile, hashes));
    }
    const read = hashesIn(size, async (tile) => {
      const { level, index } = tile;
      const isEdge = index === Math.floor(size / tileWidth ** (level + 1));
      const known = isEdge ? edge[level] : full.get(`${level}/${index}`)?.hashes;
      return known ?? tileIn(this.#store, tile);
    });
    const head = { size, root: await rootOf(size, read) };
    const done = (): void => {
      this.#edge = edge;
      this.#size = size;
    };
    return { writes, head, done };
  }

  /** Undefined: the tree has no such tile. */
  async tile(tile: Tile): Promise<Buffer | undefined> {
    const { level, index, width } = tile;
    if (width > widthIn(this.#size, level, index)) return undefined;
    return tileIn(this.#store, tile);
  }
}

/** One that has grown since begins with the same hashes. */
async function tileIn(store: Store, { level, index, width }: Tile): Promise<Buffer> {
  const doc = await store.get<{ hashes: string }>(kind, tileId(level, index));
  const hashes = Buffer.from(doc?.hashes ?? "", "base64");
  if (hashes.length >= width * hashBytes) return hashes.subarray(0, width * hashBytes);
  throw new Error(`the evidence log's tile ${level}/${index} has not ${width} hashes`);
}

function tileWrite({ level, index }: Tile, hashes: Buffer): Write {
  return {
    ...{ op: "put", kind, id: tileId(level, index) },
    doc: { hashes: hashes.toString("base64") },
  };
}

function tileId(level: number, index: number): string {
  return `${level}/${index}`;
}
