/** Two participants with stores, keys and HTTP of their own, and an agreement between them. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import Fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { peerAuthenticator } from "../../src/federate/authenticate.ts";
import { didDocumentOf } from "../../src/federate/identity.ts";
import { Outbound } from "../../src/federate/outbound.ts";
import { peerIdentity } from "../../src/federate/peer-identity.ts";
import { PeerBook } from "../../src/federate/peers.ts";
import { receiptRoutes } from "../../src/federate/receipt-routes.ts";
import { statementRoutes } from "../../src/federate/statement-routes.ts";
import { Resolver } from "../../src/federate/resolver.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { crashAt, neverCrash } from "../../src/kernel/crash.ts";
import type { Crash, CrashPoint } from "../../src/kernel/crash.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { Journal } from "../../src/kernel/journal.ts";
import type { Price } from "../../src/kernel/price.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { draftOf, evidenceOf, signAgreement } from "../../src/market/evidence.ts";
import type { AgreementPolicy } from "../../src/market/evidence.ts";
import { rulesOf } from "../../src/market/policy.ts";
import { ConsumerCounts } from "../../src/meter/consumer-counts.ts";
import { Owed } from "../../src/meter/owed.ts";
import type { Postings } from "../../src/meter/receipt.ts";
import { ConsumerReceipts } from "../../src/meter/receipts-consumer.ts";
import { ProviderReceipts } from "../../src/meter/receipts-provider.ts";
import type { ProviderReceiptsOptions } from "../../src/meter/receipts-provider.ts";
import { Meter } from "../../src/meter/usage.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { freePort } from "../free-port.ts";
import type { Store } from "../../src/ports/store.ts";
import { noUsage } from "../../src/ports/usage.ts";
import type { Checkpoint } from "../../src/ports/usage.ts";
import { Ledger, postingsOf } from "../../src/settle/ledger.ts";
import { StatementExchange } from "../../src/settle/statements/exchange.ts";
import { Statements } from "../../src/settle/statements/statements.ts";

export const seller = "did:web:seller.example";
export const buyer = "did:web:buyer.example";

/** Set by the test; both sides read it. */
export class HandClock implements Clock {
  at = Date.UTC(2026, 10, 20, 12);
  now = (): number => this.at;
  monotonic = (): number => performance.now();
}

export interface SideOptions {
  readonly did: string;
  readonly dir: string;
  readonly clock: Clock;
  readonly port: number;
  readonly peer: { readonly did: string; readonly url: string };
  /** `receipt.signed:2`: this side stops there. */
  readonly crash?: string;
  readonly receipts?: Partial<ProviderReceiptsOptions>;
}

/** One running participant. */
export interface Side {
  readonly store: Store;
  readonly signer: Signer;
  readonly meter: Meter;
  readonly provider: ProviderReceipts;
  readonly consumer: ConsumerReceipts;
  readonly counts: ConsumerCounts;
  readonly owed: Owed;
  readonly statements: Statements;
  /** Takes statements to the other side when a test says so, and answers it. */
  readonly exchange: StatementExchange;
  /** What it has agreed on, by id. */
  readonly agreed: Map<string, Agreement>;
  readonly journal: Journal;
  readonly url: string;
  readonly peers: PeerBook;
  /** It passed its crash point: nothing reaches its store any more. */
  crashed(): boolean;
  stop(): Promise<void>;
}

