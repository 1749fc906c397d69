import type { WorldAgreement } from "../world.ts";
import { count, latency, measure, money, rate } from "../format.ts";
import { sectorOf } from "../sector.ts";
import { choose, leave, meet, selection } from "../selection.ts";
import { agreements, nodesByDid, world } from "../state.ts";
import { Sign } from "./sign.tsx";
import { Ticking } from "./ticking.tsx";

const COLUMNS = ["Stream", "From and to", "Effect", "Rate", "Latency", "Messages", "Amount"];

/** The map as a table: for screen readers, narrow screens, and whoever wants the numbers. */
export function Agreements() {
  const rows = agreements.value;
  return (
    <section class="agreements" id="agreements" tabIndex={-1} aria-labelledby="agreements-title">
      <h2 id="agreements-title">Agreements</h2>
      {rows.length === 0 ? (
        <Empty />
      ) : (
        // The rows are laid out as a grid, which takes a table's meaning away: it is said again.
        <table role="table" aria-labelledby="agreements-title">
          <thead role="rowgroup" class="unseen">
            <tr role="row">
              {COLUMNS.map((title) => (
                <th key={title} role="columnheader" scope="col">
                  {title}
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
        {titleOf(provider)} <span aria-label="to">→</span> {titleOf(consumer)}
      </td>
      <td role="cell" class="row-effect">
        {effect ? (
          <>
            <b>{measure(effect.value, effect.unit)}</b> {effect.text}
          </>
        ) : (
          <span class="quiet">No effect reported yet</span>
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
  if (state === "ended") return endedReason ?? "ended";
  return link === "up" ? undefined : "link down";
}

function messagesOf(messages: number): string {
  return `${count(Math.floor(messages))} msg`;
}

function Empty() {
  if (!world.value) return <p class="quiet">Nothing known yet.</p>;
  return (
    <p class="empty">
      No agreements yet. <code>comity find WORDS</code> finds a product, and{" "}
      <code>comity agree OFFER</code> takes its offer; it appears here at once.
    </p>
  );
}
