/** Where a test file leaves word that its last test has ended. */
import { basename, join } from "node:path";
import { createHash } from "node:crypto";

export function markOf(folder, file) {
  const digest = createHash("sha256").update(file).digest("hex").slice(0, 16);
  return join(folder, `${basename(file)}-${digest}`);
}
