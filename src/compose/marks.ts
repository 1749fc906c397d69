import type { Agreement } from "../market/agreement.ts";
import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";

/** Products and what is received are looked at from now on, where a vocabulary was promised. */
export async function openMarks(rooms: Rooms, { federation, issuers }: Trade): Promise<void> {
  const { catalogue, agreements, recognitions, marks, log } = rooms;
  for (const product of catalogue.list()) await marks.follow(product);
  catalogue.listen((change, product) => {
    if (change === "removed") marks.forget(product.id);
    else marks.follow(product).catch((error: unknown) => log.error(error));
  });
  // as `links.ts` names what it receives
  const follow = (agreement: Agreement): void => {
    if (agreement.role !== "consumer" || agreement.state !== "active") return;
    const { provider, product } = agreement;
    marks.followReceived(agreement, `from/${federation.peers.nameOf(provider)}/${product}/`);
  };
  const followAll = (): void => agreements.list().forEach(follow);
  followAll();
  agreements.onMade(follow);
  agreements.onEnded(({ id }) => marks.endReceived(id));
  // what nobody here could read before may be known now
  recognitions.listen(followAll);
  issuers.start();
}
