import assert from "node:assert/strict";
import { test } from "node:test";
import { packetType } from "../../wire/mqtt/protocol.ts";
import { Acknowledgements } from "./acknowledgements.ts";

function queue() {
  const sent: (readonly number[])[] = [];
  const failures: unknown[] = [];
  const line = {
    answer: (_type: number, answers: readonly number[]) => void sent.push(answers),
    fail: (failure: unknown) => void failures.push(failure),
  };
  const acknowledgements = new Acknowledgements(line, packetType.puback);
  return { sent, failures, acknowledgements };
}

test("acknowledgements - what is done with leaves at the end of the chunk as one", () => {
  const { sent, acknowledgements } = queue();
  acknowledgements.add([1, 2], undefined);
  acknowledgements.add([3], undefined);
  assert.deepEqual(sent, []);
  acknowledgements.flush();
  acknowledgements.flush();
  assert.deepEqual(sent, [[1, 2, 3]]);
});

test("acknowledgements - the first unfinished holds back the rest, so that the order is kept", async () => {
  const { sent, acknowledgements } = queue();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  acknowledgements.add([1], undefined);
  acknowledgements.add([2], first.promise);
  acknowledgements.add([3], second.promise);
  acknowledgements.add([4], undefined);
  acknowledgements.flush();
  assert.deepEqual(sent, [[1]]);
  second.resolve();
  await second.promise;
  assert.deepEqual(sent, [[1]]);
  first.resolve();
  await first.promise;
  await Promise.resolve();
  assert.deepEqual(sent, [[1], [2, 3, 4]]);
});

test("acknowledgements - what failed is never acknowledged, nor what came after it", async () => {
  const { sent, failures, acknowledgements } = queue();
  acknowledgements.add([1], Promise.reject(new Error("the disk")));
  acknowledgements.add([2], Promise.resolve());
  await new Promise((resolve) => setImmediate(resolve));
  acknowledgements.flush();
  assert.deepEqual(sent, []);
  assert.match(String(failures[0]), /disk/);
});
