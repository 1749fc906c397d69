/**
 * The World page: what the market looks like this second. Comes in: the node's own feed
 * (`/api/v1/world`, `/api/v1/world/live`) and the bundled outlines. Goes out: a map, the same
 * as a table, a ticker; and to who signed in as operator the devices that wait to be let in, whose
 * acceptance or refusal is all it writes. It never asks anybody but the node that served it, and
 * never lets another organisation's text be anything but text.
 */
import { render } from "preact";
import { loadWords } from "./language.ts";
import { WorldMap } from "./map/world-map.tsx";
import { Account } from "./panels/account.tsx";
import { Agreements } from "./panels/agreements.tsx";
import { Card } from "./panels/card.tsx";
import { Intro, Legend } from "./panels/intro.tsx";
import { Pending } from "./panels/pending.tsx";
import { Room } from "./panels/room.tsx";
import { SignIn } from "./panels/sign-in.tsx";
import { ThingsRoom } from "./panels/things.tsx";
import { Ticker } from "./panels/ticker.tsx";
import { Totals } from "./panels/totals.tsx";
import { page, startRouter } from "./router.ts";
import { enter, startClock } from "./state.ts";
import { say } from "./words.ts";

function Page() {
  document.title = page.value === "things" ? `Comity · ${say("things")}` : say("title");
  if (page.value === "things") {
    return (
      <Room>
        <ThingsRoom />
      </Room>
    );
  }
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

const place = document.getElementById("page");
if (place) {
  void loadWords()
    .catch(() => {}) // then it speaks English
    .then(() => {
      render(<Page />, place);
      startClock();
      startRouter();
      return enter();
    });
}
