import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestRate } from "./request-rate.ts";

test("request rate - a burst is taken, then so many a second, for each caller apart", () => {
  let ms = 0;
  const rate = new RequestRate({
    clock: { now: () => 0, monotonic: () => ms },
    ...{ perSecondMax: 10, burstSeconds: 5, caller: "peer" },
  });
  const taken = (peer: string): number => {
    for (let n = 0; ; n++) {
      try {
        rate.take(peer);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "LIMIT_REACHED");
        return n;
      }
    }
  };
  assert.deepEqual([taken("a"), taken("a"), taken("b")], [50, 0, 50]);
  ms = 100;
  assert.equal(taken("a"), 1);
  let heard = 0;
  // who asks on without rest is heard at that rate, too
  for (; ms <= 1_125; ms += 25) heard += taken("a");
  assert.equal(heard, 10);
  ms = 60_000;
  assert.equal(taken("a"), 50);
});
