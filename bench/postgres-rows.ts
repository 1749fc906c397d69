import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Measured } from "./readings.ts";

const pieceLength = 1_048_576;

/** A PostgreSQL of the machine's own, for one run: started in a folder, spoken to by psql. */
export class PostgresRows {
  readonly #folder: string;
  readonly #user: { readonly uid?: number; readonly gid?: number };
  readonly #server: ChildProcess;

  private constructor(folder: string, user: { uid?: number; gid?: number }, server: ChildProcess) {
    this.#folder = folder;
    this.#user = user;
    this.#server = server;
  }

  /** Undefined where it is not installed. It refuses to run as root: its own user runs it then. */
  static open(parent: string): PostgresRows | undefined {
    try {
      const folder = join(parent, "postgres");
      mkdirSync(folder);
      const user = userOf();
      if (user.uid !== undefined) {
        for (const path of [parent, folder]) chownSync(path, user.uid, user.gid!);
      }
      const run = { ...user, cwd: folder, stdio: "ignore" } as const;
      const data = join(folder, "data");
      execFileSync("initdb", ["-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8"], run);
      const settings = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${folder}`];
      const server = spawn(
        "postgres",
        ["-D", data, ...settings, "-c", "shared_buffers=512MB"],
        run,
      );
      const postgres = new PostgresRows(folder, user, server);
      postgres.#waitReady();
      return postgres;
    } catch {
      return undefined;
    }
  }

  /** COPY, then the index, as one loads much. The bytes of the payloads. */
  async fill(readings: Iterable<Measured>): Promise<number> {
    this.#sql(`
      CREATE TABLE reading (
        topic text NOT NULL, time bigint NOT NULL, position bigint NOT NULL,
        at bigint NOT NULL, payload text NOT NULL
      );
    `);
    const copy = this.#psql(["-c", "COPY reading FROM STDIN"]);
    let payloadBytes = 0;
    let position = 0;
    let piece = "";
    for (const { topic, time, payload } of readings) {
      payloadBytes += payload.length;
      piece += `${topic}\t${time}\t${position++}\t${time + 80}\t${payload}\n`;
      if (piece.length < pieceLength) continue;
      if (!copy.stdin!.write(piece))
        await new Promise((resolve) => copy.stdin!.once("drain", resolve));
      piece = "";
    }
    copy.stdin!.end(piece);
    await new Promise((resolve) => copy.once("exit", resolve));
    this.#sql("CREATE INDEX ON reading (topic, time); VACUUM ANALYZE reading; CHECKPOINT;");
    return payloadBytes;
  }

  /** Milliseconds that each question took, as psql's own clock says, rows received included. */
  async days(topics: readonly string[], from: number, until: number): Promise<number[]> {
    const psql = this.#psql(["-q", "-t", "-A"]);
    const taken: number[] = [];
    const lines = createInterface({ input: psql.stdout! });
    const done = new Promise((resolve) => psql.once("exit", resolve));
    psql.stdin!.write("\\timing on\n\\o /dev/null\n");
    for (const topic of topics) {
      psql.stdin!.write(
        `SELECT time, position, at, payload FROM reading
         WHERE topic = '${topic}' AND time >= ${from} AND time < ${until} ORDER BY time;\n`,
      );
    }
    psql.stdin!.end();
    for await (const line of lines) {
      const [, ms] = /^Time: ([\d.]+) ms/.exec(line) ?? [];
      if (ms !== undefined) taken.push(Number(ms));
    }
    await done;
    return taken;
  }

  bytes(): number {
    return Number(this.#sql("SELECT pg_total_relation_size('reading')").trim());
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#server.once("exit", resolve));
    this.#server.kill("SIGINT");
    await exited;
  }

  #waitReady(): void {
    for (let tries = 0; ; tries++) {
      try {
        this.#sql("SELECT 1");
        return;
      } catch (error) {
        if (tries > 100) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      }
    }
  }

  #sql(text: string): string {
    const args = ["-h", this.#folder, "-U", "bench", "-d", "postgres", "-q", "-t", "-A"];
    const stdio: ("pipe" | "ignore")[] = ["pipe", "pipe", "ignore"];
    const run = { ...this.#user, input: text, encoding: "utf8", stdio } as const;
    return execFileSync("psql", [...args, "-v", "ON_ERROR_STOP=1"], run);
  }

  #psql(more: readonly string[]): ChildProcess {
    const args = ["-h", this.#folder, "-U", "bench", "-d", "postgres", ...more];
    return spawn("psql", args, { ...this.#user, stdio: ["pipe", "pipe", "ignore"] });
  }
}

/** Whom it runs as: PostgreSQL's own user where this is root. */
function userOf(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
