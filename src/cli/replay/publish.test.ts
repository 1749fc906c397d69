import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { publishAll, type PublishRun, type ReplayClient } from "./publish.ts";

/** A node that takes every message and breaks connections when it is told to. */
class Node {
  /** Connections it refuses before it lets one in. */
  refusals = 0;
  /** Messages it takes from a connection without acknowledging the last, then breaks it. */
  breaksAfter = Infinity;
  readonly taken: string[] = [];

  readonly connect = async (): Promise<ReplayClient> => {
    if (this.refusals-- > 0) throw gone();
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    let left = this.breaksAfter;
    this.breaksAfter = Infinity;
    const publish = async (topic: string, payload: string): Promise<void> => {
      if (left === 0) throw gone();
      this.taken.push(`${topic} ${payload}`);
      if (--left > 0) return;
      resolve("broken");
      throw gone();
    };
    return { publish, closed, end: async () => resolve("ended") };
  };
}

function gone(): ComityError {
  return new ComityError("CONNECT_FAILED", { url: "mqtt://node", problem: "gone" });
}

async function* rows(count: number) {
  for (let seq = 1; seq <= count; seq++) {
    yield { seq, topic: "a", payload: String(seq), at: undefined };
  }
}

function runOf(node: Node, more: Partial<PublishRun> = {}): PublishRun {
  const steady = { producer: "test", speed: Infinity, clock: systemClock, retryMs: 5000 };
  return { connect: node.connect, messages: rows(5), ...steady, ...more };
}

test("replay - a node that was never reached is said at once", async () => {
  const node = new Node();
  node.refusals = 1;
  await assert.rejects(publishAll(runOf(node)), { code: "CONNECT_FAILED" });
  assert.deepEqual(node.taken, []);
});

test("replay - a node that was reached for the file before is waited for", async () => {
  const node = new Node();
  node.refusals = 2;
  assert.equal(await publishAll(runOf(node, { reachedBefore: true })), 5);
  assert.equal(node.taken.length, 5);
});

test("replay - a node that does not come back in time is given up", async () => {
  const node = new Node();
  node.breaksAfter = 2;
  const run = runOf(node, { retryMs: 0, onLost: () => (node.refusals = Infinity) });
  await assert.rejects(publishAll(run), { code: "CONNECT_FAILED" });
});
