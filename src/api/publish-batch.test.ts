import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import type { Published } from "../flow/local-streams.ts";
import { ComityError } from "../kernel/errors.ts";
import type { MessageToPublish } from "./streams-api.ts";
import { apiLimits } from "./limits.ts";
import { payloadLine } from "./message-line.ts";
import { type BatchOptions, BatchStopped, PublishBatch } from "./publish-batch.ts";

const to = { topic: "t", qos: 1, retain: false } as const;

function options(more: Partial<BatchOptions> = {}): BatchOptions {
  return {
    ...{ clock: systemClock, limits: apiLimits },
    read: (bytes, line) => payloadLine(bytes, line, to),
    publish: async () => ({ isRepeat: false }),
    stillMay: () => {},
    ...more,
  };
}

function bodyOf(...pieces: string[]): Readable {
  return Readable.from(pieces.map((piece) => Buffer.from(piece)));
}

async function stopped(taking: Promise<unknown>): Promise<BatchStopped> {
  const thrown: unknown = await taking.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  assert.ok(thrown instanceof BatchStopped);
  return thrown;
}

test("batch - each limit stops it at a line, and what comes before is answered for", async () => {
  const clock = { now: () => 0, monotonic: () => clock.ms++, ms: 0 };
  for (const [limits, line, what] of [
    [{ batchLinesMax: 2 }, 3, /limit of 2 lines/],
    [{ batchBytesMax: 3 }, 3, /limit of 3 bytes/],
    [{ batchMsMax: 3 }, 4, /limit of 3 milliseconds/],
  ] as const) {
    clock.ms = 0;
    const batch = new PublishBatch(options({ clock, limits: { ...apiLimits, ...limits } }));
    const { answer, error } = await stopped(batch.take(bodyOf("1\n2\n", "3\n4\n5\n")));
    assert.deepEqual(answer, { accepted: line - 1, refused: [], stoppedAt: line });
    assert.match(error.message, what);
  }
});

test("batch - a body is read no further while so much of it is not durable", async () => {
  const line = `"${"x".repeat(65_533)}"\n`;
  let pieces = 0;
  const body = Readable.from(
    (function* () {
      for (; pieces < 100; pieces++) yield Buffer.from(line);
    })(),
    { highWaterMark: 1 },
  );
  const { promise: durable, resolve } = Promise.withResolvers<Published>();
  const { promise: full, resolve: isFull } = Promise.withResolvers<void>();
  let published = 0;
  const publish = (): Promise<Published> => {
    if (++published === 16) isFull();
    return durable;
  };
  const taking = new PublishBatch(options({ publish })).take(body);
  await full;
  // what would be read on is read within these turns
  for (let turn = 0; turn < 100; turn++) await new Promise((next) => setImmediate(next));
  assert.equal(published, 17, "a window of 1 MiB");
  assert.ok(pieces <= 20, `${pieces} pieces were read`);
  resolve({ isRepeat: false });
  assert.deepEqual(await taking, { accepted: 100, refused: [] });
});

test("batch - a node that fails stops it, and no line is left unsaid", async () => {
  const failed = new ComityError("STORE_FAILED", { problem: "the disk is full" });
  const seen: string[] = [];
  const publish = async ({ payload }: MessageToPublish): Promise<Published> => {
    seen.push(String(payload));
    if (seen.length >= 3) throw failed;
    return { isRepeat: false };
  };
  const lines = Array.from({ length: 5000 }, (_, i) => `${i}\n`);
  const { answer, status } = await stopped(
    new PublishBatch(options({ publish })).take(bodyOf(...lines)),
  );
  assert.equal(status, 500);
  assert.equal(answer.accepted, 2);
  assert.equal(answer.refused.length, answer.stoppedAt - 1 - 2);
  assert.deepEqual(
    answer.refused.map(({ line }) => line),
    Array.from({ length: answer.refused.length }, (_, i) => i + 3),
  );
  assert.ok(answer.stoppedAt < 5000);
});

test("batch - whoever may send no more is read no further", async () => {
  const stillMay = (): void => {
    throw new ComityError("UNAUTHENTICATED", { problem: "it ended" });
  };
  const lines = Array.from({ length: 5000 }, (_, i) => `${i}\n`);
  const { answer } = await stopped(new PublishBatch(options({ stillMay })).take(bodyOf(...lines)));
  assert.deepEqual([answer.accepted, answer.stoppedAt], [4096, 4097]);
});
