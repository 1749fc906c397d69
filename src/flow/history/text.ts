import { isUtf8 } from "node:buffer";
import { ComityError } from "../../kernel/errors.ts";
import type { HistoryLine, HistoryQuery } from "./query.ts";
import { payloadText } from "../payload-text.ts";

export type HistoryFormat = "ndjson" | "csv";

/** What an answer may be: lines of JSON, or CSV where that is asked for. */
export function historyFormatOf(accept: string | undefined): HistoryFormat {
  return accept?.includes("text/csv") === true ? "csv" : "ndjson";
}

export const historyTypes = {
  ndjson: "application/x-ndjson; charset=utf-8",
  csv: "text/csv; charset=utf-8; header=present", // RFC 4180 §3
} as const;

const pieceLength = 65_536;

/** An answer as text, piece by piece, none of which is made before it is asked for. */
export async function* historyText(
  lines: AsyncIterable<HistoryLine>,
  format: HistoryFormat,
  query: HistoryQuery,
): AsyncGenerator<string> {
  let piece = format === "csv" ? `${headOf(query)}\r\n` : "";
  for await (const line of lines) {
    if (format === "csv" && "cursor" in line && query.isUnlimited === true) {
      throw new ComityError("LIMIT_REACHED", { limit: query.limit, what: "lines of one table" });
    }
    piece += format === "csv" ? csvLine(line) : `${JSON.stringify(jsonOf(line))}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

/** Its first piece is made before an answer's head goes out, so that errors have their status. */
export async function begun(pieces: AsyncGenerator<string>): Promise<AsyncGenerator<string>> {
  return after(await pieces.next(), pieces);
}

async function* after(
  first: IteratorResult<string>,
  pieces: AsyncGenerator<string>,
): AsyncGenerator<string> {
  try {
    if (first.done !== true) yield first.value;
    yield* pieces;
  } finally {
    await pieces.return(undefined);
  }
}

function jsonOf(line: HistoryLine): object {
  if (!("payload" in line)) return line;
  const { topic, time, at, position, payload } = line;
  return { topic, time, at, position, ...payloadText(payload) };
}

function headOf({ fn, field, points }: HistoryQuery): string {
  if (points !== undefined) return "topic,time,value";
  if (fn !== "raw" && fn !== "last") return "topic,time,value,count";
  return field === undefined ? "topic,time,at,position,payload" : "topic,time,value";
}

/** RFC 4180 §2; a payload that is no text is in base64. The cursor has no place in a table. */
function csvLine(line: HistoryLine): string {
  if ("cursor" in line) return "";
  const { topic, time } = line;
  const cells = [quoted(topic), new Date(time).toISOString()];
  if ("payload" in line) {
    const { at, position, payload } = line;
    cells.push(new Date(at).toISOString(), String(position));
    cells.push(quoted(payload.toString(isUtf8(payload) ? "utf8" : "base64")));
  } else {
    cells.push(String(line.value));
    if (line.count !== undefined) cells.push(String(line.count));
  }
  return `${cells.join(",")}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
