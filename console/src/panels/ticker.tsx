import type { Happening } from "../world.ts";
import { age } from "../format.ts";
import { leave, meet } from "../selection.ts";
import { happenings, now } from "../state.ts";
import { say } from "../words.ts";

const SHOWN = 5;

/**
 * What just happened, newest first. It is not announced to screen readers as it runs: the
 * market would never stop talking; it can be read like any list.
 */
export function Ticker() {
  const latest = happenings.value.slice(0, SHOWN);
  return (
    <section class="ticker" aria-labelledby="ticker-title">
      <h2 id="ticker-title">{say("ticker")}</h2>
      {latest.length === 0 ? (
        <p class="quiet">{say("ticker.none")}</p>
      ) : (
        <ol>
          {latest.map((happening) => (
            <Line key={`${happening.at} ${happening.kind} ${happening.text}`} {...happening} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Line({ at, kind, text, agreement }: Happening) {
  const show = (): void => {
    if (agreement !== undefined) meet({ kind: "agreement", id: agreement });
  };
  return (
    <li data-tone={toneOf(kind)} onMouseEnter={show} onMouseLeave={leave}>
      <time dateTime={new Date(at).toISOString()}>{age(now.value - at)}</time>
      <span class="ticker-text" dir="auto">
        {text}
      </span>
    </li>
  );
}

function toneOf(kind: string): "good" | "bad" | "plain" {
  if (/refused|revoked|expired|ended|down|disput|failed|killed/.test(kind)) return "bad";
  if (/finalized|up$|signed|resumed|started/.test(kind)) return "good";
  return "plain";
}
