/**
 * Which starts of the node wrote a log, oldest first. A log that was restored from a backup goes
 * on under the same epoch, so that positions alone do not tell its new messages from the lost
 * ones; the start that wrote them does. A checkpoint carries the last few, the consumer gives
 * them back with its claim, and where both histories part is where the restored one goes on.
 */
export interface LogRun {
  readonly id: string;
  /** Of its first message. */
  readonly from: number;
}

/** Told with a checkpoint; a consumer behind by more restarts is served from the newest. */
const toldMax = 4;
const keptMax = 1000;
const textLengthMax = 256;

export class Lineage {
  /** Oldest first; empty for a log that was written before starts were told apart. */
  #runs: readonly LogRun[];

  constructor(runs: readonly LogRun[]) {
    this.#runs = runs;
  }

  get runs(): readonly LogRun[] {
    return this.#runs;
  }

  begin(run: LogRun): void {
    this.#runs = [...this.#runs, run].slice(-keptMax);
  }

  /** Of who wrote what stands at a position; "0" where that is not known any more. */
  idAt(position: number): string {
    return this.#runs.findLast(({ from }) => from <= position)?.id ?? "0";
  }

  /** The last few that wrote what stands before a position. */
  textAt(position: number): string {
    const written = this.#runs.filter(({ from }) => from < position);
    return written
      .slice(-toldMax)
      .map(({ id, from }) => `${id}@${from}`)
      .join(" ");
  }

  /**
   * Up to where what a consumer has up to `position` is what stands here; undefined: all of it,
   * as far as can be told.
   */
  commonWith(text: string | undefined, position: number, end: number): number | undefined {
    const theirs = readRuns(text);
    const isLost = position > end;
    for (let i = theirs.length - 1, next = position; i >= 0; i--) {
      const run = theirs[i]!;
      const index = this.#runs.findIndex(({ id, from }) => id === run.id && from === run.from);
      if (index !== -1) {
        const common = Math.min(next, this.#runs[index + 1]?.from ?? end);
        return common === position ? undefined : common;
      }
      next = run.from;
    }
    const isUnknown = theirs.length > 0 && this.#runs.length > 0;
    // Nothing is known to be common: what the last start wrote is certainly new.
    return isLost || isUnknown ? Math.min(this.#runs.at(-1)?.from ?? end, end) : undefined;
  }
}

function readRuns(text = ""): LogRun[] {
  const runs: LogRun[] = [];
  for (const one of text.slice(0, textLengthMax).split(" ")) {
    const [, id, from] = /^([\w-]{1,36})@(\d{1,15})$/.exec(one) ?? [];
    if (id !== undefined) runs.push({ id, from: Number(from) });
  }
  return runs;
}
