import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "../../src/cli/program.ts";
import type { ComityHttp } from "../../src/client/http.ts";
import type { LogLine, UsageResource } from "../../src/client/resources.ts";
import type { TestNode } from "../two-nodes.ts";

/** Recorded data that is kept beside the repository, not in it. */
const dataFolder = fileURLToPath(new URL("../../../shared/data/", import.meta.url));

/** Why a test of recorded data is left out; false where the data is there. */
export function absent(folder: string): string | false {
  return existsSync(join(dataFolder, folder))
    ? false
    : `no recorded data in ../shared/data/${folder}`;
}

/** Files that are replayed with one map. */
export interface Recording {
  /** Below the data folder; all its CSV files, in order of their names. */
  readonly folder: string;
  /** The map of `comity replay`, YAML. */
  readonly map: string;
  readonly delimiter: string;
  /** What the map is to make of a row; the test's own words for it. */
  readonly topic: (file: string) => string;
  /** Member of the payload → column; absent: every column under its own name. */
  readonly members?: Readonly<Record<string, string>>;
}

/** A row as the consumer must have it. */
export interface ExpectedRow {
  /** `speed_6005.csv:17`, the line in the file. */
  readonly from: string;
  readonly topic: string;
  /** Cells as the text they were recorded in. */
  readonly cells: Readonly<Record<string, string>>;
}

export function filesOf({ folder }: Recording): string[] {
  const path = join(dataFolder, folder);
  const files = readdirSync(path).filter((file) => file.endsWith(".csv"));
  return files.sort().map((file) => join(path, file));
}

export function expectedRows(recording: Recording): ExpectedRow[] {
  return filesOf(recording).flatMap((file) => rowsOf(file, recording));
}

function rowsOf(path: string, recording: Recording): ExpectedRow[] {
  const [head, ...lines] = readCsv(readFileSync(path, "utf8"), recording.delimiter);
  const columns = head?.cells ?? [];
  const members = recording.members ?? Object.fromEntries(columns.map((name) => [name, name]));
  const topic = recording.topic(basename(path, ".csv"));
  return lines.map(({ line, cells }) => {
    assert.equal(cells.length, columns.length, `${path}:${line} has ${cells.length} cells`);
    const named = Object.entries(members).map(([member, column]) => {
      const at = columns.indexOf(column);
      assert.notEqual(at, -1, `${path} has no column ${column}`);
      return [member, cells[at]!] as const;
    });
    return { from: `${basename(path)}:${line}`, topic, cells: Object.fromEntries(named) };
  });
}

/** `comity replay` as a person would type it, through the node's MQTT door; how many it says with --json. */
export async function replay(
  { node, token }: TestNode,
  folder: string,
  recording: Recording,
): Promise<number> {
  const map = join(folder, "map.yaml");
  await writeFile(map, recording.map);
  const words = ["--url", node.httpUrl, "--token", token, "--json"];
  const written = { out: "", err: "" };
  const code = await runCli(
    [...words, "replay", ...filesOf(recording), "--map", map, "--speed", "max"],
    {
      stdout: { write: (text) => (written.out += text) },
      stderr: { write: (text) => (written.err += text) },
      env: {},
    },
  );
  assert.equal(code, 0, written.err);
  const replayed = JSON.parse(written.out) as { messages: number }[];
  return replayed.reduce((sum, { messages }) => sum + messages, 0);
}

/** RFC 4180, letter by letter, and nothing of the reader under test. Empty lines are no rows. */
export function readCsv(text: string, delimiter: string): { line: number; cells: string[] }[] {
  const rows: { line: number; cells: string[] }[] = [];
  let [line, startedAt, cell, quoted] = [1, 1, "", false];
  let cells: string[] = [];
  const endRow = (): void => {
    if (cells.length > 0 || cell !== "") rows.push({ line: startedAt, cells: [...cells, cell] });
    [cells, cell, startedAt] = [[], "", line + 1];
  };
  for (let i = text.startsWith("\uFEFF") ? 1 : 0; i < text.length; i++) {
    const letter = text[i]!;
    if (quoted && letter === '"' && text[i + 1] === '"') cell += text[++i];
    else if (letter === '"' && (quoted || cell === "")) quoted = !quoted;
    else if (!quoted && letter === delimiter) {
      cells.push(cell);
      cell = "";
    } else if (!quoted && letter === "\n") endRow();
    else if (quoted || letter !== "\r" || text[i + 1] !== "\n") cell += letter;
    if (letter === "\n") line++;
  }
  endRow();
  return rows;
}

