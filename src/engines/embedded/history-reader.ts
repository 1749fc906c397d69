import { type ReadingPage, type ReadingQuery, pageReadingsMax } from "../../ports/history.ts";
import { Chunk } from "../../wire/series/chunk.ts";
import { FieldValues } from "../../wire/series/field-values.ts";
import type { Entry } from "./history-head.ts";
import type { Statements } from "./statements.ts";

/** Bytes of payloads on one page; one payload always fits. */
const pageBytesMax = 4_194_304;
const chunksKeptMax = 8;

/** Readings in the order that is asked for, from a chunk or from what waits. */
interface Ordered {
  readonly keys: readonly number[];
  readonly positions: readonly number[];
  readonly ats: readonly number[];
  readonly times: readonly number[];
  /** latin1 text, or the bytes themselves. */
  payload(index: number): string | Buffer;
  value(index: number): number;
  at: number;
}

type Begun = ReadingQuery & { readonly begins: number };

interface Listed {
  readonly id: number;
  readonly first: number;
}

/** Reads a series' chunks and what waits for one, merged in order. */
export class HistoryReader {
  readonly #sql: Statements;
  /** The latest decoded, since a page often ends within one. Rows are never written again. */
  readonly #chunks = new Map<number, Chunk>();

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** Rows that are removed give their numbers back. */
  changed(): void {
    this.#chunks.clear();
  }

  /** `begins`: positions before it are left out. */
  read(
    series: number,
    asked: ReadingQuery,
    waiting: readonly Entry[],
    begins: number,
  ): ReadingPage {
    const { field } = asked;
    const query = { ...asked, begins };
    const page = new PageWriter(Math.min(query.limit, pageReadingsMax), field !== undefined);
    const open: Ordered[] = [orderedEntries(waiting, query)];
    const listed = this.#chunksIn(series, query);
    let next = 0;
    for (;;) {
      const least = leastOf(open);
      const chunk = listed[next];
      if (chunk !== undefined && (least === undefined || chunk.first <= least.keys[least.at]!)) {
        open.push(orderedChunk(this.#chunk(chunk.id), query));
        next++;
        continue;
      }
      if (least === undefined) return page.end(false);
      if (page.isFull) return page.end(true);
      page.add(least);
      least.at++;
    }
  }

  #chunksIn(series: number, { by, from, until, after }: ReadingQuery): Listed[] {
    const rows = this.#sql
      .prepare(
        `SELECT id, first_${by} AS first FROM chunk
         WHERE series = ? AND last_${by} >= ? AND first_${by} < ? ORDER BY first_${by}`,
      )
      .all(series, Math.max(from, after?.time ?? from), until);
    return rows.map((row) => ({ id: Number(row["id"]), first: Number(row["first"]) }));
  }

  #chunk(id: number): Chunk {
    let chunk = this.#chunks.get(id);
    if (chunk === undefined) {
      const bytes = this.#sql.prepare("SELECT bytes FROM chunk WHERE id = ?").get(id)?.["bytes"];
      if (!(bytes instanceof Uint8Array)) throw new TypeError("chunk.bytes is no blob");
      chunk = new Chunk(bytes);
      if (this.#chunks.size >= chunksKeptMax) {
        this.#chunks.delete(this.#chunks.keys().next().value!);
      }
      this.#chunks.set(id, chunk);
    }
    return chunk;
  }
}

function leastOf(open: readonly Ordered[]): Ordered | undefined {
  let least: Ordered | undefined;
  for (const one of open) {
    if (one.at >= one.keys.length) continue;
    if (least === undefined || isBefore(one, least)) least = one;
  }
  return least;
}

function isBefore(a: Ordered, b: Ordered): boolean {
  const difference = a.keys[a.at]! - b.keys[b.at]!;
  return difference < 0 || (difference === 0 && a.positions[a.at]! < b.positions[b.at]!);
}

