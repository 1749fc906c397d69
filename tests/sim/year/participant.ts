import type { StoreDatabase } from "../../../src/engines/embedded/store-database.ts";
import { invoiceRoutes } from "../../../src/federate/invoice-routes.ts";
import { federationRoutes } from "../../../src/federate/federation.ts";
import { logRoutes } from "../../../src/federate/log-routes.ts";
import { receiptRoutes, type ReceiptRoutesDeps } from "../../../src/federate/receipt-routes.ts";
import { setoffRoutes } from "../../../src/federate/setoff-routes.ts";
import { statementRoutes } from "../../../src/federate/statement-routes.ts";
import { neverCrash } from "../../../src/kernel/crash.ts";
import { Journal } from "../../../src/kernel/journal.ts";
import { dearestMicro } from "../../../src/kernel/price.ts";
import type { Agreement } from "../../../src/market/agreement.ts";
import { Agreements } from "../../../src/market/agreements.ts";
import { Catalogue } from "../../../src/market/catalogue.ts";
import { ConsumerCounts } from "../../../src/meter/consumer-counts.ts";
import type { Postings } from "../../../src/meter/receipt.ts";
import { ConsumerReceipts } from "../../../src/meter/receipts-consumer.ts";
import { ProviderReceipts } from "../../../src/meter/receipts-provider.ts";
import { Meter } from "../../../src/meter/usage.ts";
import type { NoteSigner } from "../../../src/ports/note-signer.ts";
import type { JwsSignature, Signer } from "../../../src/ports/signer.ts";
import { LogConflicts } from "../../../src/settle/evidence-log/conflicts.ts";
import { EvidenceLog } from "../../../src/settle/evidence-log/evidence-log.ts";
import { agreementLeaf, endingLeaf, receiptLeaf } from "../../../src/settle/evidence-log/leaf.ts";
import { WitnessBook } from "../../../src/settle/evidence-log/witness-book.ts";
import { Witnesses } from "../../../src/settle/evidence-log/witnesses.ts";
import { IssuedInvoices } from "../../../src/settle/invoice/issued.ts";
import { Parties } from "../../../src/settle/invoice/parties.ts";
import { ReceivedInvoices } from "../../../src/settle/invoice/received.ts";
import { Ledger, postingsOf } from "../../../src/settle/ledger.ts";
import { SetoffExchange } from "../../../src/settle/setoff/exchange.ts";
import { Setoffs } from "../../../src/settle/setoff/setoffs.ts";
import { StatementExchange } from "../../../src/settle/statements/exchange.ts";
import { Statements } from "../../../src/settle/statements/statements.ts";
import { type Ground, Life } from "../life.ts";
import { simulatedFederation } from "../simulated-federation.ts";
import type { Network } from "../network.ts";
import type { Random } from "../random.ts";
import type { YearClock } from "./year-clock.ts";

/** Everything of a node's contracts and money, over a store in memory; its stream is modelled. */
export type Rooms = Awaited<ReturnType<typeof openRooms>>;

export interface ParticipantOptions {
  readonly name: string;
  readonly signer: Signer;
  readonly noteSigner: NoteSigner;
  readonly origin: string;
  readonly everybody: readonly { readonly did: string; readonly url: string }[];
  readonly clock: YearClock;
  readonly network: Network;
  readonly random: Random;
  /** Of each commit, that the process ends before or after it. */
  readonly crashChance: () => number;
}

/** What a provider delivers without a signature for it, before it stops. */
export const exposureMessages = 100;
export const bytesEach = 100;

export function exposureMaxMicro({ price }: Pick<Agreement, "price">): bigint {
  return dearestMicro(price, { messages: exposureMessages, bytes: exposureMessages * bytesEach });
}

export class Participant {
  readonly life: Life<Rooms>;
  #isReady = false;
  readonly name: string;
  readonly did: string;
  /** What its owner would read: kinds of happenings, over all of its lives. */
  readonly seen = new Map<string, number>();
  /** Agreements under which it delivers no more until receipts are signed. */
  readonly stopped = new Set<string>();
  /** An older copy of its disk, to go back to. */
  kept: StoreDatabase | undefined;
  /** What it answers instead of co-signing, while it is not honest. */
  cosigns: ((body: unknown) => Promise<{ signature: JwsSignature }>) | undefined;

  constructor(options: ParticipantOptions) {
    const { name, random, crashChance } = options;
    const fate = random.branch();
    this.name = name;
    this.did = options.signer.did;
    this.life = new Life<Rooms>({
      ...options,
      crashes: () => (fate.chance(crashChance()) ? fate.pick(["before", "after"]) : undefined),
      downMs: () => fate.between(0, 5),
      open: (ground) => {
        this.stopped.clear();
        this.#isReady = false;
        return openRooms(ground, options, this);
      },
      started: async (rooms) => {
        await rooms.federation.resume();
        await rooms.receipts.load();
        rooms.receipts.start();
        await rooms.statements.start();
        await rooms.setoffs.start();
        this.#isReady = true;
      },
      close: closeRooms,
    });
  }

  /** Undefined while it is down, and until it knows again where too much is unsigned. */
  get rooms(): Rooms | undefined {
    return this.#isReady ? this.life.process : undefined;
  }
}

