import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedStore } from "../src/engines/embedded/store.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { neverCrash } from "../src/kernel/crash.ts";
import type { Store } from "../src/ports/store.ts";
import { EvidenceLog } from "../src/settle/evidence-log/evidence-log.ts";
import { newNoteSigner } from "../tests/note-signer.ts";

/** With a store on disk and the evidence log in it, which is settled by the bench; both go after. */
export async function withLoggedStore(
  run: (store: Store, log: EvidenceLog, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "comity-bench-"));
  const store = await openEmbeddedStore({ path: join(folder, "node.db") });
  const signer = newNoteSigner("did:web:bench.example");
  const log = await EvidenceLog.open({
    ...{ store, signer, clock: systemClock, crash: neverCrash, everyMs: 3_600_000 },
    onFailed(error) {
      throw error;
    },
  });
  try {
    await run(store, log, folder);
  } finally {
    await log.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
