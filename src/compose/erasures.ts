import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";

/** From now on what is due is erased: from the logs, and from what is kept of them elsewhere. */
export function startErasures(
  { flow, history }: Rooms,
  { federation, links, fetches }: Trade,
): void {
  federation.erasures.start({
    async settled(agreement) {
      await links.settled(agreement);
      await fetches.settled();
    },
    async forget(log) {
      await flow.retained.clear(`${log}/#`);
    },
    erase: (log, from, to) => history.erase(log, to, from),
  });
}
