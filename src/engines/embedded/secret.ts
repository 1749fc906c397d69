import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import { keepOnce, readKept } from "./kept-file.ts";

const secretBytes = 32;

/**
 * The node's own secret, in `secret.key` of its data folder (mode 600): made at the first start
 * and kept for ever, for pseudonyms made with another one would not be the same.
 */
export async function openEmbeddedSecret(dir: string, entropy: Entropy): Promise<Uint8Array> {
  const path = join(dir, "secret.key");
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    let text = await readKept(path);
    if (text === undefined) {
      const made = Buffer.from(entropy.bytes(secretBytes)).toString("base64url");
      await keepOnce(path, `${made}\n`, entropy);
      text = await readKept(path);
    }
    const secret = Buffer.from((text ?? "").trim(), "base64url");
    if (secret.length !== secretBytes) throw new Error(`it does not hold ${secretBytes} bytes`);
    return secret;
  } catch (thrown) {
    throw new ComityError("CONFIG_INVALID", {
      problem: `the secret in ${path}: ${problemOf(thrown)}`,
    });
  }
}
