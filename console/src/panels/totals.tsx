import type { WorldTotal } from "../world.ts";
import type { Connection } from "../feed.ts";
import { age, count, money, rate } from "../format.ts";
import { connection, history, now, world } from "../state.ts";
import { Spark } from "./spark.tsx";
import { Ticking } from "./ticking.tsx";

const SAID: Readonly<Record<Connection, string>> = {
  connecting: "connecting…",
  live: "live",
  reconnecting: "reconnecting…",
  "sign-in": "signed out",
  refused: "signed out",
};

/** How fresh the page is, the market's pulse, and what sellers have earned in each currency. */
export function Totals() {
  const points = history.value.get("") ?? [];
  return (
    <section class="totals" aria-labelledby="totals-title">
      <div class="pulse">
        <Freshness />
        <Spark points={points} />
        <span class="pulse-rate">{rate(points.at(-1)?.rate ?? 0)}</span>
      </div>
      <h2 id="totals-title">Earned by sellers</h2>
      {world.value && world.value.totals.length > 0 ? (
        <dl class="currencies">
          {world.value.totals.map((total) => (
            <Currency key={total.currency} {...total} />
          ))}
        </dl>
      ) : (
        <p class="quiet">Nothing yet.</p>
      )}
    </section>
  );
}

function Freshness() {
  const state = connection.value;
  const at = world.value?.at;
  const old = at !== undefined && state !== "live" ? ` · data from ${age(now.value - at)}` : "";
  return (
    <span class="freshness" data-state={state} role="status">
      {SAID[state]}
      {old}
    </span>
  );
}

function Currency({ currency, amount, messages }: WorldTotal) {
  return (
    <div class="currency">
      <dt>{currency}</dt>
      <dd>
        <span class="currency-amount">{money(amount, currency).slice(currency.length + 1)}</span>
        <span class="currency-messages">
          <Ticking value={messages} say={messagesOf} />
        </span>
      </dd>
    </div>
  );
}

function messagesOf(messages: number): string {
  return `${count(Math.floor(messages))} msg`;
}