function orderedChunk(chunk: Chunk, query: Begun): Ordered {
  const keys = query.by === "time" ? chunk.times : chunk.ats;
  const order = fitting(keys, chunk.positions, query);
  const pick = (all: readonly number[]): number[] => order.map((index) => all[index]!);
  // only what is asked for is decoded
  const values = query.field === undefined ? [] : chunk.values(query.field);
  const payloads = query.field === undefined ? chunk.payloads() : [];
  return {
    keys: pick(keys),
    positions: pick(chunk.positions),
    ats: pick(chunk.ats),
    times: pick(chunk.times),
    payload: (index) => payloads[order[index]!]!,
    value: (index) => values[order[index]!]!,
    at: 0,
  };
}

function orderedEntries(entries: readonly Entry[], query: Begun): Ordered {
  const keys = entries.map(({ time, at }) => (query.by === "time" ? time : at));
  const positions = entries.map(({ position }) => position);
  const order = fitting(keys, positions, query);
  const fields = new FieldValues(query.field ?? "");
  const payload = (index: number): Buffer => {
    const { packets, start, end } = entries[order[index]!]!;
    return packets.subarray(start, end);
  };
  return {
    keys: order.map((index) => keys[index]!),
    positions: order.map((index) => positions[index]!),
    ats: order.map((index) => entries[index]!.at),
    times: order.map((index) => entries[index]!.time),
    payload,
    value: (index) => fields.of(payload(index)),
    at: 0,
  };
}

/** Which of them are asked for, in order. */
function fitting(
  keys: readonly number[],
  positions: readonly number[],
  { from, until, after, begins }: Begun,
): number[] {
  const order: number[] = [];
  let isOrdered = true;
  for (const [index, key] of keys.entries()) {
    if (key < from || key >= until || positions[index]! < begins) continue;
    if (after !== undefined && key <= after.time) {
      if (key < after.time || positions[index]! <= after.position) continue;
    }
    const last = order.at(-1);
    isOrdered &&= last === undefined || keys[last]! <= key;
    order.push(index);
  }
  const byKey = (a: number, b: number): number =>
    keys[a]! - keys[b]! || positions[a]! - positions[b]!;
  return isOrdered && isAscending(order, keys, positions) ? order : order.sort(byKey);
}

/** Where keys are equal, positions decide. */
function isAscending(
  order: readonly number[],
  keys: readonly number[],
  positions: readonly number[],
): boolean {
  return order.every((index, i) => {
    const before = order[i - 1];
    return (
      before === undefined || keys[before]! < keys[index]! || positions[before]! < positions[index]!
    );
  });
}

/** Fills a page's columns. */
class PageWriter {
  readonly #max: number;
  readonly #hasField: boolean;
  readonly #positions: number[] = [];
  readonly #ats: number[] = [];
  readonly #times: number[] = [];
  readonly #values: number[] = [];
  readonly #ends: number[] = [];
  readonly #payloads: (string | Buffer)[] = [];
  #bytes = 0;

  constructor(max: number, hasField: boolean) {
    this.#max = max;
    this.#hasField = hasField;
  }

  get isFull(): boolean {
    return this.#positions.length >= this.#max || this.#bytes >= pageBytesMax;
  }

  add(from: Ordered): void {
    const { at } = from;
    this.#positions.push(from.positions[at]!);
    this.#ats.push(from.ats[at]!);
    this.#times.push(from.times[at]!);
    if (this.#hasField) {
      this.#values.push(from.value(at));
      return;
    }
    const payload = from.payload(at);
    this.#bytes += payload.length;
    this.#payloads.push(payload);
    this.#ends.push(this.#bytes);
  }

  end(more: boolean): ReadingPage {
    const payloads = Buffer.allocUnsafeSlow(this.#bytes);
    let at = 0;
    for (const payload of this.#payloads) {
      at +=
        typeof payload === "string"
          ? payloads.write(payload, at, "latin1")
          : payload.copy(payloads, at);
    }
    return {
      positions: Float64Array.from(this.#positions),
      ats: Float64Array.from(this.#ats),
      times: Float64Array.from(this.#times),
      values: Float64Array.from(this.#values),
      ends: Uint32Array.from(this.#ends),
      payloads,
      more,
    };
  }
}