/** Opens a participant on what its folder holds, as a start after any kind of end does. */
export async function openSide(options: SideOptions): Promise<Side> {
  const { did, dir, clock } = options;
  const disk = await openEmbeddedStore({ path: join(dir, "store.db"), lockWaitMs: 5000 });
  const life = { over: false };
  const crash = options.crash === undefined ? neverCrash : mortal(options.crash, life);
  const store = storeOf(disk, life);
  const signer = await openEmbeddedSigner({ dir, did, clock });
  const journal = new Journal();
  const outbound = new Outbound();
  const localPeers = [options.peer];
  const resolver = new Resolver({ outbound, clock, localPeers });
  const identity = peerIdentity({ signer, resolver, clock, localPeers });
  const calls = { identity, resolver, outbound, backOffMs: [] };
  const peers = await PeerBook.open({ store, signer, ...calls });
  const agreements = { get: (id: string) => disk.get<Agreement>("agreement", id) };
  const known = (await disk.list<Agreement>("agreement")).map(({ doc }) => doc);
  const agreed = new Map(known.map((one) => [one.id, one]));
  const owed = await Owed.open(store, clock, known);
  const postings: Postings = (agreement, body, before) => {
    owed.signed(agreement.id, body);
    return postingsOf(agreement, body, before);
  };
  const takePrices = async () => false; // they agree one price for ever
  const evidence = { postings, peers, takePrices };
  const shared = { store, signer, clock, journal, agreements, crash, ...evidence };
  const counts = await ConsumerCounts.open(store, clock);
  const meter = await Meter.open({ store, clock, crash });
  const provider = new ProviderReceipts({
    ...shared,
    meter,
    windowMs: 3_600_000,
    retryMs: 10,
    ...options.receipts,
  });
  const app = Fastify({ forceCloseConnections: true });
  answerErrors(app);
  const profile = { name: "side", title: "Side", country: "NL", currency: "EUR" };
  app.get("/.well-known/did.json", () => didDocumentOf(signer, profile, options.peer.url));
  const consumer = new ConsumerReceipts({ ...shared, counts });
  const authenticatePeer = peerAuthenticator({ did, resolver, clock });
  await app.register(receiptRoutes, { receipts: consumer, authenticatePeer });
  const ledger = await Ledger.open(store);
  const lists = { get: (id: string) => agreed.get(id), list: () => [...agreed.values()] };
  const statements = new Statements({ store, signer, clock, ledger, agreements: lists, crash });
  const exchange = new StatementExchange({
    ...{ statements, peers, clock, journal, agreements: lists, retryMs: 10 },
    takeReceipts: (id) => consumer.takeBack(id),
  });
  await app.register(statementRoutes, { statements: exchange, authenticatePeer });
  const url = await app.listen({ host: "127.0.0.1", port: options.port });
  await provider.load();
  provider.start();
  const stop = async (): Promise<void> => {
    await app.close();
    await exchange.close();
    await provider.close();
    await meter.close().catch(() => {}); // a crashed side writes nothing down
    outbound.close();
    await disk.close();
  };
  const crashed = () => life.over;
  const rooms = { store, signer, meter, provider, consumer, counts, owed, journal };
  return { ...rooms, statements, exchange, agreed, url, peers, crashed, stop };
}

/** What a kill does: from this point on nothing more is stored or answered. */
function mortal(spec: string, life: { over: boolean }): Crash {
  const at = crashAt(spec, () => {
    life.over = true;
  });
  return (point: CrashPoint) => {
    at(point);
    if (life.over) throw new Error(`killed at ${point}`);
  };
}

function storeOf(disk: Store, life: { over: boolean }): Store {
  const commit: Store["commit"] = async (writes) => {
    if (life.over) throw new Error("killed");
    await disk.commit(writes);
  };
  return {
    commit,
    failed: disk.failed,
    get: (kind, id) => disk.get(kind, id),
    list: (kind, range) => disk.list(kind, range),
    log: (log) => disk.log(log),
    logs: () => disk.logs(),
    readLog: (log, after, bytesMax) => disk.readLog(log, after, bytesMax),
    producers: (log) => disk.producers(log),
    close: () => disk.close(),
  };
}

function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, _request, reply) => {
    const known = error instanceof ComityError;
    const { code, message } = known ? error : { code: "STORE_FAILED", message: String(error) };
    return reply.code(known ? error.status : 500).send({ error: { code, message } });
  });
}

/** A pair that trades, can be stopped at any point, and is opened again from its folders. */
export class Pair {
  readonly clock = new HandClock();
  /** How far each side's clock is wrong, in milliseconds. */
  readonly wrongMs: Record<string, number> = { [seller]: 0, [buyer]: 0 };
  readonly #dir: string;
  seller!: Side;
  buyer!: Side;
  agreement!: Agreement;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async open(price: Price, receipts: SideOptions["receipts"] = {}): Promise<Pair> {
    const pair = new Pair(await mkdtemp(join(tmpdir(), "comity-meter-")));
    const [sells, buys] = [await freePort(), await freePort()];
    pair.#ports = { [seller]: sells, [buyer]: buys };
    pair.#receipts = receipts;
    pair.seller = await pair.#openSide(seller);
    pair.buyer = await pair.#openSide(buyer);
    await pair.#agree(price);
    return pair;
  }

  #ports: Record<string, number> = {};
  #receipts: SideOptions["receipts"] = {};
  /** What the consumer committed last, and where the stream goes on. */
  #delivered: Checkpoint = noUsage;
  #stream: Checkpoint = noUsage;

  /** As a link does it: the consumer commits, then the provider hears of it. */
  async deliver(messages: number, bytes = messages * 10, withheld = 0): Promise<Checkpoint> {
    const checkpoint = await this.receive(messages, bytes, withheld);
    await this.seller.meter.acknowledge(this.agreement.id, checkpoint);
    return checkpoint;
  }

