import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openEmbeddedStore } from "../../engines/embedded/store.ts";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { systemEntropy } from "../../kernel/id.ts";
import type { Store } from "../../ports/store.ts";
import { Claims } from "./claims.ts";
import { PendingDevice } from "./pending-device.ts";

let folder: string;
let store: Store;
let now = Date.parse("2026-11-23T07:00:00Z");
const clock: Clock = { ...systemClock, now: () => now };
const open = (): Promise<Claims> => Claims.open({ store, clock, entropy: systemEntropy });
const hour = 3_600_000;
const day = 24 * hour;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-claims-"));
  store = await openEmbeddedStore({ path: join(folder, "store.db") });
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

test("Claims - a code is told once, found by itself alone, and kept as a hash", async () => {
  const claims = await open();
  const { claim, code } = await claims.create({ by: "owner admin" });
  assert.match(code, /^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/);
  for (const book of [claims, await open()]) {
    assert.equal(book.ofCode(code)?.id, claim.id);
    assert.equal(book.ofCode(code.toLowerCase()), undefined);
    assert.equal(book.ofCode(""), undefined);
    assert.equal(book.stateOf(claim.id), "open");
  }
  const stored = JSON.stringify(await store.list("claim"));
  assert.ok(!stored.includes(code) && !stored.includes(code.slice(0, 5)));
  now += hour - 1;
  assert.equal(claims.stateOf(claim.id), "open");
  now += 1;
  assert.equal(claims.stateOf(claim.id), "expired", "at the very moment");
});

test("Claims - what ended is listed for a week, then it leaves the store with its decisions", async () => {
  const claims = await open();
  const { claim, code } = await claims.create({ by: "owner admin" });
  await claims.refuse(claim.id, "stranger");
  now += hour + 7 * day;
  await claims.create({ by: "owner admin" });
  assert.equal(claims.ofCode(code)?.id, claim.id, "a week and no moment more");
  now += 1;
  await claims.create({ by: "owner admin" });
  assert.equal(claims.ofCode(code), undefined);
  const left = [...(await store.list("claim")), ...(await store.list("claimed"))];
  assert.ok(left.every(({ id }) => !id.startsWith(claim.id)));
});

test("Claims - refusals are remembered up to a limit, the oldest forgotten first", async () => {
  const claims = await open();
  const { claim } = await claims.create({ by: "owner admin" });
  for (let i = 0; i < 260; i++) {
    now++;
    await claims.refuse(claim.id, `stranger-${i}`);
  }
  for (const book of [claims, await open()]) {
    assert.equal(book.decided(claim.id, "stranger-3"), undefined);
    for (const one of [4, 259]) {
      assert.equal(book.decided(claim.id, `stranger-${one}`)?.state, "refused");
    }
  }
});

test("Claims - what could not be kept was not decided", async () => {
  const claims = await open();
  const { claim } = await claims.create({ devicesMax: 1, by: "owner admin" });
  const decided = { state: "accepted", thing: "pump" } as const;
  const failing = claims.accept(claim.id, "pump", decided, () => Promise.reject(new Error("full")));
  await assert.rejects(failing, /full/);
  assert.equal(claims.decided(claim.id, "pump"), undefined);
  assert.equal(claims.stateOf(claim.id), "open");
  await claims.accept(claim.id, "pump", decided, (write) => store.commit([write]));
  assert.equal((await open()).stateOf(claim.id), "used up");
  assert.deepEqual([...(await open()).unsettled()].at(-1), {
    ...{ claim: claim.id, device: "pump", thing: "pump" },
  });
  await assert.rejects(claims.refuse(claim.id, "pump"), { code: "STATE_INVALID" });
  const late = (await claims.create({ by: "owner admin" })).claim.id;
  await claims.revoke(late);
  const accepting = claims.accept(late, "pump", decided, (write) => store.commit([write]));
  await assert.rejects(accepting, { code: "CLAIM_REFUSED", message: /revoked/ });
});

test("PendingDevice - is offered what it used and no more", () => {
  const filtersOf = (name: string, ...topics: string[]): readonly string[] => {
    const device = new PendingDevice("1", { claim: "c", name, door: "MQTT", at: 0 });
    const from = { door: "MQTT", address: "::1" } as const;
    for (const topic of topics) device.take(topic, Buffer.from("1"), 1, from, 0);
    return device.filters("thing");
  };
  assert.deepEqual(filtersOf("p", "p/a", "p/b/c"), ["p/#"]);
  assert.deepEqual(filtersOf("p", "factory/p/a", "factory/p/b"), ["factory/p/#"]);
  assert.deepEqual(filtersOf("p", "factory/p/a", "factory/q/a"), ["factory/p/a", "factory/q/a"]);
  assert.deepEqual(filtersOf("p", "factory/a"), ["factory/a"]);
  assert.deepEqual(filtersOf("p", "p"), ["p"]);
  assert.deepEqual(filtersOf("factory", "a/factoryx/b"), ["a/factoryx/b"]);
  assert.deepEqual(filtersOf("p", "p\u001b/a"), ["thing/#"], "no topic that is not as it is shown");
  assert.deepEqual(filtersOf("p"), ["thing/#"]);
});

test("PendingDevice - keeps the start of a long message, and drafts nothing from it", () => {
  const device = new PendingDevice("1", { claim: "c", name: "p", door: "HTTP", at: 0 });
  const long = Buffer.from(JSON.stringify({ text: "x".repeat(5_000) }));
  for (let i = 0; i < 9; i++) {
    device.take("p/long", long, 1, { door: "HTTP", address: `10.0.0.${i}` }, i);
  }
  const [topic] = device.topics();
  assert.deepEqual([topic?.bytes, topic?.messages, topic?.preview.length], [5_011, 9, 120]);
  assert.deepEqual(device.samples(), []);
  assert.equal(device.addresses.length, 4);
  assert.equal(device.lastAt, 8);
});
