import { parentPort, type Transferable, workerData } from "node:worker_threads";
import { problemOf } from "../../kernel/errors.ts";
import type { ReadingQuery, SeriesQuery } from "../../ports/history.ts";
import type { LogBlock } from "../../ports/store.ts";
import type { ThreadReply } from "./asked-thread.ts";
import { HistoryDatabase } from "./history-database.ts";

/** What history's thread is asked. */
export type HistoryAsk =
  | { readonly ask: "reached" | "forget"; readonly log: string }
  | { readonly ask: "take"; readonly blocks: readonly LogBlock[] }
  | { readonly ask: "series"; readonly query: SeriesQuery }
  | { readonly ask: "read"; readonly query: ReadingQuery }
  | { readonly ask: "erase"; readonly log: string; readonly upTo: number; readonly from: number }
  | { readonly ask: "trim"; readonly log: string; readonly upTo: number }
  | { readonly ask: "close" };

type HistoryRequest = HistoryAsk & { readonly number: number };

/** What waits in memory is put into chunks when so long nothing came. */
const restMs = 600_000;

if (parentPort !== null) {
  const port = parentPort;
  const database = new HistoryDatabase(workerData.path, workerData.readingsWaitingMax);
  const work = (): void => {
    database.work();
    if (database.hasWork) setImmediate(work);
  };
  const rest = setTimeout(() => {
    database.rest();
    work();
  }, restMs);
  port.on("message", (request: HistoryRequest) => {
    const { number } = request;
    const wasWorking = database.hasWork;
    try {
      const transfer: Transferable[] = [];
      port.postMessage({ number, value: answer(database, request, transfer) }, transfer);
    } catch (thrown) {
      port.postMessage({ number, problem: problemOf(thrown) } satisfies ThreadReply);
    }
    if (request.ask === "close") {
      clearTimeout(rest);
      port.close();
      return;
    }
    if (request.ask === "take") rest.refresh();
    if (!wasWorking && database.hasWork) setImmediate(work);
  });
}

function answer(
  database: HistoryDatabase,
  request: HistoryRequest,
  transfer: Transferable[],
): unknown {
  switch (request.ask) {
    case "reached":
      return database.reached(request.log);
    case "take":
      return database.take(request.blocks);
    case "series":
      return database.series(request.query);
    case "read": {
      const page = database.read(request.query);
      const { positions, ats, times, values, ends, payloads } = page;
      for (const { buffer } of [positions, ats, times, values, ends, payloads]) {
        if (buffer instanceof ArrayBuffer) transfer.push(buffer);
      }
      return page;
    }
    case "erase":
      return database.erase(request.log, request.upTo, request.from);
    case "trim":
      return database.trim(request.log, request.upTo);
    case "forget":
      return database.forget(request.log);
    case "close":
      return database.close();
  }
}
