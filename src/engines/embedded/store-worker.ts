import type { MessagePort, Transferable } from "node:worker_threads";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { ComityError } from "../../kernel/errors.ts";
import { giveBack } from "../../kernel/give-back.ts";
import { problemOf } from "../../kernel/errors.ts";
import type { DatabaseOptions } from "./schema.ts";
import { openDatabase } from "./schema.ts";
import { diskFailed, refusalOf, StoreDatabase } from "./store-database.ts";
import type { Answers, FromThread, Refused, Reply, Request } from "./store-messages.ts";

/** A transaction takes no more once it has so much: it bounds how long its commits wait. */
const requestsPerTurnMax = 4096;
const bytesPerTurnMax = 16 * 1024 * 1024;

if (parentPort !== null) serve(parentPort, workerData);

function serve(port: MessagePort, options: DatabaseOptions): void {
  const tell = (message: FromThread, transfer: Transferable[] = []): void =>
    port.postMessage(message, transfer);
  let database: StoreDatabase;
  try {
    database = new StoreDatabase(openDatabase(options));
  } catch (thrown) {
    tell({ tell: "refused", refused: refusedBy(refusalOf(thrown)) });
    return;
  }
  tell({ tell: "opened" });
  port.on("message", (first: readonly Request[]) => {
    try {
      const requests = takeQueued(port, first);
      const transfer: Transferable[] = [];
      tell({ tell: "replies", replies: answerAll(database, requests, transfer) }, transfer);
      if (requests.at(-1)?.ask === "close") port.close();
    } catch (thrown) {
      // After a failed write or fsync nobody knows what is on the disk; only a restart does.
      tell({ tell: "failed", problem: problemOf(thrown) });
      port.close();
      database.abandon();
    }
  });
}

/** Everything that was asked while the last transaction was being written. */
function takeQueued(port: MessagePort, first: readonly Request[]): Request[] {
  const requests = [...first];
  let bytes = sizeOf(first);
  while (requests.length < requestsPerTurnMax && bytes < bytesPerTurnMax) {
    const more: readonly Request[] | undefined = receiveMessageOnPort(port)?.message;
    if (more === undefined) break;
    requests.push(...more);
    bytes += sizeOf(more);
  }
  return requests;
}

function sizeOf(requests: readonly Request[]): number {
  let bytes = 0;
  for (const request of requests) {
    if (request.ask !== "commit") continue;
    for (const write of request.writes) {
      if (write.op === "append") bytes += write.block.packets.byteLength;
      else if (write.op === "put" || write.op === "add") bytes += write.doc.length;
    }
  }
  return bytes;
}

/** First the commits, in order and in one transaction; then the reads, which see them. */
function answerAll(
  database: StoreDatabase,
  requests: readonly Request[],
  transfer: Transferable[],
): Reply[] {
  const commits = requests.filter((request) => request.ask === "commit");
  const refusals =
    commits.length === 0 ? [] : database.commitAll(commits.map((commit) => commit.writes));
  for (const { writes } of commits) {
    for (const write of writes) if (write.op === "append") giveBack(write.block.packets);
  }
  const replies: Reply[] = commits.map(({ number }, i) => {
    const refusal = refusals[i];
    return refusal === undefined
      ? { number, value: undefined }
      : { number, refused: refusedBy(refusal) };
  });
  for (const request of requests) {
    if (request.ask === "commit") continue;
    replies.push(answerOne(database, request, transfer));
  }
  return replies;
}

type Read = Exclude<Request, { ask: "commit" }>;

function answerOne(database: StoreDatabase, request: Read, transfer: Transferable[]): Reply {
  const { number } = request;
  try {
    return { number, value: answer(database, request, transfer) };
  } catch (thrown) {
    if (diskFailed(thrown)) throw thrown;
    return { number, refused: refusedBy(refusalOf(thrown)) };
  }
}

function answer(
  database: StoreDatabase,
  request: Read,
  transfer: Transferable[],
): Answers[keyof Answers] {
  switch (request.ask) {
    case "get":
      return database.get(request.kind, request.id);
    case "list":
      return database.list(request.kind, request.range);
    case "log":
      return database.log(request.log);
    case "logs":
      return database.logs();
    case "readLog": {
      const blocks = database.readLog(request.log, request.after, request.bytesMax);
      for (const { packets } of blocks) {
        if (packets.buffer instanceof ArrayBuffer) transfer.push(packets.buffer);
      }
      return blocks;
    }
    case "producers":
      return database.producers(request.log);
    case "close":
      database.close();
  }
  return undefined;
}

/** An error's own properties would not all survive the way between threads. */
function refusedBy(error: ComityError): Refused {
  return { code: error.code, details: error.details };
}
