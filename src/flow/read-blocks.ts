import type { LogBlock } from "../ports/store.ts";

const readBytes = 262_144;

/**
 * A log's blocks with messages at or after a position, in order, up to where it ends by then. A few
 * are read at a time, and none before it is asked for.
 */
export async function* readBlocks(
  log: {
    readonly end: number;
    read(after: number, bytesMax: number): Promise<readonly LogBlock[]>;
  },
  from: number,
): AsyncGenerator<LogBlock> {
  let position = from;
  while (position < log.end) {
    const blocks = await log.read(position, readBytes);
    if (blocks.length === 0) return;
    for (const block of blocks) {
      yield block;
      position = block.next;
    }
  }
}
