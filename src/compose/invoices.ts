import type { Federation } from "../federate/federation.ts";
import { IssuedInvoices } from "../settle/invoice/issued.ts";
import { Parties } from "../settle/invoice/parties.ts";
import { ReceivedInvoices } from "../settle/invoice/received.ts";
import type { Rooms } from "./rooms.ts";

/** Invoices of both roles, and who both sides are by law. */
export async function openInvoices(rooms: Rooms, { peers }: Federation) {
  const { store, signer, clock, journal, crash } = rooms;
  const agreements = () => rooms.agreements.list();
  const parties = new Parties({ store, signer, clock, peers, agreements });
  const issued = await IssuedInvoices.open({
    ...{ store, signer, clock, crash, peers, parties, agreements },
    onFailed: (error) => rooms.log.error(error, "invoices cannot be brought to their buyers"),
  });
  rooms.closing.add("the invoices", () => issued.close());
  const received = new ReceivedInvoices({
    ...{ store, clock, journal, crash, parties, agreements, did: signer.did },
  });
  return { parties, issued, received };
}
