import type { Connection } from "../feed.ts";
import { plural, rate } from "../format.ts";
import { SECTORS, sectorOf } from "../sector.ts";
import { agreements, connection, world } from "../state.ts";
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
      <h1>Live data, shared between nations under contract.</h1>
      <p class="lead">
        Every organisation runs its own node. Nodes agree terms machine to machine; each message is
        checked, counted by both sides and paid for. No centre, no coin.
      </p>
      <Summary />
    </header>
  );
}

const UNSEEN: Readonly<Record<Connection, string>> = {
  connecting: "Listening to the node…",
  live: "Listening to the node…",
  reconnecting: "The node does not answer. Trying again…",
  "sign-in": "Sign in to see this node's world.",
  refused: "Sign in to see this node's world.",
};

function Summary() {
  const seen = world.value;
  if (!seen) return <p class="summary">{UNSEEN[connection.value]}</p>;
  const nations = new Set(seen.nodes.map(({ country }) => country)).size;
  const running = agreements.value.filter(({ state }) => state === "active");
  const total = running.reduce((sum, { ratePerSecond }) => sum + ratePerSecond, 0);
  return (
    <p class="summary">
      <b>{plural(seen.nodes.length, "organisation")}</b> in {plural(nations, "nation")},{" "}
      <b>{plural(running.length, "agreement")}</b> running, <b>{rate(total)}</b>
    </p>
  );
}

/** How to read the map. */
export function Legend() {
  const present = new Set(agreements.value.map(({ sector }) => sectorOf(sector)));
  return (
    <section class="legend" aria-label="How to read the map">
      <p>
        An arc is an agreement. Its dots travel with the data; its width is messages per second. The
        shaded side of the map has night.
      </p>
      <ul aria-label="Colours of the sectors">
        {SECTORS.filter((sector) => present.has(sector)).map((sector) => (
          <li key={sector}>
            <Sign sector={sector} />
            {sector}
          </li>
        ))}
      </ul>
    </section>
  );
}
