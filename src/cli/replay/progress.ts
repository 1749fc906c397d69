import type { CliStream } from "../context.ts";

const barWidth = 30;
const everyMs = { terminal: 100, plain: 5_000 };

export interface ReplayState {
  readonly file: string;
  /** 0 … 1, by the bytes of the file that were read. */
  readonly done: number;
  readonly messages: number;
  readonly perSecond: number;
}

/** A bar on a terminal, a line now and then elsewhere. */
export class ProgressLine {
  readonly #out: CliStream;
  readonly #terminal: boolean;
  #shownAt = 0;

  constructor(out: CliStream, now: number) {
    this.#out = out;
    this.#terminal = out.isTTY === true;
    this.#shownAt = now;
  }

  show(state: ReplayState, now: number): void {
    const every = this.#terminal ? everyMs.terminal : everyMs.plain;
    if (now - this.#shownAt < every) return;
    this.#shownAt = now;
    if (!this.#terminal) this.#out.write(`${progressText(state, 0)}\n`);
    else this.#out.write(`\r${progressText(state, this.#out.columns ?? 80)}\u001b[K`);
  }

  /** Leaves the line empty for what comes next. */
  clear(): void {
    if (this.#terminal) this.#out.write("\r\u001b[K");
  }
}

/** Fits `columns`; 0: no bar, for plain lines. */
export function progressText(state: ReplayState, columns: number): string {
  const percent = `${Math.floor(Math.min(1, state.done) * 100)} %`.padStart(5);
  const counts = `${state.messages.toLocaleString("en")} rows`;
  const rate = `${Math.round(state.perSecond).toLocaleString("en")}/s`;
  const text = `${state.file} ${percent}  ${counts}  ${rate}`;
  if (columns < text.length + barWidth + 2)
    return columns === 0 ? text : text.slice(0, columns - 1);
  const full = Math.round(Math.min(1, state.done) * barWidth);
  return `${"█".repeat(full)}${"░".repeat(barWidth - full)} ${text}`;
}
