import type { Connection } from "../feed.ts";
import { numbered, rate } from "../format.ts";
import { SECTORS, sectorOf } from "../sector.ts";
import { agreements, connection, world } from "../state.ts";
import { rich, say } from "../words.ts";
import { Sign } from "./sign.tsx";

/** What this is, in ten seconds. */
export function Intro() {
  return (
    <header class="intro">
      <p class="wordmark">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M6 21a10 10 0 0 1 15.5-8.3" />
          <path class="wordmark-other" d="M26 11a10 10 0 0 1-15.5 8.3" />
        </svg>
        Comity
      </p>
      <h1>{say("intro.title")}</h1>
      <p class="lead">{say("intro.lead")}</p>
      <Summary />
    </header>
  );
}

const UNSEEN = {
  connecting: "unseen.connecting",
  live: "unseen.connecting",
  reconnecting: "unseen.reconnecting",
  "sign-in": "unseen.sign-in",
  refused: "unseen.sign-in",
} as const satisfies Readonly<Record<Connection, string>>;

function Summary() {
  const seen = world.value;
  if (!seen) return <p class="summary">{say(UNSEEN[connection.value])}</p>;
  const nations = new Set(seen.nodes.map(({ country }) => country)).size;
  const running = agreements.value.filter(({ state }) => state === "active");
  const total = running.reduce((sum, { ratePerSecond }) => sum + ratePerSecond, 0);
  return (
    <p class="summary">
      {rich("summary", {
        organisations: <b>{numbered("count.organisation", seen.nodes.length)}</b>,
        nations: numbered("count.nation", nations),
        agreements: <b>{numbered("count.agreement", running.length)}</b>,
        rate: <b>{rate(total)}</b>,
      })}
    </p>
  );
}

/** How to read the map. */
export function Legend() {
  const present = new Set(agreements.value.map(({ sector }) => sectorOf(sector)));
  return (
    <section class="legend" aria-label={say("legend")}>
      <p>{say("legend.text")}</p>
      <ul aria-label={say("legend.sectors")}>
        {SECTORS.filter((sector) => present.has(sector)).map((sector) => (
          <li key={sector}>
            <Sign sector={sector} />
            {say(`sector.${sector}`)}
          </li>
        ))}
      </ul>
    </section>
  );
}
