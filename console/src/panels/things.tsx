import { useEffect, useRef, useState } from "preact/hooks";
import type { ThingResource } from "../../../src/client/thing-resource.ts";
import { age, numbered } from "../format.ts";
import { isSettled } from "../session.ts";
import { now } from "../state.ts";
import { followThings, type Things } from "../things.ts";
import { filtered, windowOf } from "../things-shown.ts";
import { rich, say } from "../words.ts";
import { Room } from "./room.tsx";

const ROW_REM = 3;
const COLUMNS = ["things.thing", "things.kind", "things.last", "things.age"] as const;

/** What is connected to this node, with the last each said; the words that narrow it are its URL's. */
export function ThingsPage() {
  const [known, tell] = useState<Things>({ kind: "loading" });
  const [words, setWords] = useState(new URLSearchParams(location.search).get("q") ?? "");
  const heading = useRef<HTMLHeadingElement>(null);
  const settled = isSettled.value;
  useEffect(() => heading.current?.focus(), []);
  useEffect(() => {
    const stop = new AbortController();
    if (settled) void followThings(tell, stop.signal);
    return () => stop.abort();
  }, [settled]);
  const narrow = (next: string): void => {
    setWords(next);
    const query = next === "" ? "" : `?q=${encodeURIComponent(next)}`;
    history.replaceState(null, "", location.pathname + query);
  };
  return (
    <Room>
      <main class="room-body">
        <h1 ref={heading} tabIndex={-1}>
          {say("page.things")}
        </h1>
        {known.kind === "here" ? (
          <List things={known.things} words={words} narrow={narrow} />
        ) : (
          <p class="room-said" role="status">
            {known.kind === "signed-out"
              ? rich("things.signed-out", { command: <code>comity console</code> })
              : say(`things.${known.kind}`)}
          </p>
        )}
      </main>
    </Room>
  );
}

interface ListProps {
  readonly things: readonly ThingResource[];
  readonly words: string;
  readonly narrow: (words: string) => void;
}

function List({ things, words, narrow }: ListProps) {
  if (things.length === 0) {
    return (
      <p class="room-said">
        {rich("things.none", { command: <code>comity thing add NAME</code> })}
      </p>
    );
  }
  const shown = filtered(things, words);
  return (
    <>
      <div class="room-bar">
        <input
          type="search"
          aria-label={say("things.filter")}
          placeholder={say("things.filter")}
          value={words}
          onInput={({ currentTarget }) => narrow(currentTarget.value)}
        />
        <span role="status">{numbered("count.thing", shown.length)}</span>
      </div>
      {shown.length === 0 ? (
        <p class="room-said">{say("things.unmatched")}</p>
      ) : (
        <Rows rows={shown} />
      )}
    </>
  );
}

/** However many there are, the page holds a screen or three of them. */
function Rows({ rows }: { readonly rows: readonly ThingResource[] }) {
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
      class="things"
      role="table"
      aria-label={say("page.things")}
      aria-rowcount={rows.length + 1}
    >
      <div class="things-head" role="rowgroup">
        <div class="thing-row" role="row" aria-rowindex={1}>
          {COLUMNS.map((title) => (
            <span key={title} role="columnheader">
              {say(title)}
            </span>
          ))}
        </div>
      </div>
      <div
        class="things-rows"
        role="rowgroup"
        ref={frame}
        tabIndex={0}
        aria-label={say("page.things")}
      >
        <div role="presentation" style={{ height: `${from * ROW_REM}rem` }} />
        {rows.slice(from, to).map((thing, i) => (
          <Row key={thing.id} thing={thing} index={from + i + 2} />
        ))}
        <div role="presentation" style={{ height: `${(rows.length - to) * ROW_REM}rem` }} />
      </div>
    </div>
  );
}

function Row({ thing, index }: { readonly thing: ThingResource; readonly index: number }) {
  const { id, title, kind, last, lastAt } = thing;
  return (
    <div class="thing-row" role="row" aria-rowindex={index}>
      <span role="rowheader">
        <b>
          <bdi>{title}</bdi>
        </b>{" "}
        {title === id ? "" : <bdi>{id}</bdi>}
      </span>
      <span role="cell">{kind}</span>
      <code role="cell">
        <bdi>{last ?? "—"}</bdi>
      </code>
      <span role="cell">{lastAt === undefined ? "—" : age(now.value - lastAt)}</span>
    </div>
  );
}
