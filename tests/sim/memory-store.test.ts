import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore, newDisk } from "./memory-store.ts";

const put = (id: string) => ({ op: "put", kind: "doc", id, doc: id }) as const;

test("memory store - a crash before a commit leaves nothing of it, one after it all", async () => {
  for (const moment of ["before", "after"] as const) {
    const disk = newDisk();
    const store: MemoryStore = new MemoryStore(disk, (when) => {
      if (when === moment) store.cut();
    });
    await assert.rejects(store.commit([put("a"), put("b")]), { code: "STORE_FAILED" });
    await assert.rejects(store.get("doc", "a"), { code: "STORE_FAILED" });
    const again = new MemoryStore(disk);
    const found = (await again.list("doc")).map(({ id }) => id);
    assert.deepEqual(found, moment === "before" ? [] : ["a", "b"]);
  }
});
