import { parentPort, workerData } from "node:worker_threads";
import { problemOf } from "../../kernel/errors.ts";
import type { SearchChange, SearchQuery } from "../../ports/search.ts";
import type { ThreadReply } from "./asked-thread.ts";
import { SearchDatabase } from "./search-database.ts";

/** What the index's thread is asked. */
export type SearchAsk =
  | { readonly ask: "change"; readonly provider: string; readonly change: SearchChange }
  | { readonly ask: "forget" | "known"; readonly provider: string }
  | { readonly ask: "find"; readonly query: SearchQuery }
  | { readonly ask: "offer"; readonly id: string }
  | { readonly ask: "close" };

type SearchRequest = SearchAsk & { readonly number: number };

if (parentPort !== null) {
  const port = parentPort;
  const database = new SearchDatabase(workerData.path);
  port.on("message", (request: SearchRequest) => {
    const { number } = request;
    try {
      port.postMessage({ number, value: answer(database, request) } satisfies ThreadReply);
    } catch (thrown) {
      port.postMessage({ number, problem: problemOf(thrown) } satisfies ThreadReply);
    }
    if (request.ask === "close") port.close();
  });
}

function answer(database: SearchDatabase, request: SearchRequest): unknown {
  switch (request.ask) {
    case "change":
      return database.change(request.provider, request.change);
    case "forget":
      return database.forget(request.provider);
    case "known":
      return database.known(request.provider);
    case "find":
      return database.find(request.query);
    case "offer":
      return database.offer(request.id);
    case "close":
      return database.close();
  }
}
