import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overview, WorldAgreement } from "../client/world.ts";
import { overviewFrom } from "./overview-check.ts";
import { mergeWorld, type PeerPart } from "./world-merge.ts";

const grid = "did:web:grid.example";
const farm = "did:web:farm.example";
const bus = "did:web:bus.example";

function overview(did: string, agreements: readonly WorldAgreement[], at = 1000): Overview {
  const place = { lat: 1, lon: 2 };
  const node = {
    did,
    name: did.slice(8, -8),
    title: did,
    country: "NL",
    currency: "EUR",
    place,
    url: "http://127.0.0.1:1",
    online: true,
    messagesPerSecond: 5,
    things: [],
  };
  return { at, node, agreements, happenings: [] };
}

function sold(change: Partial<WorldAgreement> = {}): WorldAgreement {
  return {
    id: "urn:uuid:a",
    provider: grid,
    consumer: farm,
    product: "sun",
    title: "Sun",
    sector: "energy",
    state: "active",
    link: "up",
    ratePerSecond: 2,
    messages: 10,
    amount: "0.02",
    currency: "CLP",
    ...change,
  };
}

function part(told: Overview, online = true): PeerPart {
  const { did, name, url } = told.node;
  return { peer: { did, name, url }, overview: told, online };
}

test("world - an agreement two peers tell of stands once, with what each knows best", () => {
  const effect = { text: "waits for sun", value: 2, unit: "kWh" };
  const bought = sold({ sector: "other", messages: 9, latencyMs: 4, effect });
  const world = mergeWorld(overview(bus, []), [
    part(overview(grid, [sold()])),
    part(overview(farm, [bought])),
  ]);
  assert.equal(world.agreements.length, 1);
  const [one] = world.agreements;
  assert.deepEqual([one?.sector, one?.messages, one?.latencyMs], ["energy", 9, 4]);
  assert.deepEqual(one?.effect, effect);
  assert.deepEqual(world.totals, [{ currency: "CLP", amount: "0.02", messages: 9 }]);
});

test("world - what this node counts itself comes before what others tell", () => {
  const world = mergeWorld(overview(grid, [sold({ messages: 12, amount: "0.024" })]), [
    part(overview(farm, [sold({ messages: 999, amount: "9" })])),
  ]);
  assert.equal(world.agreements[0]?.messages, 12);
  assert.equal(world.totals[0]?.amount, "0.024");
});

test("world - a link is down while one of its ends is offline, and ended stays ended", () => {
  const gone = [part(overview(farm, [sold()]), false)];
  const world = mergeWorld(overview(grid, [sold()]), gone);
  assert.equal(world.agreements[0]?.link, "down");
  assert.equal(world.agreements[0]?.ratePerSecond, 0);
  assert.equal(world.nodes.find((node) => node.did === farm)?.online, false);
  const ended = sold({ state: "ended", link: "ended", endedReason: "revoked" });
  const after = mergeWorld(overview(grid, [ended]), [part(overview(farm, [sold()]))]);
  assert.deepEqual(
    [after.agreements[0]?.state, after.agreements[0]?.link, after.agreements[0]?.endedReason],
    ["ended", "ended", "revoked"],
  );
});

test("world - sums are exact and apart by currency", () => {
  const many = Array.from({ length: 10 }, (_, i) => sold({ id: `urn:uuid:${i}`, amount: "0.1" }));
  const yen = sold({ id: "urn:uuid:yen", currency: "JPY", amount: "3", messages: 1 });
  const world = mergeWorld(overview(grid, [...many, yen]), []);
  assert.deepEqual(world.totals, [
    { currency: "CLP", amount: "1", messages: 100 },
    { currency: "JPY", amount: "3", messages: 1 },
  ]);
});

test("world - a happening both sides tell stands once, and a later one again", () => {
  const at = (time: number) => ({ at: time, kind: "link.up", text: "up", agreement: "urn:uuid:a" });
  const world = mergeWorld({ ...overview(grid, []), happenings: [at(1000), at(9000)] }, [
    part({ ...overview(farm, []), happenings: [at(1400)] }),
  ]);
  assert.deepEqual(
    world.happenings.map((one) => one.at),
    [1000, 9000],
  );
});

test("overview - a peer tells of itself alone, in the form and size that was agreed", () => {
  const foreign = sold({ id: "urn:uuid:foreign", provider: bus, consumer: farm });
  const told = overview(grid, [sold(), foreign]);
  assert.deepEqual(
    overviewFrom(told, grid)?.agreements.map((one) => one.id),
    ["urn:uuid:a"],
  );
  assert.equal(overviewFrom(told, farm), undefined);
  assert.equal(overviewFrom({ ...told, agreements: "many" }, grid), undefined);
  assert.equal(overviewFrom(overview(grid, [sold({ amount: "-1" })]), grid), undefined);
  const long = sold({ title: "x".repeat(100_000) });
  assert.equal(overviewFrom(overview(grid, [long]), grid), undefined);
  assert.equal(overviewFrom(null, grid), undefined);
});
