import type { Federation } from "../federate/federation.ts";
import type { ConsumerReceipts } from "../meter/receipts-consumer.ts";
import { Parts } from "../settle/owners/parts.ts";
import { OwnerShares } from "../settle/owners/shares.ts";
import { SetoffExchange } from "../settle/setoff/exchange.ts";
import { Setoffs } from "../settle/setoff/setoffs.ts";
import { StatementExchange } from "../settle/statements/exchange.ts";
import { Statements } from "../settle/statements/statements.ts";
import type { Rooms } from "./rooms.ts";

/** What two nodes state to each other, and set off. */
export function openSettlement(
  rooms: Rooms,
  { peers }: Pick<Federation, "peers">,
  cosigner: Pick<ConsumerReceipts, "takeBack">,
) {
  const { store, signer, clock, journal, ledger, agreements, crash } = rooms;
  const statements = new Statements({ store, signer, clock, ledger, agreements, crash });
  const exchange = new StatementExchange({
    ...{ peers, clock, journal, agreements, statements },
    takeReceipts: (id) => cosigner.takeBack(id),
  });
  rooms.closing.add("the statements", () => exchange.close());
  const setoffs = new Setoffs({ store, signer, clock, ledger, agreements, statements, crash });
  const setoffExchange = new SetoffExchange({
    ...{ peers, clock, journal, store, setoffs, statements: exchange },
  });
  rooms.closing.add("the set-offs", () => setoffExchange.close());
  const parts = new Parts({ store, clock, did: signer.did });
  const shares = new OwnerShares({
    ...{ store, clock, ledger, parts, agreements },
    onFailed: (error) => rooms.log.error(error, "owners' shares cannot be booked"),
  });
  rooms.closing.add("the owners' shares", () => shares.close());
  return {
    owners: { parts, shares },
    statements: { exchange, kept: statements },
    setoffs: { exchange: setoffExchange, kept: setoffs },
    /** Takes up what a stop left behind. */
    async start(): Promise<void> {
      await exchange.start();
      await setoffExchange.start();
      shares.start();
    },
  };
}
