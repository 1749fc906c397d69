import type { WorldAgreement } from "../world.ts";
import { count, latency, measure, money, rate } from "../format.ts";
import { sectorOf } from "../sector.ts";
import { choose, leave, meet, selection } from "../selection.ts";
import { agreements, nodesByDid, world } from "../state.ts";
import { rich, say } from "../words.ts";
import { Arrow } from "./arrow.tsx";
import { Sign } from "./sign.tsx";
import { Ticking } from "./ticking.tsx";

const COLUMNS = [
  "column.stream",
  "column.parties",
  "column.effect",
  "column.rate",
  "column.latency",
  "column.messages",
  "column.amount",
] as const;

/** The map as a table: for screen readers, narrow screens, and whoever wants the numbers. */
export function Agreements() {
  const rows = agreements.value;
  return (
    <section class="agreements" id="agreements" tabIndex={-1} aria-labelledby="agreements-title">
      <h2 id="agreements-title">{say("agreements")}</h2>
      {rows.length === 0 ? (
        <Empty />
      ) : (
        // The rows are laid out as a grid, which takes a table's meaning away: it is said again.
        <table role="table" aria-labelledby="agreements-title">
          <thead role="rowgroup" class="unseen">
            <tr role="row">
              {COLUMNS.map((title) => (
                <th key={title} role="columnheader" scope="col">
                  {say(title)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((agreement) => (
              <Row key={agreement.id} agreement={agreement} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ agreement }: { readonly agreement: WorldAgreement }) {
  const { id, provider, consumer, effect } = agreement;
  const titleOf = (did: string): string => nodesByDid.value.get(did)?.title ?? did;
  const chosen = selection.value?.kind === "agreement" && selection.value.id === id;
  const said = stateOf(agreement);
  return (
    <tr
      role="row"
      class="row"
      data-chosen={chosen}
      data-state={said === undefined ? "running" : agreement.state}
      onMouseEnter={() => meet({ kind: "agreement", id })}
      onMouseLeave={leave}
    >
      <th role="rowheader" scope="row" class="row-title">
        <Sign sector={sectorOf(agreement.sector)} />
        <button type="button" onClick={() => choose({ kind: "agreement", id })}>
          {agreement.title}
        </button>
      </th>
      <td role="cell" class="row-parties">
        <bdi>{titleOf(provider)}</bdi> <Arrow /> <bdi>{titleOf(consumer)}</bdi>
      </td>
      <td role="cell" class="row-effect">
        {effect ? (
          <>
            <b>{measure(effect.value, effect.unit)}</b> {effect.text}
          </>
        ) : (
          <span class="quiet">{say("effect.none")}</span>
        )}
      </td>
      <td role="cell" class="row-rate">
        {said ?? rate(agreement.ratePerSecond)}
      </td>
      <td role="cell" class="row-latency">
        {said === undefined ? latency(agreement.latencyMs) : ""}
      </td>
      <td role="cell" class="row-messages">
        <Ticking value={agreement.messages} say={messagesOf} />
      </td>
      <td role="cell" class="row-amount">
        {money(agreement.amount, agreement.currency)}
      </td>
    </tr>
  );
}

/** What to say instead of a rate; undefined while the stream runs. */
export function stateOf({ state, link, endedReason }: WorldAgreement): string | undefined {
  if (state === "ended") return endedReason ?? say("state.ended");
  return link === "up" ? undefined : say("state.down");
}

function messagesOf(messages: number): string {
  return say("messages.short", { n: count(Math.floor(messages)) });
}

function Empty() {
  if (!world.value) return <p class="quiet">{say("agreements.unknown")}</p>;
  return (
    <p class="empty">
      {rich("agreements.none", {
        find: <code>comity find WORDS</code>,
        agree: <code>comity agree OFFER</code>,
      })}
    </p>
  );
}
