import type { ReadStream, WriteStream } from "node:tty";
import { emitKeypressEvents } from "node:readline";
import { widthOf } from "./paint.ts";

/** The terminal's second page: nothing of it stays behind when the world ends. */
export class Screen {
  readonly #out: WriteStream;
  readonly #in: ReadStream;
  readonly #onKey: (key: string) => void;
  readonly #keypress = (
    _text: string | undefined,
    key: { readonly name?: string; readonly ctrl?: boolean; readonly sequence?: string },
  ): void => {
    if (key.ctrl === true && key.name === "c") this.#onKey("q");
    else this.#onKey(key.name ?? key.sequence ?? "");
  };

  constructor(out: WriteStream, input: ReadStream, onKey: (key: string) => void) {
    this.#out = out;
    this.#in = input;
    this.#onKey = onKey;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 };
  }

  open(): void {
    this.#out.write("\u001B[?1049h\u001B[?25l");
    emitKeypressEvents(this.#in);
    this.#in.setRawMode(true);
    this.#in.on("keypress", this.#keypress);
    this.#in.resume();
  }

  /** Overwrites what was there: no flicker, and what is longer than the screen is left out. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.size;
    const shown: string[] = [];
    let height = 0;
    for (const line of lines) {
      height += Math.max(1, Math.ceil(widthOf(line) / columns));
      if (height > rows) break;
      shown.push(line);
    }
    this.#out.write(`\u001B[H${shown.map((line) => `${line}\u001B[K`).join("\r\n")}\u001B[J`);
  }

  close(): void {
    this.#in.off("keypress", this.#keypress);
    this.#in.setRawMode(false);
    this.#in.pause();
    this.#out.write("\u001B[?25h\u001B[?1049l");
  }
}
