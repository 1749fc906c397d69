/** A seller's and a buyer's invoices on two sides' stores, and the line between them. */
import assert from "node:assert/strict";
import { crashAt } from "../../src/kernel/crash.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { Journal } from "../../src/kernel/journal.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { IssuedInvoices } from "../../src/settle/invoice/issued.ts";
import { Parties } from "../../src/settle/invoice/parties.ts";
import { ReceivedInvoices } from "../../src/settle/invoice/received.ts";
import type { InvoiceSettings } from "../../src/settle/invoice/settings.ts";
import { asBuyer, buyer, type Pair, seller } from "./sides.ts";

export const sellerSettings: InvoiceSettings = {
  party: { name: "Sun B.V.", vatId: "NL123456782B90", address: { city: "Delft", country: "NL" } },
  payment: { account: "NL91ABNA0417164300", days: 30 },
  series: "SUN",
  taxes: [
    { category: "S", rate: "21" },
    { buyer, category: "AE", rate: "0", reason: "Reverse charge" },
  ],
};
export const buyerSettings: InvoiceSettings = {
  party: { name: "Shade GmbH", vatId: "DE123456789", address: { city: "Bonn", country: "DE" } },
};

export interface DesksOptions {
  crash?: string;
  bought?: string;
  away?: boolean;
  perSellerMax?: number;
  /** As it stands now. */
  agreement?: () => Agreement;
}

/** The seller's and the buyer's invoices; the wire between them can be cut or listened to. */
export async function openDesks(of: Pair, options: DesksOptions) {
  const life = { over: false };
  const crash = (spec: string | undefined) => {
    const at = spec === undefined ? () => {} : crashAt(spec, () => (life.over = true));
    return (point: Parameters<typeof at>[0]) => {
      at(point);
      if (life.over) throw new Error(`killed at ${point}`);
    };
  };
  const { agreement = () => of.agreement } = options;
  const { clock } = of;
  const bought = () => [asBuyer(agreement())];
  const parties = new Parties({
    ...{ store: of.buyer.store, signer: of.buyer.signer, clock },
    ...{ peers: { get: async () => assert.fail("the buyer asks nobody") } },
    agreements: bought,
  });
  await parties.set(buyerSettings);
  const received = new ReceivedInvoices({
    ...{ store: of.buyer.store, clock, journal: new Journal(), did: buyer, parties },
    ...{ agreements: bought, crash: crash(options.bought) },
    ...(options.perSellerMax !== undefined && { perSellerMax: options.perSellerMax }),
  });
  const own = { store: of.seller.store, signer: of.seller.signer, clock };
  const sold = new Parties({
    ...{ ...own, agreements: () => [agreement()] },
    peers: { get: () => parties.tell(seller) },
  });
  await sold.set(sellerSettings);
  const line = { away: options.away ?? false };
  const issued = await IssuedInvoices.open({
    ...{ ...own, parties: sold, agreements: () => [agreement()], crash: crash(options.crash) },
    onFailed: () => {},
    peers: {
      async post(_did, _path, body) {
        if (line.away) throw new ComityError("PEER_UNREACHABLE", { peer: buyer, problem: "away" });
        const sent: unknown = JSON.parse(JSON.stringify(body));
        try {
          return await received.take(seller, sent);
        } catch (thrown) {
          if (!(thrown instanceof ComityError)) throw thrown;
          throw new ComityError("PEER_REFUSED", { peer: buyer, problem: thrown.message });
        }
      },
    },
  });
  return { issued, received, line, sold, bought: parties };
}
