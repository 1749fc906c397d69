/**
 * The terminal: what the newcomer sees and presses.
 *
 * In comes one frame a second (`watch.ts` gathers it) and keys; out go lines. `render.ts` turns a
 * frame into lines and knows no terminal, `screen.ts` puts lines on one, `plain.ts` is for where
 * there is none, `show.ts` ties keys to `breaks.ts`. Nothing here asks a node anything.
 */
export interface Row {
  readonly stream: string;
  readonly from: string;
  readonly to: string;
  readonly agreement: string;
  readonly state: "up" | "down" | "ended";
  /** Messages a second. */
  readonly rate: number;
  readonly latencyMs: number | undefined;
  readonly messages: number;
  readonly amount: string;
  readonly currency: string;
  readonly sentence: string;
  /** What the buyer's indicator says; may be empty. */
  readonly told: string;
  readonly value: number;
  readonly unit: string;
}

export interface Frame {
  readonly seconds: number;
  readonly nodes: readonly {
    readonly name: string;
    readonly country: string;
    readonly running: boolean;
    readonly url: string;
  }[];
  readonly rows: readonly Row[];
  readonly totals: readonly { readonly currency: string; readonly amount: string }[];
  /** Newest first. */
  readonly ticker: readonly { readonly at: number; readonly text: string }[];
}

/** What the person in front of it has done. */
export interface Pressed {
  /** Index of the chosen row. */
  readonly chosen: number;
  /** What is being done now, and what came of the last key. */
  readonly busy: string | undefined;
  readonly notice: readonly string[];
  /** Lines to copy. */
  readonly paste: readonly string[];
}
