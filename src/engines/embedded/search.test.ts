import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { searchConformance } from "../../ports/search.conformance.ts";
import { openEmbeddedSearch } from "./search.ts";

const folder = mkdtempSync(join(tmpdir(), "comity-search-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

searchConformance("embedded", () =>
  openEmbeddedSearch({ path: join(folder, `search-${++files}.db`) }),
);

test("embedded search - a file that is no index is made anew, one that is stands", async () => {
  const path = join(folder, "broken.db");
  writeFileSync(path, "this is no database, however long it may be ".repeat(500));
  const first = await openEmbeddedSearch({ path });
  await first.change("did:web:a", { put: [], remove: [], seenAt: 3, tag: "t" });
  await first.close();
  const second = await openEmbeddedSearch({ path });
  assert.equal((await second.known("did:web:a"))?.seenAt, 3);
  await second.close();
  await assert.rejects(second.find({ limit: 1 }), { code: "SEARCH_FAILED" });
});
