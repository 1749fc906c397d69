/**
 * The World page: what the market looks like this second. Comes in: the node's own feed
 * (`/api/v1/world`, `/api/v1/world/live`) and the bundled outlines. Goes out: a map, the same
 * as a table, a ticker; and to who signed in as operator the devices that wait to be let in, whose
 * acceptance or refusal is all it writes.
 */
import { WorldMap } from "./map/world-map.tsx";
import { Account } from "./panels/account.tsx";
import { Agreements } from "./panels/agreements.tsx";
import { Card } from "./panels/card.tsx";
import { Intro, Legend } from "./panels/intro.tsx";
import { Pending } from "./panels/pending.tsx";
import { SignIn } from "./panels/sign-in.tsx";
import { Ticker } from "./panels/ticker.tsx";
import { Totals } from "./panels/totals.tsx";
import { say } from "./words.ts";

export function WorldPage() {
  return (
    <div class="page">
      <a class="skip" href="#agreements">
        {say("skip")}
      </a>
      <Intro />
      <main class="stage">
        <WorldMap />
        <Card />
        <SignIn />
      </main>
      <aside class="side" aria-label={say("market")}>
        <Account />
        <Pending />
        <Totals />
        <Agreements />
      </aside>
      <div class="foot">
        <Ticker />
        <Legend />
      </div>
    </div>
  );
}
