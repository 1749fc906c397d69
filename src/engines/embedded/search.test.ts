import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
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

test("embedded search - no file is there before something is to be kept", async () => {
  const path = join(folder, "none.db");
  const index = await openEmbeddedSearch({ path });
  assert.deepEqual(await index.find({ limit: 1 }), { found: [], total: 0 });
  assert.deepEqual(await index.offer("one"), []);
  assert.equal(await index.known("did:web:a"), undefined);
  await index.forget("did:web:a");
  assert.equal(existsSync(path), false);
  await index.change("did:web:a", { put: [], remove: [], seenAt: 3 });
  assert.equal((await index.known("did:web:a"))?.seenAt, 3);
  assert.equal(statSync(path).mode & 0o077, 0, "others' catalogues are the owner's to read");
  await index.close();
  assert.equal(existsSync(path), true);
});

test("embedded search - one that never had anything to keep closes, and answers no more", async () => {
  const index = await openEmbeddedSearch({ path: join(folder, "unused.db") });
  await index.close();
  await index.close();
  await assert.rejects(index.find({ limit: 1 }), { code: "SEARCH_FAILED" });
});
