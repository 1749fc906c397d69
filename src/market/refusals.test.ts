import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openEmbeddedSigner } from "../engines/embedded/signer.ts";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock as clock } from "../kernel/clock.ts";
import { systemEntropy as entropy } from "../kernel/id.ts";
import type { Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import { Refusals } from "./refusals.ts";

const asker = "did:web:asker.example";
let dir = "";
let store: Store;
let holder: Signer;
let user: Signer;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "comity-refusals-"));
  store = await openEmbeddedStore({ path: join(dir, "comity.db") });
  holder = await openEmbeddedSigner({ dir: join(dir, "a"), did: "did:web:holder.example", clock });
  user = await openEmbeddedSigner({ dir: join(dir, "b"), did: asker, clock });
});

after(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

const open = (signer: Signer, limits = {}) =>
  Refusals.open({ store, signer, clock, entropy, ...limits });
const about = (subject: string, who = asker) => {
  return { asker: who, subject, article: "Art. 4(1)", reason: "not the user" };
};

test("refusals - the same refusal has the same bytes, after a start too, and each asker a limit", async () => {
  const first = await (await open(holder)).give(about("pump-1"));
  const again = await open(holder, { perAskerMax: 2, refusalsMax: 3 });
  assert.deepEqual(await again.give(about("pump-1")), first);
  await again.give(about("pump-2"));
  const full = { code: "LIMIT_REACHED" };
  await assert.rejects(again.give(about("pump-3")), full);
  await again.give(about("pump-1", "did:web:other.example"));
  await assert.rejects(again.give(about("pump-1", "did:web:third.example")), full);
});

test("refusals - one that is changed, of another, or for another is not taken", async () => {
  const { signed } = await (await open(holder)).give(about("pump-9"));
  const mine = await open(user);
  const by = holder.did;
  assert.equal((await mine.receive(by, holder.publicJwk, signed)).record.subject, "pump-9");
  const text = Buffer.from(signed.payload, "base64url").toString("utf8").replace("not", "yet");
  const changed = { ...signed, payload: Buffer.from(text).toString("base64url") };
  const wrong = { code: "SIGNATURE_INVALID" };
  await assert.rejects(mine.receive(by, holder.publicJwk, changed), wrong);
  await assert.rejects(mine.receive(by, user.publicJwk, signed), wrong);
  const foreign = await (await open(holder)).give(about("pump-9", "did:web:fourth.example"));
  await assert.rejects(mine.receive(by, holder.publicJwk, foreign.signed), wrong);
});
