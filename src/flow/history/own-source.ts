import { ComityError } from "../../kernel/errors.ts";
import type { History, ReadingPage } from "../../ports/history.ts";
import { FieldValues } from "../../wire/series/field-values.ts";
import type { HistoryKeeping } from "./keeping.ts";
import {
  type AskedSeries,
  type HistoryLine,
  historyLines,
  type HistoryQuery,
  type HistorySource,
  type Row,
  type RowRange,
} from "./query.ts";

/** Answers from this node's own logs and those it received, up to their last commit. */
export async function* ownHistoryLines(
  keeping: HistoryKeeping,
  query: HistoryQuery,
): AsyncGenerator<HistoryLine> {
  const { log } = query;
  if (log !== undefined && (await keeping.caughtUp(log)) === undefined) {
    throw new ComityError("NOT_FOUND", { what: "log", id: log });
  }
  const logs = log === undefined ? await keeping.logs() : [log];
  yield* historyLines(ownHistory(keeping.history, logs, query.field ?? ""), query);
}

/**
 * The history of some logs as one: topics as this node's own clients know them, those of received
 * logs below `from/<peer>/<product>/`. A topic that is in several is answered from the log that
 * has most of it.
 */
function ownHistory(history: History, logs: readonly string[], field: string): HistorySource {
  const fields = new FieldValues(field);
  return {
    readingsLeft: () => Infinity,
    async series(filter, after, limit) {
      const found = new Map<string, AskedSeries & { readonly readings: number }>();
      for (const log of logs) {
        const prefix = prefixOf(log);
        const inner = filterBelow(filter, prefix);
        const from = afterBelow(after, prefix);
        if (inner === undefined || from === "none") continue;
        const query = { log, filter: inner, limit, ...(from !== "all" && { after: from.after }) };
        for (const { topic: own, readings, last } of await history.series(query)) {
          const topic = prefix + own;
          if (readings <= (found.get(topic)?.readings ?? 0)) continue;
          const payload = Buffer.from(last.payload);
          const row = { ...last, payload, value: fields.of(payload) };
          found.set(topic, { log, topic, readings, lastTime: last.time, last: row });
        }
      }
      return [...found.values()].toSorted((a, b) => compare(a.topic, b.topic)).slice(0, limit);
    },
    async read({ log, topic }, range) {
      const own = topic.slice(prefixOf(log).length);
      return rowPage(await history.read({ log, topic: own, by: "time", ...range }), "time");
    },
  };
}

/** A page's columns as rows, and where the next one goes on. */
export function rowPage(
  page: ReadingPage,
  by: "time" | "at",
): { rows: Row[]; last: RowRange["after"] | undefined } {
  const { positions, ats, times, values, ends } = page;
  const payloads = Buffer.from(
    page.payloads.buffer,
    page.payloads.byteOffset,
    page.payloads.length,
  );
  const rows = Array.from(positions, (position, i): Row => ({
    position,
    at: ats[i]!,
    time: by === "time" ? times[i]! : ats[i]!,
    payload: payloads.subarray(ends[i - 1] ?? 0, ends[i] ?? 0),
    value: values[i] ?? Number.NaN,
  }));
  const last = rows.at(-1);
  return {
    rows,
    last: page.more && last ? { time: last.time, position: last.position } : undefined,
  };
}

/** In front of the topics of a log of what was bought, which is named by where they stand. */
function prefixOf(log: string): string {
  return log.startsWith("from/") ? `${log}/` : "";
}

/** What of a filter is asked of the topics below a prefix; undefined: it matches none of them. */
function filterBelow(filter: string, prefix: string): string | undefined {
  if (prefix === "") return filter;
  const levels = filter.split("/");
  for (const name of prefix.slice(0, -1).split("/")) {
    const level = levels.shift();
    if (level === "#") return "#";
    if (level !== "+" && level !== name) return undefined;
  }
  return levels.length === 0 ? undefined : levels.join("/");
}

function afterBelow(
  after: string | undefined,
  prefix: string,
): "all" | "none" | { readonly after: string } {
  if (after === undefined) return "all";
  if (after.startsWith(prefix)) return { after: after.slice(prefix.length) };
  return compare(after, prefix) < 0 ? "all" : "none";
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
