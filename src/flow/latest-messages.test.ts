import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { neverCrash } from "../kernel/crash.ts";
import { systemEntropy } from "../kernel/id.ts";
import type { Grant } from "../market/grant.ts";
import { countedUsage } from "../../tests/counted-usage.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { Flow } from "./flow.ts";
import type { Latest } from "./latest.ts";
import { LatestMessages } from "./latest-messages.ts";
import { layout5, Run } from "./run.ts";

async function openFlow(t: TestContext): Promise<Flow> {
  const dir = await mkdtemp(join(tmpdir(), "comity-latest-"));
  const store = await openEmbeddedStore({ path: join(dir, "store.db") });
  const outside = { clock: systemClock, entropy: systemEntropy, crash: neverCrash };
  const secret = new Uint8Array(32);
  const { usage } = countedUsage();
  const flow = await Flow.open({ ...outside, store, usage, secret });
  t.after(async () => {
    await flow.close();
    await store.close();
    await rm(dir, { recursive: true });
  });
  return flow;
}

function grant(agreement: string, more: Partial<Grant> = {}): Grant {
  const parties = { agreement, consumer: "did:web:b.example", product: "p" };
  return { ...parties, filters: ["bus/#"], billed: false, ...more };
}

function publish(flow: Flow, topic: string, bytes: number): void {
  const payload = Buffer.alloc(bytes, JSON.stringify({ driver: "Ada", note: "x" }).padEnd(64));
  const packets = encodePublish(5, { topic, payload });
  const fields = { topic, qos: 0, layout: layout5, count: 1 } as const;
  void flow.publish(new Run({ ...fields, packets, payloadBytes: payload.length }));
}

async function bytesOf(latest: Latest): Promise<number> {
  let bytes = 0;
  for await (const part of latest.identity()) bytes += part.length;
  return bytes;
}

test("latest messages - agreements of equal content keep one copy between them", async (t) => {
  const flow = await openFlow(t);
  const kept = new LatestMessages(flow);
  const first = kept.of(grant("a"));
  for (let one = 1; one < 100; one++) assert.equal(kept.of(grant(`a${one}`)), first);
  publish(flow, "bus/1", 100_000);
  assert.ok(kept.bytes > 100_000 && kept.bytes < 101_000, `${kept.bytes} bytes`);
  kept.forget(grant("a"));
  assert.equal(kept.of(grant("a1")), first, "others still hold it");
  for (let one = 1; one < 100; one++) kept.forget(grant(`a${one}`));
  assert.equal(kept.bytes, 0);
});

test("latest messages - what agreements get differently is kept apart", async (t) => {
  const kept = new LatestMessages(await openFlow(t));
  const shape = { pseudonymise: ["driver"] };
  const rate = { messages: 1, seconds: 60, per: "topic" } as const;
  const all = [
    ...[grant("a"), grant("a", { filters: ["bus/1"] }), grant("a", { product: "q" })],
    ...[grant("a", { shape }), grant("b", { shape }), grant("a", { rate }), grant("b", { rate })],
  ];
  assert.equal(new Set(all.map((one) => kept.of(one))).size, all.length);
  kept.close();
});

test("latest messages - where room is short, who has not asked for longest is forgotten", async (t) => {
  const flow = await openFlow(t);
  const kept = new LatestMessages(flow, 250_000);
  const grants = ["1", "2", "3"].map((bus) => grant(bus, { filters: [`bus/${bus}`] }));
  const [one, two, three] = grants.map((each) => kept.of(each)) as [Latest, Latest, Latest];
  for (const bus of ["1", "2"]) publish(flow, `bus/${bus}`, 100_000);
  kept.of(grants[0]!); // asked again
  publish(flow, "bus/3", 100_000);
  assert.ok(kept.bytes < 250_000, `${kept.bytes} bytes`);
  assert.equal(kept.of(grants[0]!), one);
  assert.equal(kept.of(grants[2]!), three);
  const again = kept.of(grants[1]!);
  assert.notEqual(again, two);
  assert.equal(await bytesOf(again), 0, "it begins anew");
  publish(flow, "bus/2", 1_000);
  assert.ok((await bytesOf(again)) > 1_000);
  kept.close();
});
