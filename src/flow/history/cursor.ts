import { ComityError } from "../../kernel/errors.ts";

/** Where an answer goes on: behind a reading, at a window, or behind a series. */
export interface HistoryCursor {
  readonly topic: string;
  readonly time?: number;
  readonly position?: number;
  readonly from?: number;
  readonly isDone?: boolean;
}

/** What of its series is still to be told, of what was asked for from that time on. */
export function rangeBehind(
  cursor: HistoryCursor,
  from: number,
): { readonly from: number } | { readonly after: { time: number; position: number } } {
  const { time, position } = cursor;
  if (time !== undefined && position !== undefined) return { after: { time, position } };
  return { from: Math.max(from, cursor.from ?? 0) };
}

export function cursorText(cursor: HistoryCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64url");
}

/** BODY_INVALID where the text is no cursor. */
export function readCursor(text: string): HistoryCursor {
  try {
    const cursor: HistoryCursor = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    const numbers = [cursor.time, cursor.position, cursor.from];
    const isWhole = numbers.every((one) => one === undefined || Number.isSafeInteger(one));
    if (typeof cursor.topic === "string" && isWhole) return cursor;
  } catch {
    // told below
  }
  throw new ComityError("BODY_INVALID", { problem: "cursor is none that was handed out" });
}
