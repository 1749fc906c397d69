import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Asked } from "../asked.ts";
import { filtered } from "../shown.ts";
import { rich, say } from "../words.ts";

interface ListedProps<T> {
  readonly asked: Asked<readonly T[]>;
  /** How to get the first, where there is none. */
  readonly none: ComponentChildren;
  /** What may be typed to narrow the list. */
  readonly filter: string;
  /** In which all the words must be. */
  readonly textOf: (row: T) => string;
  readonly counted: (n: number) => string;
  readonly table: (rows: readonly T[]) => ComponentChildren;
}

/** A list, or why there is none; the words that narrow it are its address's. */
export function Listed<T>({ asked, none, filter, textOf, counted, table }: ListedProps<T>) {
  const [words, setWords] = useState(new URLSearchParams(location.search).get("q") ?? "");
  if (asked.kind !== "here") return <Unknown kind={asked.kind} />;
  if (asked.told.length === 0) return <p class="room-said">{none}</p>;
  const narrow = (next: string): void => {
    setWords(next);
    const query = next === "" ? "" : `?q=${encodeURIComponent(next)}`;
    history.replaceState(null, "", location.pathname + query);
  };
  const shown = filtered(asked.told, words, textOf);
  return (
    <>
      <div class="room-bar">
        <input
          type="search"
          aria-label={filter}
          placeholder={filter}
          value={words}
          onInput={({ currentTarget }) => narrow(currentTarget.value)}
        />
        <span role="status">{counted(shown.length)}</span>
      </div>
      {shown.length === 0 ? <p class="room-said">{say("room.unmatched")}</p> : table(shown)}
    </>
  );
}

/** Why what was asked for is not shown. */
export function Unknown({ kind }: { readonly kind: "loading" | "signed-out" | "failed" }) {
  return (
    <p class="room-said" role="status">
      {kind === "signed-out"
        ? rich("room.signed-out", { command: <code>comity console</code> })
        : say(`room.${kind}`)}
    </p>
  );
}
