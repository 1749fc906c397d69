import type { StatementSync } from "node:sqlite";
import type { Trim } from "./store-messages.ts";

/** Other commits wait so long. */
const blocksMax = 1_000;

/** Gives up a log's oldest blocks, within a transaction. */
export function trimLog(statement: (sql: string) => StatementSync, write: Trim): void {
  const { olderThan = -Infinity, bytesMax = Infinity } = write;
  const log = statement(`SELECT id, "end", bytes FROM log WHERE name = ?`).get(write.log);
  if (log === undefined) return;
  const id = Number(log["id"]);
  let bytesLeft = Number(log["bytes"]);
  let [upTo, messages] = [0, 0];
  const rows = statement(
    `SELECT next, at, count, payload_bytes FROM log_block WHERE log = ? AND next < ?
     ORDER BY next LIMIT ${blocksMax}`,
  ).iterate(id, Number(log["end"]));
  for (const row of rows) {
    if (Number(row["at"]) >= olderThan && bytesLeft <= bytesMax) break;
    bytesLeft -= Number(row["payload_bytes"]);
    messages += Number(row["count"]);
    upTo = Number(row["next"]);
  }
  if (upTo === 0) return;
  statement("DELETE FROM log_block WHERE log = ? AND next <= ?").run(id, upTo);
  statement("UPDATE log SET messages = messages - ?, bytes = ? WHERE id = ?").run(
    messages,
    bytesLeft,
    id,
  );
}
