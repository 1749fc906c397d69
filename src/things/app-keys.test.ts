import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { systemEntropy } from "../kernel/id.ts";
import { AppKeys } from "./app-keys.ts";

const folder = await mkdtemp(join(tmpdir(), "comity-keys-"));
const store = await openEmbeddedStore({ path: join(folder, "store.db") });
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});
let now = Date.parse("2026-11-23T12:00:00Z");
const outside = { store, clock: { ...systemClock, now: () => now }, entropy: systemEntropy };

test("app keys - are there after a restart, the grace of the old token as well", async () => {
  const keys = await AppKeys.open(outside);
  const { token: old } = await keys.create({ id: "app", subscribe: ["a/#"] });
  const { token: fresh } = await keys.rotate("app", 10_000);
  assert.ok(!JSON.stringify(await store.list("app-key")).includes(old));
  const again = await AppKeys.open(outside);
  assert.deepEqual(again.authenticate("app", old), {
    ...{ kind: "app", id: "app", publish: [], subscribe: ["a/#"], turn: 0 },
  });
  const current = again.authenticate("app", fresh);
  assert.ok(current?.kind === "app" && current.turn === 1);
  now += 10_000;
  assert.equal(again.authenticate("app", old), undefined);
  assert.deepEqual([again.isGood("app", 0), again.isGood("app", 1)], [false, true]);
});

test("app keys - a second rotation within the grace ends the token before the last", async () => {
  const keys = await AppKeys.open(outside);
  const { token: first } = await keys.create({ id: "twice", publish: ["a"] });
  const { token: second } = await keys.rotate("twice", 10_000);
  await keys.rotate("twice", 10_000);
  assert.equal(keys.authenticate("twice", first), undefined);
  assert.ok(keys.authenticate("twice", second));
});

test("app keys - as many as there may be, and none more", async () => {
  const keys = await AppKeys.open({
    ...outside,
    keysMax: (await AppKeys.open(outside)).list().length,
  });
  await assert.rejects(keys.create({ id: "more", publish: ["a"] }), { code: "LIMIT_REACHED" });
});
