import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { historyConformance, historyOf, readAll } from "../../ports/history.conformance.ts";
import { markOf } from "../../ports/history.ts";
import { openEmbeddedHistory } from "./history.ts";

const folder = mkdtempSync(join(tmpdir(), "comity-history-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(folder, `history-${++files}.db`);

historyConformance("embedded", () => openEmbeddedHistory({ path: newPath() }));
// so few wait that everything goes through chunks, and chunks through larger ones
historyConformance("embedded, chunked", () =>
  openEmbeddedHistory({ path: newPath(), readingsWaitingMax: 3 }),
);

const all = { by: "time", from: 0, until: Infinity, limit: 5000 } as const;

/** Blocks of one message each of ten topics, times that jump back and forth. */
function jumping(log: string, count: number, from = 0) {
  const one = (i: number) => [
    { topic: `t/${i % 10}`, payload: `{"ts":${1_764_000_000_000 + ((i * 7919) % 5000)},"v":${i}}` },
  ];
  return historyOf(
    log,
    Array.from({ length: count }, (_, i) => one(from + i)),
    from,
  );
}

test("embedded history - what was closed stands; what a crash took is taken again, once", async () => {
  const path = newPath();
  const { blocks, readings } = jumping("log", 3000);
  const first = await openEmbeddedHistory({ path, readingsWaitingMax: 400 });
  await first.take(blocks.slice(0, 2500));
  const crashed = newPath();
  for (const end of ["", "-wal"]) copyFileSync(`${path}${end}`, `${crashed}${end}`);
  await first.close();

  for (const [file, atLeast] of [
    [path, 2500],
    [crashed, 0],
  ] as const) {
    const again = await openEmbeddedHistory({ path: file, readingsWaitingMax: 400 });
    const reached = await again.reached("log");
    const position = reached?.position ?? 0;
    assert.ok(position >= atLeast && position <= 2500);
    if (position > 0) assert.equal(reached?.mark, markOf(blocks[position - 1]!));
    await again.take(blocks.slice(position));
    for (let topic = 0; topic < 10; topic++) {
      const found = await readAll(again, { log: "log", topic: `t/${topic}`, ...all });
      const mine = readings.filter((one) => one.topic === `t/${topic}`);
      assert.equal(found.length, mine.length);
      assert.deepEqual(
        new Set(found.map(({ payload }) => payload)),
        new Set(mine.map(({ payload }) => payload)),
      );
    }
    await again.close();
  }
});

test("embedded history - what is erased stands in neither file, while it is open", async () => {
  const path = newPath();
  const first = await openEmbeddedHistory({ path });
  const messages = Array.from({ length: 40 }, (_, i) => [{ topic: "t", payload: `SECRET ${i}` }]);
  await first.take(historyOf("log", messages, 0).blocks);
  await first.close();
  const stands = (): string[] =>
    ["", "-wal"].filter((end) => {
      return existsSync(`${path}${end}`) && readFileSync(`${path}${end}`).includes("SECRET");
    });
  assert.deepEqual(stands(), [""]);
  const again = await openEmbeddedHistory({ path });
  await again.erase("log", 40);
  assert.deepEqual(stands(), []);
  assert.deepEqual(await again.series({ log: "log", filter: "#", limit: 9 }), []);
  await again.close();
});

test("embedded history - a file that is none is made anew", async () => {
  const path = newPath();
  writeFileSync(path, "this is no database, however long it may be ".repeat(500));
  const history = await openEmbeddedHistory({ path });
  assert.equal(await history.reached("log"), undefined);
  await history.take(jumping("log", 10).blocks);
  await history.close();
  await assert.rejects(history.reached("log"), { code: "HISTORY_FAILED" });
  const again = await openEmbeddedHistory({ path });
  assert.equal((await again.reached("log"))?.position, 10);
  await again.close();
});

test("embedded history - no file is there before something is to be kept", async () => {
  const path = newPath();
  const history = await openEmbeddedHistory({ path });
  assert.equal(await history.reached("log"), undefined);
  assert.deepEqual(await history.series({ log: "log", filter: "#", limit: 1 }), []);
  await history.erase("log", 10);
  await history.forget("log");
  assert.equal(existsSync(path), false);
  await history.take(jumping("log", 1).blocks);
  assert.equal(existsSync(path), true);
  await history.close();
});
