import { createReadStream } from "node:fs";
import { basename, extname } from "node:path";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { topicProblem } from "../../kernel/topic.ts";
import { messageOf, type ReplayMap, type Row, timeOf } from "./map.ts";

/** One message to be published. */
export interface ReplayMessage {
  /** 1 for the file's first row, then counting up. */
  readonly seq: number;
  readonly topic: string;
  readonly payload: string;
  /** The row's own time, where the map names one and it is asked for. */
  readonly at: number | undefined;
}

export interface Progress {
  bytesRead: number;
}

/** `speed_6005.csv` → `speed_6005`. */
export function fileName(path: string): string {
  return basename(path, extname(path));
}

/** The file's rows as messages. CSV_INVALID names the file and the line. */
export async function* replayMessages(
  path: string,
  map: ReplayMap,
  options: { readonly timed: boolean; readonly progress?: Progress },
): AsyncGenerator<ReplayMessage> {
  const file = fileName(path);
  let line = 1;
  let seq = 0;
  const source = createReadStream(path);
  const { CsvError, parse } = await import("csv-parse");
  const parser = parse({
    columns: true,
    delimiter: map.delimiter ?? ",",
    bom: true,
    // without "cast": every cell stays the text it was recorded in
    info: true,
    skip_empty_lines: true,
  });
  source.on("error", (error) => parser.destroy(error));
  source.on("data", (chunk) => {
    if (options.progress) options.progress.bytesRead += chunk.length;
  });
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
      line = info.lines;
      const { topic, payload } = messageOf(map, file, record);
      const problem = topicProblem(topic);
      if (problem !== undefined) throw new Error(`the topic '${topic}' ${problem}`);
      const at = options.timed ? timeOf(map, file, record) : undefined;
      yield { seq: ++seq, topic, payload, at };
    }
  } catch (error) {
    const lines = error instanceof CsvError ? Number(error["lines"] ?? line) : line;
    throw new ComityError("CSV_INVALID", { file: path, line: lines, problem: problemOf(error) });
  } finally {
    source.destroy();
  }
}

interface CsvRow {
  readonly record: Row;
  readonly info: { readonly lines: number };
}
