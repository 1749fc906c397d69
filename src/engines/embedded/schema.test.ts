import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { migrate, migrations, openDatabase } from "./schema.ts";
import { openEmbeddedStore } from "./store.ts";

async function fileFor(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "comity-schema-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return join(dir, "comity.db");
}

function valueOf(database: DatabaseSync, pragma: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
}

test("schema - the file is opened for durability and for one node alone", async (t) => {
  const path = await fileFor(t);
  const database = openDatabase({ path, lockWaitMs: 0, bytesMax: 0 });
  const expected = {
    journal_mode: "wal",
    synchronous: 2, // FULL: a commit is on the disk
    locking_mode: "exclusive",
    foreign_keys: 1,
    user_version: migrations.length,
  };
  const found = Object.keys(expected).map((name) => [name, valueOf(database, name)]);
  assert.deepEqual(Object.fromEntries(found), expected);
  database.close();
});

test("schema - an empty file goes from version 0 to the newest", async (t) => {
  const path = await fileFor(t);
  const database = new DatabaseSync(path);
  assert.equal(valueOf(database, "user_version"), 0);
  migrate(database, path, migrations);
  assert.equal(valueOf(database, "user_version"), migrations.length);
  database.exec("INSERT INTO document VALUES ('kind', 'id', '1')");
  migrate(database, path, migrations); // nothing is left to do
  database.close();
});

test("schema - a newer step keeps what an older version wrote", async (t) => {
  const path = await fileFor(t);
  const store = await openEmbeddedStore({ path });
  await store.commit([{ op: "put", kind: "thing", id: "pump", doc: { title: "Pump" } }]);
  await store.close();
  const database = new DatabaseSync(path);
  const steps = [...migrations, "ALTER TABLE document ADD COLUMN changed INTEGER"];
  migrate(database, path, steps);
  assert.equal(valueOf(database, "user_version"), steps.length);
  const row = database.prepare("SELECT id, doc, changed FROM document").get();
  assert.deepEqual({ ...row }, { id: "pump", doc: '{"title":"Pump"}', changed: null });
  database.close();
  await assert.rejects(openEmbeddedStore({ path }), {
    code: "DATA_NEWER",
    details: { path: join(path, ".."), found: steps.length, known: migrations.length },
  });
});

test("schema - a step that fails leaves the file as it was", async (t) => {
  const path = await fileFor(t);
  const database = new DatabaseSync(path);
  migrate(database, path, migrations);
  const steps = [...migrations, "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)"];
  assert.throws(() => migrate(database, path, steps), /nowhere/);
  assert.equal(valueOf(database, "user_version"), migrations.length);
  assert.equal(
    database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get(),
    undefined,
  );
  database.close();
});

test("schema - another program's database is not touched", async (t) => {
  const path = await fileFor(t);
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE theirs (a)");
  other.close();
  await assert.rejects(openEmbeddedStore({ path }), {
    code: "STORE_FAILED",
    message: /not a Comity store/,
  });
});
