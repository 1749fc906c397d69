import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { Indicators } from "./indicators.ts";
import type { Sector } from "./sector.ts";

/** Says under each topic's last level what the message says, and throws at what is no number. */
const sector: Sector = {
  ...{ name: "test", title: "Test", vocabulary: { version: "1", messages: {} } },
  ...{ template: { product: {}, terms: {} }, sources: {}, outputs: {} },
  indicators: {
    echo: {
      ...{ title: "Echo", unit: "1", formula: "x" },
      open: (outside) => ({
        take: ({ topic, payload }) => {
          const value: unknown = JSON.parse(Buffer.from(payload).toString());
          outside.publish(topic.split("/").at(-1)!, { value: Number(value) });
        },
      }),
    },
  },
};

async function opened(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "comity-indicators-"));
  const store = await openEmbeddedStore({ path: join(folder, "comity.db") });
  let now = Date.UTC(2026, 0, 1);
  let onMessage: (message: { topic: string; payload: Uint8Array }) => void = () => undefined;
  const retained = new Map<string, string>();
  const outside = {
    clock: { ...systemClock, now: () => now },
    subscribe: (_filter: string, take: typeof onMessage) => {
      onMessage = take;
      return () => undefined;
    },
    publishFigure: async (topic: string, payload: Uint8Array) => {
      if (payload.length === 0) retained.delete(topic);
      else retained.set(topic, Buffer.from(payload).toString());
    },
  };
  const indicators = await Indicators.open(store, outside, [sector]);
  t.after(async () => {
    await indicators.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
  await indicators.add({ kind: "echo", filters: ["a/#"] });
  const say = (key: string, text: string): void =>
    onMessage({ topic: `a/${key}`, payload: Buffer.from(text) });
  const pass = (ms: number): void => void (now += ms);
  return { indicators, retained, say, pass };
}

const keysOf = (indicators: Indicators): readonly string[] =>
  indicators.figures("echo").map(({ key }) => key);

test("indicators - a figure that is not said for a week ends, its retained message with it", async (t) => {
  const { indicators, retained, say, pass } = await opened(t);
  say("gone", "1");
  say("quiet", "2");
  pass(4 * 86_400_000);
  say("quiet", "2");
  assert.deepEqual(keysOf(indicators), ["gone", "quiet"]);
  pass(4 * 86_400_000);
  assert.deepEqual(keysOf(indicators), ["quiet"]);
  assert.deepEqual([...retained.keys()], ["indicators/test/echo/quiet"]);
});

test("indicators - beyond ten thousand keys the one not said the longest makes room", async (t) => {
  const { indicators, retained, say } = await opened(t);
  for (let i = 0; i < 10_000; i++) say(`k${i}`, "1");
  say("k0", "1");
  say("new", "3");
  const keys = new Set(keysOf(indicators));
  assert.equal(keys.size, 10_000);
  assert.deepEqual([keys.has("k0"), keys.has("k1"), keys.has("new")], [true, false, true]);
  assert.equal(retained.has("indicators/test/echo/k1"), false);
  assert.equal(indicators.list()[0]?.faults["keys"], 1);
});

test("indicators - a message that cannot be read is counted, and the next is heard", async (t) => {
  const { indicators, say } = await opened(t);
  say("a", "{");
  say("a", "4");
  assert.equal(indicators.list()[0]?.faults["unreadable"], 1);
  assert.equal(indicators.figures("echo")[0]?.value, 4);
});
