import type { StatementSync } from "node:sqlite";
import { ComityError } from "../../kernel/errors.ts";
import type { LogBlock } from "../../ports/store.ts";
import type { Erase } from "./store-messages.ts";

type Row = Readonly<Record<string, unknown>>;

/**
 * Erases in a log so that no page of the file keeps what was there. `secure_delete` overwrites with
 * zeros what a row gives up, and the pages behind a long one; but where a row is removed SQLite may
 * move its neighbours, and leaves what it moved standing in the old page. Rows are therefore never
 * removed and never grow: each stays as an empty one, which moves nothing. What a row took of its
 * own page (at most 4 KiB) stays empty; the pages behind it are used again.
 */
export class LogEraser {
  readonly #statement: (sql: string) => StatementSync;
  #hasErased = false;

  constructor(statement: (sql: string) => StatementSync) {
    this.#statement = statement;
  }

  /** Within a transaction; throws STORE_FAILED where a block reaches over an end. */
  erase({ log, from, to, left = [] }: Erase): void {
    const id = Number(this.#statement("SELECT id FROM log WHERE name = ?").get(log)?.["id"] ?? -1);
    const held = this.#held(id, from, to);
    if (held["first"] !== from || held["next"] !== to) {
      const problem = `no blocks of ${log} begin at ${from} and end at ${to}`;
      throw new ComityError("STORE_FAILED", { problem });
    }
    const messages = Number(held["count"]) - sum(left, "count");
    const bytes = Number(held["payload_bytes"]) - sum(left, "payloadBytes");
    if (messages < 0 || bytes < 0 || (left.length > 0 && held["blocks"] !== 1)) {
      const problem = `no one block of ${log} from ${from} to ${to} holds what is to be left`;
      throw new ComityError("STORE_FAILED", { problem });
    }
    if (left.length > 0) this.#cut(id, { from, to, erased: messages, left });
    else {
      this.#statement(
        `UPDATE log_block SET packets = x'', erased = erased + count, count = 0, payload_bytes = 0
         WHERE log = ? AND next > ? AND next <= ?`,
      ).run(id, from, to);
    }
    this.#statement(
      "UPDATE log SET messages = messages - ?, bytes = bytes - ?, erased = erased + ? WHERE id = ?",
    ).run(messages, bytes, messages, id);
    this.#hasErased = true;
  }

  /** After the transaction: brings it from the WAL to the file, and empties the WAL. */
  finish(): void {
    if (!this.#hasErased) return;
    this.#hasErased = false;
    // one connection, and no reading under way: nothing keeps it from that
    this.#statement("PRAGMA wal_checkpoint(TRUNCATE)").get();
  }

  #held(id: number, from: number, to: number): Row {
    const row = this.#statement(
      `SELECT min(first) AS first, max(next) AS next, count(*) AS blocks,
         sum(count) AS count, sum(payload_bytes) AS payload_bytes
       FROM log_block WHERE log = ? AND next > ? AND first < ?`,
    ).get(id, from, to);
    return row ?? {};
  }

  /** The block's row becomes the first gap; what is left, and gaps between, are rows of their own. */
  #cut(
    id: number,
    { from, to, erased, left }: Required<Pick<Erase, "from" | "to" | "left">> & { erased: number },
  ): void {
    const gaps: (readonly [number, number])[] = [];
    let end = from;
    for (const { first, next } of left) {
      if (first > end) gaps.push([end, first]);
      end = next;
    }
    if (end < to) gaps.push([end, to]);
    const [gap, ...others] = gaps;
    if (gap === undefined) throw new RangeError(`nothing of ${from} to ${to} is to be erased`);
    this.#statement(
      `UPDATE log_block SET first = ?, next = ?, packets = x'', count = 0, payload_bytes = 0,
         erased = erased + ? WHERE log = ? AND next = ?`,
    ).run(...gap, erased, id, to);
    for (const block of left) this.#insert(id, block);
    const { at } = left[0]!;
    const nothing = { count: 0, payloadBytes: 0, at, packets: new Uint8Array() };
    for (const [first, next] of others) this.#insert(id, { first, next, ...nothing });
  }

  #insert(id: number, block: Omit<LogBlock, "log" | "epoch">): void {
    const { first, next, count, payloadBytes, at, packets } = block;
    this.#statement(
      `INSERT INTO log_block (log, first, next, count, payload_bytes, at, packets)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ).run(id, first, next, count, payloadBytes, at, packets);
  }
}

function sum(blocks: readonly LogBlock[], what: "count" | "payloadBytes"): number {
  return blocks.reduce((total, block) => total + block[what], 0);
}
