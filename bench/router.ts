/**
 * Claim: what a match costs does not depend on how many subscriptions there are. Fleets of devices
 * with filters of their own, one in ten with a wildcard inside, a few that take all of a line; the
 * topics asked for are of the whole fleet, and nothing is remembered between two questions.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FilterTrie } from "../src/flow/filter-trie.ts";
import { Router } from "../src/flow/router.ts";
import type { Receiver, Subscription } from "../src/flow/subscription.ts";

interface RouterRow {
  readonly subscriptions: number;
  /** Of one match that is not remembered, nanoseconds. */
  readonly matchNs: number;
  /** Of a topic that is remembered. */
  readonly rememberedNs: number;
  /** Of one subscription that goes and comes while 50,000 topics are remembered. */
  readonly changeNs: number;
  /** Of a subscription to `+/none` that comes and goes beside them, and a remembered topic after it. */
  readonly wildcardNs: number;
  readonly bytesEach: number;
}

const sizes = [1_000, 10_000, 100_000, 1_000_000];
const matches = 200_000;
const receiver: Receiver = { receive() {} };

export function routerRows(): RouterRow[] {
  return sizes.map(measure);
}

export function routerBench({ json }: { readonly json: boolean }): void {
  const rows = routerRows();
  if (json) console.log(JSON.stringify(rows, null, 2));
  else print(rows);
}

function print(rows: readonly RouterRow[]): void {
  console.log("subscriptions   ns a match   remembered   come and go    wildcard   bytes each");
  for (const row of rows) {
    console.log(
      row.subscriptions.toLocaleString("en").padStart(13) +
        row.matchNs.toFixed(0).padStart(13) +
        row.rememberedNs.toFixed(0).padStart(13) +
        row.changeNs.toFixed(0).padStart(14) +
        row.wildcardNs.toFixed(0).padStart(12) +
        row.bytesEach.toFixed(0).padStart(13),
    );
  }
  const ratio = rows.at(-1)!.matchNs / rows[0]!.matchNs;
  console.log(`a million against a thousand: ${ratio.toFixed(2)}× (goal 1.2×)`);
}

function measure(count: number): RouterRow {
  const before = heapBytes();
  const all: Subscription[] = [];
  const trie = new FilterTrie();
  for (let i = 0; i < count; i++) {
    const one: Subscription = { filter: filterOf(i), receiver, qos: 0 };
    trie.add(one);
    all.push(one);
  }
  const bytesEach = (heapBytes() - before) / count;
  const topics = Array.from({ length: 50_000 }, (_, i) => topicOf((i * 7919) % count));
  const matchNs = timed(matches, (i) => trie.match(topics[i % topics.length]!).length);
  const router = new Router(() => []);
  for (const one of all) router.subscribe(one);
  for (const topic of topics) router.route(topic);
  const rememberedNs = timed(matches, (i) => router.route(topics[i % topics.length]!).logs.length);
  const changeNs = timed(20_000, (i) => {
    const one = all[(i * 104_729) % count]!;
    router.unsubscribe(one);
    router.subscribe(one);
    return 1;
  });
  const wild: Subscription = { filter: "+/none", receiver, qos: 0 };
  const wildcardNs = timed(20_000, (i) => {
    router.subscribe(wild);
    router.unsubscribe(wild);
    return router.route(topics[i % topics.length]!).logs.length;
  });
  return { subscriptions: count, matchNs, rememberedNs, changeNs, wildcardNs, bytesEach };
}

function filterOf(i: number): string {
  // One for each line at most: what is found is to be alike, however many there are.
  if (i % 1000 === 0 && i < 500_000) return `city/line-${i / 1000}/#`;
  return i % 10 === 0 ? `city/line-${i % 500}/+/bus-${i}` : topicOf(i);
}

function topicOf(i: number): string {
  return `city/line-${i % 500}/position/bus-${i}`;
}

let sink = 0;

function timed(times: number, run: (i: number) => number): number {
  for (let i = 0; i < times / 4; i++) sink += run(i);
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) sink += run(i);
  return Number(process.hrtime.bigint() - start) / times;
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