  /** Committed by the consumer; the acknowledgement is still on its way. */
  async receive(messages: number, bytes = messages * 10, withheld = 0): Promise<Checkpoint> {
    const before = this.#stream;
    const checkpoint = {
      epoch: before.epoch === "" ? "e1" : before.epoch,
      position: before.position + messages + withheld,
      messages: before.messages + messages,
      payloadBytes: before.payloadBytes + bytes,
    };
    await this.buyer.store.commit(this.buyer.counts.writesFor(this.agreement.id, checkpoint));
    this.#delivered = checkpoint;
    this.#stream = checkpoint;
    return checkpoint;
  }

  /** A live stream's next connection has positions of its own. */
  reconnect(): void {
    const { epoch, messages, payloadBytes } = this.#stream;
    const next = Number(epoch.slice(1) || 0) + 1;
    this.#stream = { epoch: `e${next}`, position: 0, messages, payloadBytes };
  }

  get delivered(): Checkpoint {
    return this.#delivered;
  }

  async restart(did: string, crash?: string, between = async () => {}): Promise<void> {
    if (did === seller) {
      await this.seller.stop();
      await between();
      this.seller = await this.#openSide(seller, crash);
    } else {
      await this.buyer.stop();
      await between();
      this.buyer = await this.#openSide(buyer, crash);
    }
  }

  /** Copies its folder while it is stopped; what is returned puts the copy back. */
  async backUp(did: string): Promise<() => Promise<void>> {
    const [folder, copy] = [this.#folderOf(did), `${this.#folderOf(did)}-backup`];
    await this.restart(did, undefined, () => cp(folder, copy, { recursive: true }));
    return () =>
      this.restart(did, undefined, async () => {
        await rm(folder, { recursive: true });
        await cp(copy, folder, { recursive: true });
      });
  }

  #folderOf(did: string): string {
    return join(this.#dir, did.split(":").at(-1) ?? did);
  }

  async close(): Promise<void> {
    await this.seller.stop();
    await this.buyer.stop();
    await rm(this.#dir, { recursive: true });
  }

  #openSide(did: string, crash?: string): Promise<Side> {
    const other = did === seller ? buyer : seller;
    return openSide({
      did,
      dir: this.#folderOf(did),
      clock: {
        now: () => this.clock.at + (this.wrongMs[did] ?? 0),
        monotonic: this.clock.monotonic,
      },
      port: this.#ports[did] ?? 0,
      peer: { did: other, url: `http://127.0.0.1:${this.#ports[other]}` },
      ...(crash === undefined ? {} : { crash }),
      ...(did === seller && this.#receipts !== undefined ? { receipts: this.#receipts } : {}),
    });
  }

  async #agree(price: Price): Promise<void> {
    const signers = [this.seller.signer, this.buyer.signer];
    const topics = ["sun/#"];
    const id = "urn:uuid:6f6a1f0e-5b34-4d8c-9d53-5d2f1c6f7a10";
    const policy: AgreementPolicy = {
      "@type": "Agreement",
      "@id": id,
      ...rulesOf({ price }),
      target: "sun",
      assigner: seller,
      assignee: buyer,
      timestamp: new Date(this.clock.at).toISOString(),
      comity: {
        version: 1,
        product: "sun",
        title: "Irradiance",
        delivery: "logged",
        topics,
        price,
        keys: Object.fromEntries(signers.map(({ did, publicJwk }) => [did, publicJwk])),
      },
    };
    const signatures = await Promise.all(signers.map((signer) => signAgreement(policy, signer)));
    const evidence = evidenceOf(policy, ...signatures);
    for (const [side, role] of [
      [this.seller, "provider"],
      [this.buyer, "consumer"],
    ] as const) {
      const doc: Agreement = { ...draftOf(policy, role), evidence };
      await side.store.commit([{ op: "add", kind: "agreement", id, doc }]);
      side.agreed.set(id, doc);
      if (role === "provider") this.agreement = doc;
    }
  }
}

/** Closed when the test ends. */
export async function openPair(
  t: TestContext,
  price: Price,
  receipts?: SideOptions["receipts"],
): Promise<Pair> {
  const pair = await Pair.open(price, receipts);
  t.after(() => pair.close());
  return pair;
}

/** The agreement as the buyer holds it. */
export function asBuyer(agreement: Agreement): Agreement {
  return { ...agreement, role: "consumer" };
}
