import assert from "node:assert/strict";
import { test } from "node:test";
import { QueueBudget } from "./queue-budget.ts";

test("queue budget - one queue may hold its own bound, or what is left of the whole", () => {
  const budget = new QueueBudget({ queueBytesMax: 1_000_000, queuedBytesMax: 3_000_000 });
  assert.equal(budget.shareBytesMax, 1_000_000);
  budget.add(2_400_000);
  assert.equal(budget.shareBytesMax, 600_000);
  budget.add(600_000);
  assert.equal(budget.shareBytesMax, 16_384, "whoever reads as it should still has its least");
  budget.add(-3_000_000);
  assert.deepEqual([budget.shareBytesMax, budget.queuedBytes], [1_000_000, 0]);
});

test("queue budget - greedy queues settle at equal parts, and leave one for who comes next", () => {
  const budget = new QueueBudget({ queueBytesMax: 1e9, queuedBytesMax: 11_000_000 });
  const queues = Array.from({ length: 10 }, () => 0);
  for (let step = 0; step < 10_000; step++) {
    const i = step % queues.length;
    const next = Math.min(queues[i]! + 10_000, budget.shareBytesMax);
    budget.add(next - queues[i]!);
    queues[i] = next;
  }
  for (const bytes of queues) assert.ok(bytes > 900_000 && bytes < 1_100_000, `${bytes}`);
  assert.ok(budget.shareBytesMax > 900_000);
});
