import type { WorldTotal } from "../world.ts";
import { age, count, money, rate } from "../format.ts";
import { connection, history, now, world } from "../state.ts";
import { say } from "../words.ts";
import { Spark } from "./spark.tsx";
import { Ticking } from "./ticking.tsx";

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
      <h2 id="totals-title">{say("earned")}</h2>
      {world.value && world.value.totals.length > 0 ? (
        <dl class="currencies">
          {world.value.totals.map((total) => (
            <Currency key={total.currency} {...total} />
          ))}
        </dl>
      ) : (
        <p class="quiet">{say("nothing")}</p>
      )}
    </section>
  );
}

function Freshness() {
  const state = connection.value;
  const at = world.value?.at;
  const told = say(`state.${state}`);
  const isOld = at !== undefined && state !== "live";
  return (
    <span class="freshness" data-state={state} role="status">
      {isOld ? say("freshness", { state: told, age: age(now.value - at) }) : told}
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
  return say("messages.short", { n: count(Math.floor(messages)) });
}