/** What stands on its disk now, whether its process runs or not. */
export function docsOf<T>({ life: { disk } }: Participant, kind: string): T[] {
  return disk.list(kind, {}).map(({ doc }) => JSON.parse(doc) as T);
}

async function openRooms(
  ground: Ground,
  options: ParticipantOptions,
  own: Pick<Participant, "seen" | "stopped" | "cosigns">,
) {
  const { store, app, signer } = ground;
  const { noteSigner, everybody, clock } = options;
  const journal = new Journal();
  journal.listen(({ kind }) => own.seen.set(kind, (own.seen.get(kind) ?? 0) + 1));
  const outside = { store, signer, clock, journal };
  const catalogue = await Catalogue.open({ store, clock });
  const agreements = await Agreements.open(store);
  const meter = await Meter.open({ store, clock });
  const counts = await ConsumerCounts.open(store, clock);
  const ledger = await Ledger.open(store);
  const federation = await simulatedFederation(ground, options, {
    ...{ clock, journal, catalogue, agreements },
    localPeers: everybody.filter(({ did }) => did !== signer.did),
    waitMs: 2000,
    requestsPerSecondMax: 10_000,
  });
  const { peers, authenticatePeer } = federation;
  agreements.withMade((agreement) => [agreementLeaf(agreement)]);
  agreements.withEnd(endingLeaf);
  const postings: Postings = (agreement, body, before) => [
    ...postingsOf(agreement, body, before),
    receiptLeaf(body),
  ];
  const pace = { retryMs: 2, retryMaxMs: 20 };
  const evidence = {
    ...{ ...outside, agreements, postings, peers },
    takePrices: (id: string) => federation.prices.takeBack(id),
  };
  const receipts = new ProviderReceipts({
    ...{ ...evidence, ...pace, meter, exposureMaxMicro },
    // windows are closed by whoever lets the days pass
    windowMs: 3_600_000,
    onExposure: ({ id }, over) => void (over ? own.stopped.add(id) : own.stopped.delete(id)),
  });
  const cosigner = new ConsumerReceipts({ ...evidence, counts });
  const kept = new Statements({ store, signer, clock, ledger, agreements });
  const statements = new StatementExchange({
    ...{ peers, clock, journal, agreements, statements: kept, ...pace },
    takeReceipts: (id) => cosigner.takeBack(id),
  });
  const keptSetoffs = new Setoffs({ store, signer, clock, ledger, agreements, statements: kept });
  const setoffs = new SetoffExchange({
    ...{ peers, clock, journal, store, setoffs: keptSetoffs, statements, ...pace },
  });
  const silent = (): void => {}; // a store that is cut fails whatever is under way
  const log = await EvidenceLog.open({
    ...{
      store,
      signer: noteSigner,
      clock,
      crash: neverCrash,
      onFailed: silent,
      everyMs: 3_600_000,
    },
  });
  const conflicts = new LogConflicts({ store, clock, journal });
  const witness = new WitnessBook({
    ...{ store, signer: noteSigner, clock, conflicts },
    keyOf: (did) => peers.keyOf(did),
    nameOf: (did) => peers.nameOf(did),
  });
  const partners = (): string[] =>
    agreements.list().map((one) => (one.role === "provider" ? one.consumer : one.provider));
  const witnesses = new Witnesses({
    ...{ log, store, clock, peers, conflicts, partners, onFailed: silent, everyMs: 3_600_000 },
  });
  const list = () => agreements.list();
  const parties = new Parties({ store, signer, clock, peers, agreements: list });
  const issued = await IssuedInvoices.open({
    ...{ store, signer, clock, peers, parties, agreements: list, onFailed: silent },
    everyMs: 3_600_000,
  });
  const received = new ReceivedInvoices({
    ...{ store, clock, journal, parties, agreements: list, did: signer.did },
  });
  await federationRoutes(app, { federation });
  const answering: ReceiptRoutesDeps["receipts"] = {
    cosign: (from, offered) => own.cosigns?.(offered) ?? cosigner.cosign(from, offered),
    signedAfter: (...asked) => cosigner.signedAfter(...asked),
  };
  await app.register((scope) => receiptRoutes(scope, { receipts: answering, authenticatePeer }));
  await app.register((scope) => statementRoutes(scope, { statements, authenticatePeer }));
  await app.register((scope) => setoffRoutes(scope, { setoffs, authenticatePeer }));
  await invoiceRoutes(app, { parties, received, authenticatePeer });
  await logRoutes(app, { log, witness, authenticatePeer });
  return {
    ...{ store, federation, catalogue, agreements, meter, counts, receipts },
    ...{ signer, noteSigner, kept, statements, keptSetoffs, setoffs },
    ...{ log, conflicts, witnesses, parties, issued, received },
  };
}

async function closeRooms(rooms: Rooms): Promise<void> {
  const { federation, receipts, statements, setoffs, issued, log, witnesses, meter } = rooms;
  setoffs.close();
  await Promise.all([
    ...[federation.close(), receipts.close(), statements.close()],
    ...[issued.close(), log.close(), witnesses.close()],
  ]);
  await meter.close();
}
