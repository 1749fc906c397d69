import { isUtf8 } from "node:buffer";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { layout5, type Run } from "./run.ts";

/** A run as a view lets it through; `withheld` messages had no readable JSON object. */
export interface Viewed {
  /** Undefined where nothing is left. */
  readonly run: Run | undefined;
  readonly withheld: number;
}

/**
 * A selection of top-level JSON members. The values that pass keep their text to the byte
 * (`1.50` stays `1.50`); MQTT properties are left out, for they could carry what was not
 * selected. Computed once per run for all receivers that share the view.
 */
export class View {
  readonly #fields: ReadonlySet<string>;
  #lastRun: Run | undefined;
  #lastViewed: Viewed | undefined;

  constructor(fields: readonly string[]) {
    this.#fields = new Set(fields);
  }

  apply(run: Run): Viewed {
    if (run === this.#lastRun && this.#lastViewed !== undefined) return this.#lastViewed;
    this.#lastRun = run;
    this.#lastViewed = this.#compute(run);
    return this.#lastViewed;
  }

  #compute(run: Run): Viewed {
    const kept: Buffer[] = [];
    let payloadBytes = 0;
    run.walk((place) => {
      const whole = run.packets.subarray(place.payloadAt, place.end);
      // JSON is UTF-8 (RFC 8259 §8.1); other bytes would not come out as they went in.
      if (!isUtf8(whole)) return;
      const payload = selectFields(whole.toString("utf8"), this.#fields);
      if (payload === undefined) return;
      const bytes = Buffer.from(payload);
      payloadBytes += bytes.length;
      kept.push(encodePublish(5, { topic: run.topic, payload: bytes }));
    });
    const withheld = run.count - kept.length;
    if (kept.length === 0) return { run: undefined, withheld };
    return { run: run.with(kept, layout5, payloadBytes), withheld };
  }
}

/** The JSON object's text with only the named members; undefined where the text is no object. */
export function selectFields(text: string, fields: ReadonlySet<string>): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  } catch {
    return undefined;
  }
  // From here on the text is known to be a well-formed object.
  const members: string[] = [];
  let at = text.indexOf("{") + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text[at] === "}") break;
    const keyEnd = stringEnd(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueAt);
    if (fields.has(key)) members.push(`${text.slice(at, keyEnd)}:${text.slice(valueAt, valueEnd)}`);
    at = skipSpace(text, valueEnd);
    if (text[at] === ",") at++;
  }
  return `{${members.join(",")}}`;
}

function skipSpace(text: string, at: number): number {
  while (" \t\r\n".includes(text[at] ?? "x")) at++;
  return at;
}

/** The offset after the string that opens at `at`. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; ; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
}

function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (let i = at; ;) {
    const char = text[i];
    if (char === '"') {
      i = stringEnd(text, i);
      if (depth === 0) return i;
      continue;
    }
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") {
      if (depth === 0) return trimEnd(text, at, i);
      depth--;
      if (depth === 0) return i + 1;
    } else if (char === "," && depth === 0) return trimEnd(text, at, i);
    i++;
  }
}

function trimEnd(text: string, at: number, end: number): number {
  while (end > at && " \t\r\n".includes(text[end - 1]!)) end--;
  return end;
}
