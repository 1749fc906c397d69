import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { windowOf } from "../shown.ts";

const ROW_REM = 3;

interface RowsProps<T> {
  readonly label: string;
  /** Of the columns. */
  readonly titles: readonly string[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** The row's cells: the first is its name. */
  readonly cells: (row: T) => readonly ComponentChildren[];
  readonly kind: string;
}

/** A table of however many rows, of which the page holds a screen or three. */
export function Rows<T>({ label, titles, rows, keyOf, cells, kind }: RowsProps<T>) {
  const [sight, setSight] = useState({ top: 0, height: 0 });
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const look = (): void => setSight({ top: element.scrollTop, height: element.clientHeight });
    const sized = new ResizeObserver(look);
    sized.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sized.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const row = ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const { from, to } = windowOf(rows.length, { ...sight, row });
  return (
    <div
      class={`rows rows-${kind}`}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
    >
      <div class="rows-head" role="rowgroup">
        <div class="rows-row" role="row" aria-rowindex={1}>
          {titles.map((title) => (
            <span key={title} role="columnheader">
              {title}
            </span>
          ))}
        </div>
      </div>
      <div class="rows-body" role="rowgroup" ref={frame} tabIndex={0} aria-label={label}>
        <div role="presentation" style={{ height: `${from * ROW_REM}rem` }} />
        {rows.slice(from, to).map((one, i) => (
          <div key={keyOf(one)} class="rows-row" role="row" aria-rowindex={from + i + 2}>
            {cells(one).map((cell, at) => (
              <span key={titles[at]} role={at === 0 ? "rowheader" : "cell"}>
                {cell}
              </span>
            ))}
          </div>
        ))}
        <div role="presentation" style={{ height: `${(rows.length - to) * ROW_REM}rem` }} />
      </div>
    </div>
  );
}
