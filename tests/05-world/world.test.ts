import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "../../src/kernel/clock.ts";
import { cutAndMend, flipOneByte, killAndRestart, revoke } from "../../src/world/breaks.ts";
import { loadWorld } from "../../src/world/config.ts";
import { settleAll, summarise } from "../../src/world/once.ts";
import { look, pasteLines } from "../../src/world/watch.ts";
import { World } from "../../src/world/world.ts";
import type { Deal } from "../../src/world/world.ts";

/** One world of five real processes; the tests below are its story, in order. */
const file = new URL("../../src/world/world.yaml", import.meta.url);
const config = { ...loadWorld(file), receiptWindowMs: 1000 };
const folder = mkdtempSync(join(tmpdir(), "comity-world-test-"));
const said: string[] = [];
const began = systemClock.now();
let world: World;

const deal = (product: string): Deal => world.deals.find((d) => d.config.product === product)!;

before(async () => {
  const say = (line: string): void => void said.push(line);
  world = await World.prepare({ config, folder, anyPorts: true, clock: systemClock, say });
  await world.start();
  await wait(3000);
});

after(async () => {
  await world?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("world - every stream flows, is heard by who acts on it, and is told to the world page", async () => {
  const frame = await look(world, 0, 60_000);
  assert.equal(frame.rows.length, config.agreements.length);
  for (const row of frame.rows) {
    assert.equal(row.state, "up", row.stream);
    assert.ok(row.messages > 0, row.stream);
    assert.ok((row.latencyMs ?? 1e9) < 1000, `${row.stream}: ${row.latencyMs} ms`);
  }
  const told = await world.members[0]!.node.http.world();
  assert.equal(told.nodes.filter(({ online }) => online).length, 5);
  assert.ok(told.agreements.filter(({ effect }) => effect !== undefined).length >= 6);
});

test("world - a stream under the health template carries its list of members and a pseudonym", async () => {
  const { consumer, seat, config } = deal("monitor-health");
  const lines: string[] = [];
  for await (const { payload } of consumer.node.http.readLog(seat.root, { limit: 20 })) {
    lines.push(payload ?? "");
  }
  assert.ok(lines.length > 0, config.product);
  for (const line of lines) {
    const observation = JSON.parse(line) as Record<string, Record<string, unknown>>;
    const members = Object.keys(observation).sort();
    const allowed = ["code", "effectiveDateTime", "resourceType", "status", "subject"];
    assert.deepEqual(members, [...allowed, "valueQuantity"]);
    // neither whose it is, nor what somebody wrote
    assert.deepEqual(Object.keys(observation["subject"]!), ["reference"]);
    assert.doesNotMatch(line, /bed|nurse|Device|Patient/);
  }
});

test("world - a visitor sees a shared stream from outside with the pasted line", async () => {
  const curl = pasteLines(world).find((line) => line.startsWith("curl")) ?? "";
  const [, bearer] = /'Authorization: (Bearer [^']+)'/.exec(curl) ?? [];
  const url = curl.split(" ").at(-1) ?? "";
  const stop = AbortSignal.timeout(5000);
  const answer = await fetch(url, { headers: { authorization: bearer ?? "" }, signal: stop });
  assert.equal(answer.status, 200);
  for await (const chunk of answer.body!) {
    if (Buffer.from(chunk).includes("PhotovoltaicMeasurement")) return;
  }
  assert.fail("the stream ended without a message");
});

test("world - a link that is cut and mended goes on with nothing lost and nothing twice", async () => {
  const lines = await cutAndMend(deal("pump-condition"), systemClock);
  assert.match(lines.join(" "), /mended/);
  assert.match(lines.join(" "), /Resumed: 0 lost, 0 twice \([1-9]/);
});

test("world - a node killed with -9 resumes with nothing lost and nothing twice", async () => {
  for (const name of ["factory", "grid"]) {
    const lines = await killAndRestart(world.member(name), world, systemClock);
    assert.match(lines.join(" "), /ready after/);
    assert.match(lines.join(" "), /Resumed: 0 lost, 0 twice \([1-9]/);
    assert.doesNotMatch(lines.join(" "), /not every stream/);
  }
  assert.ok(!said.some((line) => line.includes("died")), "a death that was meant is not reported");
});

test("world - a bill verifies, and one flipped byte names its receipt", async () => {
  const lines = await flipOneByte(deal("fleet-charge"), folder, systemClock.now());
  assert.match(lines[0]!, /Verified/);
  const [, flipped = ""] = /One byte of receipt (\d+) flipped/.exec(lines[1]!) ?? [];
  const [, blame = ""] = lines[1]!.split(" flipped: ");
  assert.match(blame, new RegExp(`receipt ${flipped}\\b`));
});

test("world - a revoked agreement stops at one message on both sides", async () => {
  const lines = await revoke(deal("solar-now"));
  assert.match(lines[0]!, /stopped after message [1-9]/);
  assert.match(lines[1]!, /none left/);
});

test("world - in the end both sides count alike and have signed for every message", async () => {
  world.pauseDevices();
  assert.ok(await settleAll(world, systemClock), "not settled in time");
  const now = systemClock.now();
  const summary = await summarise(world, { began, now, seconds: 0 });
  // Live streams lose what passes while a node is dead, and so does a revoked one; and what a node
  // that is killed had of a native format, but had not yet read. Nothing else.
  const isNative = ({ provider, topics }: Deal): boolean =>
    provider.config.sources.some(({ topic: below }) => topics.some((t) => t.startsWith(below)));
  const excused = (point: string): boolean =>
    point.endsWith(" published messages arrived") &&
    world.deals.some((d) => (!d.logged || isNative(d)) && point.startsWith(d.config.product));
  assert.deepEqual(
    summary.missing.filter((point) => !excused(point)),
    [],
  );
  assert.equal(summary.agreements.length, config.agreements.length);
  for (const { receipts, receiptedMessages, messages } of summary.agreements) {
    assert.ok(receipts > 0);
    assert.equal(receiptedMessages, messages.provider);
  }
});

test("world - a node that dies unexpectedly is reported", async () => {
  const { pid } = world.member("farm").node;
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGKILL");
  for (let i = 0; i < 50 && !said.some((line) => line.includes("farm died")); i++) await wait(50);
  assert.ok(said.some((line) => line === "The node farm died (SIGKILL). Its last lines:"));
});