/** All of a log, over the consumer's own API. */
export async function readWholeLog(http: ComityHttp, log: string): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of http.readLog(log, { limit: 1_000_000 })) lines.push(line);
  return lines;
}

/** Row for row, in order, none lost, none twice, at positions without gaps. */
export function assertSameRows(
  lines: readonly LogLine[],
  expected: readonly ExpectedRow[],
  when = "",
): void {
  for (const [i, row] of expected.entries()) {
    const line = lines[i];
    const got = line === undefined ? undefined : [line.topic, parsed(line)];
    assert.deepEqual(got, [row.topic, row.cells], `row ${i + 1}, ${row.from}${when}`);
    assert.equal(line?.position, lines[0]!.position + i, `the position of ${row.from}${when}`);
  }
  assert.equal(lines.length, expected.length, `rows beyond the files' last${when}`);
}

function parsed({ payload }: LogLine): unknown {
  return payload === undefined ? undefined : JSON.parse(payload);
}

export interface Price {
  readonly amount: string;
  readonly currency: string;
  readonly perMessages: number;
}

/** count × price in integer micro-units, what is left of the last one dropped. */
export function owedMicro(price: Price, messages: number): bigint {
  return (BigInt(messages) * microOf(price.amount)) / BigInt(price.perMessages);
}

export function microOf(amount: string): bigint {
  const [, whole = "", fraction = ""] = /^(\d+)(?:\.(\d{1,6}))?$/.exec(amount) ?? [];
  assert.notEqual(whole, "", `"${amount}" is no amount to the micro-unit`);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

/** Whether both sides have signed for all that was counted, which is at least so much. */
export function hasSigned(
  usages: () => Promise<readonly (readonly UsageResource[])[]>,
  messages: number,
): () => Promise<boolean> {
  return async () =>
    (await usages()).every(([usage]) => {
      const signed = usage?.receipted?.messages ?? 0;
      return signed >= messages && signed === usage?.messages;
    });
}

/** Both sides' counts are the files', and both signed for all of it. */
export function assertCounted(
  usages: readonly (readonly UsageResource[])[],
  lines: readonly LogLine[],
): void {
  const bytes = lines.reduce((sum, { payload = "" }) => sum + Buffer.byteLength(payload), 0);
  for (const [usage] of usages) {
    const { role, messages, receipted } = usage!;
    assert.deepEqual([messages, usage!.bytes], [lines.length, bytes], `the ${role}'s counts`);
    assert.equal(receipted?.messages, lines.length, `signed for on the ${role}'s side`);
  }
}

/** The statements of these months add up to count × price, the same on both sides. */
export async function assertStated(
  sides: readonly ComityHttp[],
  months: readonly string[],
  price: Price,
  count: number,
): Promise<void> {
  const stated = await Promise.all(
    sides.map(async (http) => {
      const lines = (await Promise.all(months.map((month) => http.statement(month)))).flat();
      return lines.map((line) => ({ ...line, role: undefined }));
    }),
  );
  for (const lines of stated) {
    assert.deepEqual(lines, stated[0]);
    assert.equal(sum(lines.map(({ messages }) => messages)), count);
    const micro = lines.map(({ amount }) => microOf(amount)).reduce((a, b) => a + b, 0n);
    assert.equal(micro, owedMicro(price, count));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** The months that deliveries since then may be billed in, UTC. */
export function monthsSince(startedAt: number): string[] {
  const months = [startedAt, Date.now()].map((at) => new Date(at).toISOString().slice(0, 7));
  return [...new Set(months)];
}
