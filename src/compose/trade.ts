import { announcedMqttUrl } from "../federate/announced-address.ts";
import { tokenLifetimeSeconds } from "../federate/authenticate.ts";
import { openFederation } from "../federate/federation.ts";
import { Issuers } from "../federate/issuers.ts";
import { Links } from "../federate/links.ts";
import { ProductSamples } from "../federate/samples.ts";
import { Wants } from "../federate/wants.ts";
import { dearestMicro } from "../kernel/price.ts";
import { openEvidence, withLeaves } from "./evidence.ts";
import { openDataAccess } from "./data-access.ts";
import { openInvoices } from "./invoices.ts";
import type { Postings } from "../meter/receipt.ts";
import { ConsumerReceipts } from "../meter/receipts-consumer.ts";
import { ProviderReceipts } from "../meter/receipts-provider.ts";
import { Traffic } from "../meter/traffic.ts";
import { postingsOf } from "../settle/ledger.ts";
import { isLinked, openFetches } from "./fetches.ts";
import type { Rooms } from "./rooms.ts";
import { openSettlement } from "./settlement.ts";

const exposureMessagesMax = 100_000;
/** What of bytes is priced is bounded as if each message had so many. */
const exposureBytesEach = 1000;

export type Trade = Awaited<ReturnType<typeof openTrade>>;

/** What it has with others: contracts, links, receipts. */
export async function openTrade(rooms: Rooms) {
  const { options, store, signer, clock, journal, crash, agreements, counts, flow, urls } = rooms;
  const federation = await openFederation({
    ...rooms,
    quality: flow.quality,
    profile: options,
    baseUrl: () => options.publicUrl ?? urls.http,
    mqttUrl: () => announcedMqttUrl(options, urls.mqtt),
    localPeers: options.localPeers,
    secretsWithheld: (asked): Promise<unknown> => access.dataAccess.refuseSecrets(asked),
    ...(options.decisions === undefined ? {} : { decisions: options.decisions }),
    ...(options.tokenLifetimeMs === undefined ? {} : { tokenLifetimeMs: options.tokenLifetimeMs }),
    ...(options.agreementsPerPeerMax === undefined
      ? {}
      : { agreementsPerPeerMax: options.agreementsPerPeerMax }),
    ...(options.crawlMs === undefined ? {} : { crawlMs: options.crawlMs }),
  });
  rooms.closing.add("the federation", () => federation.close());
  const { transfers, peers } = federation;
  const wants = await Wants.open({
    ...{ store, clock, entropy: rooms.entropy, journal, budgets: rooms.budgets, did: signer.did },
    offers: federation.offers,
    negotiate: (...asked) => federation.negotiations.negotiate(...asked),
  });
  rooms.closing.add("the wants", () => wants.close());
  const postings: Postings = (agreement, body, before) => {
    rooms.owed.signed(agreement.id, body);
    return postingsOf(agreement, body, before);
  };
  const evidenceLog = await openEvidence(rooms, federation);
  const evidence = {
    ...{ store, signer, clock, journal, agreements, crash, peers },
    takePrices: (id: string) => federation.prices.takeBack(id),
    postings: withLeaves(rooms, postings),
  };
  const owedMax = options.exposureMessagesMax ?? exposureMessagesMax;
  const invoices = await openInvoices(rooms, federation);
  const receipts = new ProviderReceipts({
    ...evidence,
    meter: rooms.meter,
    windowMs: options.receiptWindowMs,
    exposureMaxMicro: ({ price }) =>
      dearestMicro(price, { messages: owedMax, bytes: owedMax * exposureBytesEach }),
    onExposure: ({ id }, over) => {
      const gate = flow.grants.get(id);
      if (over) gate?.suspend("exposure");
      else gate?.resume("exposure");
    },
  });
  rooms.closing.add("receipts", () => receipts.close());
  const links = new Links({
    ...{ flow, store, clock, journal, crash, counts },
    fetches: (agreement) =>
      isLinked(agreement) && federation.decisions.bought(agreement).do === "fetch",
    nameOf: (peer) => peers.nameOf(peer),
    addressOf: (agreement) => transfers.start(agreement.id),
    renew: (agreement) => transfers.renew(agreement.id),
    did: signer.did,
    passwordFor: (provider) => signer.token(provider, tokenLifetimeSeconds),
    keepAliveSeconds: options.linkKeepAliveSeconds,
    lookupOf: ({ provider }, endpoint) => peers.streamLookup(provider, endpoint),
    packetBytesMax: options.limits?.packetBytesMax,
    affords(agreement, used) {
      if (!rooms.budgets.affords(agreement, used)) return "never";
      return rooms.spending.affords(agreement, used) ? "yes" : "not now";
    },
    rests: (agreement) => rooms.spending.rests(agreement),
    onEnded: (agreement, why) => {
      // The provider tells it as a signed record as well; whichever comes first.
      const at = new Date(clock.now()).toISOString();
      const ending = { reason: why, by: agreement.provider, at };
      agreements.end(agreement.id, ending).catch((error: unknown) => rooms.log.error(error));
    },
  });
  rooms.budgets.onSpent((agreement) => {
    const text = `${agreement.title} has come to the limit of what it may cost`;
    journal.record({ at: clock.now(), kind: "budget.spent", text, agreement: agreement.id });
    federation.endings
      .end(agreement.id, "revoked")
      .catch((error: unknown) => rooms.log.error(error));
  });
  rooms.spending.onResumed((agreement) => links.get(agreement)?.resume());
  const cosigner = new ConsumerReceipts({ ...evidence, counts });
  const settlement = openSettlement(rooms, federation, cosigner);
  const traffic = new Traffic({ ...rooms, links });
  const fetches = openFetches(rooms, federation);
  const access = await openDataAccess(rooms, federation);
  const samples = new ProductSamples({
    ...{ catalogue: rooms.catalogue, samples: rooms.samples, peers, clock, did: signer.did },
  });
  const { commissions, recognitions } = rooms;
  const issuers = new Issuers({
    ...{ peers, commissions, recognitions, clock, journal, did: signer.did },
    everyMs: options.crawlMs === 0 ? 0 : undefined,
  });
  rooms.closing.add("the issuers", () => issuers.close());
  return {
    federation,
    evidenceLog,
    invoices,
    issuers,
    wants,
    receipts,
    cosigner,
    settlement,
    links,
    fetches,
    traffic,
    access,
    samples,
  };
}
