import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { filterProblem, matches } from "../kernel/topic.ts";
import { type Route, Router } from "./router.ts";
import type { Receiver, Subscription } from "./subscription.ts";

function receiver(): Receiver {
  return { receive() {} };
}

function subscription(filter: string, more: Partial<Subscription> = {}): Subscription {
  return { filter, receiver: receiver(), qos: 0, ...more };
}

/** As the standard's §4.7 says it, word by word. */
function reference(filter: string, topic: string): boolean {
  if (/^[+#]/.test(filter) && topic.startsWith("$")) return false;
  const pattern = filter
    .split("/")
    .map((level) => level.replaceAll(/[$.*?^()[\]{}|\\]/g, String.raw`\$&`))
    .join("/")
    .replaceAll("+", "[^/]*")
    .replace(/^#$/, ".*")
    .replace(/\/#$/, "(/.*)?");
  return new RegExp(`^${pattern}$`, "s").test(topic);
}

const level = fc.constantFrom("a", "b", "", "$x", "+", "#", "ab");
const filter = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((one) => filterProblem(one) === undefined);
const topic = fc
  .array(fc.constantFrom("a", "b", "", "$x", "ab"), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((one) => one !== "");

test("router - finds what a slow reference finds, whatever came and went before", () => {
  const change = fc.record({ filter, add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.array(topic), (changes, topics) => {
      const router = new Router(() => []);
      const all = new Set<Subscription>();
      for (const { filter, add } of changes) {
        if (add) {
          const one = subscription(filter);
          all.add(one);
          router.subscribe(one);
        } else {
          const one = [...all].find((other) => other.filter === filter);
          if (one === undefined) continue;
          all.delete(one);
          router.unsubscribe(one);
        }
      }
      assert.equal(router.size, all.size);
      for (const topic of topics) {
        const expected = [...all].filter((one) => reference(one.filter, topic));
        assert.deepEqual(new Set(router.route(topic).subscriptions), new Set(expected), topic);
        for (const one of all) assert.equal(matches(one.filter, topic), expected.includes(one));
      }
    }),
    { numRuns: 400 },
  );
});

test("router - a route that is kept is right, or says that it is not, after every change", () => {
  const step = fc.oneof(fc.record({ filter, add: fc.boolean() }), fc.record({ topic }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const router = new Router(() => []);
      const all = new Set<Subscription>();
      const kept = new Set<Route>();
      for (const step of steps) {
        if ("topic" in step) kept.add(router.route(step.topic));
        else if (step.add) {
          const one = subscription(step.filter);
          all.add(one);
          router.subscribe(one);
        } else {
          const one = [...all].find((other) => other.filter === step.filter);
          if (one !== undefined) router.unsubscribe(one);
          if (one !== undefined) all.delete(one);
        }
        for (const route of kept) {
          if (route.isStale) kept.delete(route);
          else {
            const expected = [...all].filter((one) => reference(one.filter, route.topic));
            assert.deepEqual(new Set(route.subscriptions), new Set(expected), route.topic);
            assert.equal(router.route(route.topic), route);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("router - who comes or goes elsewhere leaves what is resolved as it is", () => {
  const router = new Router(() => []);
  const route = router.route("fleet/1/position");
  for (const filter of ["fleet/2/position", "fleet/+/speed", "fleet/1/position/#/x", "other/#"]) {
    const one = subscription(filter.replace("/#/x", "/deep/#"));
    router.subscribe(one);
    router.unsubscribe(one);
  }
  assert.equal(route.isStale, false);
  router.subscribe(subscription("fleet/+/position"));
  assert.equal(route.isStale, true);
});

test("router - a wildcard that comes and goes costs the same beside 50,000 topics as beside none", () => {
  const timeOf = (topics: number): number => {
    const router = new Router(() => []);
    for (let i = 0; i < topics; i++) router.route(`${i}/x`);
    const one = subscription("+/none");
    const times = Array.from({ length: 9 }, () => {
      const before = process.cpuUsage();
      for (let i = 0; i < 2000; i++) {
        router.subscribe(one);
        router.unsubscribe(one);
      }
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return times.toSorted((a, b) => a - b)[4]!;
  };
  timeOf(10);
  const none = timeOf(0);
  const many = timeOf(50_000);
  // Walking the topics would take a thousand times as long.
  assert.ok(many < 20 * none + 20_000, `${many} µs against ${none} µs`);
});

test("router - a topic that missed more changes than are remembered is resolved anew", () => {
  const router = new Router(() => []);
  const before = router.route("a/b");
  for (let i = 0; i < 32; i++) router.subscribe(subscription(`other-${i}/#`));
  assert.equal(router.route("a/b"), before);
  for (let i = 0; i < 33; i++) router.subscribe(subscription(`more-${i}/#`));
  assert.equal(before.isStale, true);
  assert.notEqual(router.route("a/b"), before);
});

test("router - a hundred thousand topics leave no more resolved than are remembered, the rest is told", () => {
  const router = new Router(() => []);
  const first = router.route("0/x");
  for (let i = 1; i <= 100_000; i++) router.route(`${i}/x`);
  assert.equal(first.isStale, true);
  assert.notEqual(router.route("0/x"), first);
});

test("router - a wildcard in front does not reach topics that begin with $", () => {
  const router = new Router(() => []);
  for (const filter of ["#", "+/x", "$SYS/#", "$SYS/+"]) router.subscribe(subscription(filter));
  const found = router.route("$SYS/x").subscriptions.map((one) => one.filter);
  assert.deepEqual(found.sort(), ["$SYS/#", "$SYS/+"]);
});

test("router - what is resolved is remembered until somebody comes or goes", () => {
  let resolved = 0;
  const router = new Router(() => {
    resolved++;
    return [];
  });
  const first = router.route("a/b");
  assert.equal(router.route("a/b"), first);
  assert.equal(resolved, 1);
  const one = subscription("a/#");
  router.subscribe(one);
  assert.deepEqual(router.route("a/b").subscriptions, [one]);
  assert.equal(first.isStale, true);
  router.unsubscribe(one);
  assert.deepEqual(router.route("a/b").subscriptions, []);
  router.invalidate();
  router.route("a/b");
  assert.equal(resolved, 4);
});

test("router - taking out what is not there changes nothing", () => {
  const router = new Router(() => []);
  const kept = subscription("a/+/c");
  router.subscribe(kept);
  router.unsubscribe(subscription("a/+/c"));
  router.unsubscribe(subscription("a/+"));
  router.unsubscribe(subscription("x/y"));
  assert.equal(router.size, 1);
  assert.deepEqual(router.route("a/b/c").subscriptions, [kept]);
});

test("router - overlapping filters of one receiver give one delivery with all that they say", () => {
  const router = new Router(() => []);
  const same = receiver();
  const shared = { receiver: same } as const;
  router.subscribe({ ...shared, filter: "#", qos: 0, identifier: Buffer.from("A") });
  router.subscribe({ ...shared, filter: "a/#", qos: 1, noLocal: true });
  router.subscribe({ ...shared, filter: "a/b", qos: 0, identifier: Buffer.from("B") });
  const [only, ...more] = router.route("a/b").subscriptions;
  assert.deepEqual(more, []);
  assert.equal(only?.qos, 1);
  assert.equal(only?.noLocal, false);
  assert.deepEqual(only?.identifier?.toString().split("").sort(), ["A", "B"]);
});

test("router - 200,000 subscribers of one filter are found", () => {
  const router = new Router(() => []);
  for (let i = 0; i < 200_000; i++) router.subscribe(subscription("a/#"));
  assert.equal(router.route("a/b").subscriptions.length, 200_000);
});

test("router - filters that have gone leave no memory behind", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const router = new Router(() => []);
  const pass = (from: number): void => {
    for (let i = from; i < from + 60_000; i++) {
      const one = subscription(`fleet/${i}/position/${i % 2 === 0 ? "#" : "+"}`);
      router.subscribe(one);
      router.unsubscribe(one);
    }
  };
  pass(0);
  collect();
  const before = process.memoryUsage().heapUsed;
  pass(60_000);
  collect();
  const grownBytes = process.memoryUsage().heapUsed - before;
  assert.ok(grownBytes < 5_000_000, `${grownBytes} bytes`);
  assert.equal(router.size, 0);
});
