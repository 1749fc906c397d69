import { chmod, link, open, readFile, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Entropy } from "../../kernel/id.ts";

/** The text of a secret's file, readable by its owner alone; undefined where there is none. */
export async function readKept(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, "utf8");
    // A copy from a backup may have come back readable by others.
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
    return text;
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return undefined;
    throw thrown;
  }
}

/** Durable when it resolves; a file that is there by then is never overwritten. */
export async function keepOnce(path: string, text: string, entropy: Entropy): Promise<void> {
  const draft = `${path}.${entropy.uuid()}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path); // unlike a rename, never takes the place of a file that is there
  } catch (thrown) {
    if (!isErrno(thrown, "EEXIST")) throw thrown;
  } finally {
    await unlink(draft);
  }
  await syncFolder(dirname(path));
}

/** The new name is durable only once its folder is. */
async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, "r");
  try {
    await folder.sync();
  } catch (thrown) {
    if (!isErrno(thrown, "EPERM") && !isErrno(thrown, "EINVAL")) throw thrown; // not on Windows
  } finally {
    await folder.close();
  }
}

function isErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}
