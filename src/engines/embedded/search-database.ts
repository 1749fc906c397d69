import type { DatabaseSync, StatementSync } from "node:sqlite";
import type {
  FoundEntry,
  SearchChange,
  SearchEntry,
  SearchPage,
  SearchQuery,
} from "../../ports/search.ts";
import { pageMax, totalMax } from "../../ports/search.ts";
import { openRemadeFile } from "./remade-file.ts";
import { SearchMemory } from "./search-memory.ts";

/** Raised whenever the tables change: a file of another format is made anew. */
const format = 1;

const tables = `
  CREATE TABLE provider (
    id INTEGER PRIMARY KEY, did TEXT NOT NULL UNIQUE, seen_at INTEGER NOT NULL, tag TEXT
  ) STRICT;
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, provider INTEGER NOT NULL, offer TEXT NOT NULL,
    digest TEXT NOT NULL, entry TEXT NOT NULL, doc TEXT NOT NULL,
    UNIQUE (provider, offer)
  ) STRICT;
  CREATE INDEX entry_offer ON entry (offer);
`;

/** What was crawled, in a file, and the index of it in memory; only its thread opens it. */
export class SearchDatabase {
  readonly #database: DatabaseSync;
  readonly #memory = new SearchMemory();
  readonly #prepared = new Map<string, StatementSync>();

  constructor(path: string) {
    // all in it can be crawled again
    this.#database = openRemadeFile(path, {
      format,
      tables,
      pragmas: "PRAGMA cache_size = -8192;",
    });
    const rows = this.#database.prepare(
      `SELECT entry.id, did, entry FROM entry JOIN provider ON provider.id = entry.provider
       ORDER BY entry.id`,
    );
    for (const row of rows.iterate()) {
      const entry: SearchEntry = JSON.parse(String(row["entry"]));
      this.#memory.add(Number(row["id"]), entry, String(row["did"]));
    }
  }

  change(did: string, { put, remove, seenAt, tag }: SearchChange): void {
    const removed: number[] = [];
    const added: (readonly [row: number, entry: SearchEntry])[] = [];
    this.#together(() => {
      const provider = Number(
        this.#prepare(
          `INSERT INTO provider (did, seen_at, tag) VALUES (?, ?, ?)
           ON CONFLICT (did) DO UPDATE SET seen_at = excluded.seen_at, tag = excluded.tag
           RETURNING id`,
        ).get(did, seenAt, tag ?? null)?.["id"],
      );
      for (const offer of [...remove, ...put.map((entry) => entry.offer)]) {
        const gone = this.#prepare(
          "DELETE FROM entry WHERE provider = ? AND offer = ? RETURNING id",
        ).get(provider, offer);
        if (gone !== undefined) removed.push(Number(gone["id"]));
      }
      for (const { doc, ...entry } of put) {
        const { lastInsertRowid } = this.#prepare(
          "INSERT INTO entry (provider, offer, digest, entry, doc) VALUES (?, ?, ?, ?, ?)",
        ).run(provider, entry.offer, entry.digest, JSON.stringify(entry), JSON.stringify(doc));
        added.push([Number(lastInsertRowid), { ...entry, doc }]);
      }
    });
    for (const row of removed) this.#memory.remove(row);
    for (const [row, entry] of added) this.#memory.add(row, entry, did);
  }

  forget(did: string): void {
    const rows = this.#prepare(
      "DELETE FROM entry WHERE provider = (SELECT id FROM provider WHERE did = ?) RETURNING id",
    ).all(did);
    this.#prepare("DELETE FROM provider WHERE did = ?").run(did);
    for (const row of rows) this.#memory.remove(Number(row["id"]));
  }

  known(did: string): { seenAt: number; tag?: string; digests: [string, string][] } | undefined {
    const provider = this.#prepare("SELECT id, seen_at, tag FROM provider WHERE did = ?").get(did);
    if (provider === undefined) return undefined;
    const rows = this.#prepare("SELECT offer, digest FROM entry WHERE provider = ?");
    const digests = rows
      .all(Number(provider["id"]))
      .map((row): [string, string] => [String(row["offer"]), String(row["digest"])]);
    const tag = provider["tag"];
    const seenAt = Number(provider["seen_at"]);
    return { seenAt, digests, ...(typeof tag === "string" && { tag }) };
  }

  find(query: SearchQuery): SearchPage {
    const offset = Math.min(query.offset ?? 0, totalMax);
    const limit = Math.min(query.limit, pageMax, totalMax - offset);
    const { rows, total } = this.#memory.find({ ...query, offset, limit });
    return { found: rows.flatMap((row) => this.#found(row) ?? []), total };
  }

  offer(id: string): FoundEntry[] {
    const rows = this.#prepare("SELECT id FROM entry WHERE offer = ? ORDER BY id LIMIT ?");
    return rows.all(id, pageMax).flatMap((row) => this.#found(Number(row["id"])) ?? []);
  }

  close(): void {
    this.#database.close();
  }

  #found(id: number): FoundEntry | undefined {
    const row = this.#prepare(
      `SELECT did, offer, seen_at, doc FROM entry
       JOIN provider ON provider.id = entry.provider WHERE entry.id = ?`,
    ).get(id);
    return (
      row && {
        provider: String(row["did"]),
        offer: String(row["offer"]),
        seenAt: Number(row["seen_at"]),
        doc: JSON.parse(String(row["doc"])),
      }
    );
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      this.#prepared.set(sql, (statement = this.#database.prepare(sql)));
    }
    return statement;
  }

  #together(work: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
    } catch (thrown) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw thrown;
    }
  }
}
