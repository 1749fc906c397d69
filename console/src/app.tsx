/**
 * The console: what a node shows to people. Comes in: the node's own API, as who signed in. Goes
 * out: a page for each question (`pages.tsx`), the World at first. It never asks anybody but the
 * node that served it, and never lets another organisation's text be anything but text.
 */
import { render } from "preact";
import { loadWords } from "./language.ts";
import { fetchPage, Pages } from "./pages.tsx";
import { page, startRouter } from "./router.ts";
import { enter, startClock } from "./state.ts";
import { openPalette, PaletteDoor } from "./palette-door.tsx";
import { wearTheme } from "./theme.ts";

const place = document.getElementById("page");
if (place) {
  wearTheme();
  fetchPage(page.value);
  void loadWords()
    .catch(() => {}) // then it speaks English
    .then(() => {
      render(
        <>
          <Pages />
          <PaletteDoor />
        </>,
        place,
      );
      addEventListener("keydown", openPalette);
      startClock();
      startRouter();
      return enter();
    });
}
