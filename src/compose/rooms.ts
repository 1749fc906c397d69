/**
 * A node's rooms opened and wired to each other, in this order: what it has of its own
 * (`rooms.ts`), what it has with others (`trade.ts`), what the contracts tell the data plane
 * (`contracts-to-flow.ts`), and the sockets (`doors.ts`). Nothing here decides anything, and no
 * engine is named: they come in by argument.
 */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { createHttpServer } from "../api/server.ts";
import { type MqttLimits, mqttLimits } from "../connect/mqtt/limits.ts";
import { Flow } from "../flow/flow.ts";
import { HistoryKeeping } from "../flow/history/keeping.ts";
import { Marks } from "../flow/marks.ts";
import { Samples } from "../flow/samples.ts";
import { unprovenPeers } from "../federate/peer-identity.ts";
import type { Clock } from "../kernel/clock.ts";
import { Closing } from "../kernel/closing.ts";
import { neverCrash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import { Journal } from "../kernel/journal.ts";
import type { History } from "../ports/history.ts";
import type { NoteSigner } from "../ports/note-signer.ts";
import type { SearchIndex } from "../ports/search.ts";
import type { Store } from "../ports/store.ts";
import type { Signer } from "../ports/signer.ts";
import { Agreements } from "../market/agreements.ts";
import { Catalogue } from "../market/catalogue.ts";
import { Commissions } from "../market/commission/commissions.ts";
import { Recognitions } from "../market/commission/recognitions.ts";
import { Shares } from "../market/shares.ts";
import { ConsumerCounts } from "../meter/consumer-counts.ts";
import { Owed } from "../meter/owed.ts";
import { Meter } from "../meter/usage.ts";
import { Ledger } from "../settle/ledger.ts";
import { Budgets } from "../settle/budgets.ts";
import { SpendingLimits } from "../settle/spending-limits.ts";
import { AppKeys } from "../things/app-keys.ts";
import { AuditTrail } from "../things/audit.ts";
import { ConsoleSessions } from "../things/console-sessions.ts";
import { Things } from "../things/directory.ts";
import { Onboarding } from "../things/onboarding/onboarding.ts";
import { Paces } from "../things/pace.ts";
import { SlowDown } from "../things/slow-down.ts";
import { Users } from "../things/users.ts";
import { openDescribedThings } from "./described-things.ts";
import type { NodeOptions } from "./options.ts";

/** The node's engines, and what it takes from the world. */
export interface Outside {
  readonly store: Store;
  readonly signer: Signer;
  readonly noteSigner: NoteSigner;
  /** 32 bytes that are this node's alone and stay. */
  readonly secret: Uint8Array;
  readonly search: SearchIndex;
  readonly history: History;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly closing: Closing;
}

/** Where it is reached; filled in when its doors open. */
interface Urls {
  http: string;
  mqtt: string;
  /** The other ways in for MQTT clients. */
  transports: readonly string[];
}

export type Rooms = Awaited<ReturnType<typeof openRooms>>;

/** What this organisation has of its own: its store, its key, its things, contracts and counts. */
export async function openRooms(options: NodeOptions, outside: Outside) {
  const { crash = neverCrash } = options;
  const { store, signer, search, secret, clock, entropy, log, closing } = outside;
  const unproven = unprovenPeers(options.localPeers);
  if (unproven !== undefined) log.warn(unproven);
  let failure: ComityError | undefined;
  void store.failed.then((error) => {
    failure = error;
    log.fatal(error, "nothing can be kept any longer; start the node again");
  });
  const { users, adminToken } = await Users.open({
    store,
    clock,
    entropy,
    keepAdminToken: async (token) => writeSecret(join(options.data, "admin-token"), token),
  });
  const meter = await Meter.open({ store, clock, crash });
  closing.add("the meter", () => meter.close());
  const flow = await Flow.open(
    { store, clock, entropy, usage: meter, crash, secret },
    { retained: options.retained },
  );
  closing.add("the flow", () => flow.close());
  const history = new HistoryKeeping({
    ...{ store, history: outside.history },
    readLog: (name, after, bytesMax) => flow.readLog(name, after, bytesMax),
    onFailed: (error) => log.error(error, "history is not kept"),
  });
  closing.add("the history", () => history.close());
  const samples = new Samples(flow);
  closing.add("the samples", () => samples.close());
  const things = await Things.open({ store, clock, entropy });
  const keys = await AppKeys.open({ store, clock, entropy });
  const onboarding = await Onboarding.open({
    ...{ store, clock, entropy, things },
    onFailed: (error) => log.error(error, "what became of a claimed device is not kept"),
  });
  closing.add("onboarding", () => onboarding.close());
  /** Filled in when the sockets are bound. */
  const urls: Urls = { http: "", mqtt: "", transports: [] };
  const ground = { options, store, clock, entropy, closing, flow, things, urls };
  const described = openDescribedThings(ground);
  const app = createHttpServer({ logger: log });
  closing.add("HTTP", () => app.close());
  const agreements = await Agreements.open(store);
  const counts = await ConsumerCounts.open(store, clock);
  const owed = await Owed.open(store, clock, agreements.list());
  agreements.onPriceChanged((agreement) => {
    owed.take(agreement).catch((error: unknown) => log.error(error));
  });
  const catalogue = await Catalogue.open({ store, clock });
  const commissions = await Commissions.open({ store, signer, clock });
  const marks = new Marks({ flow, samples, commissions, everyMs: options.markEveryMs });
  closing.add("the marks", () => marks.close());
  const owned = { store, clock, entropy, users, agreements, counts, owed };
  const journal = new Journal();
  const spending = await SpendingLimits.open({
    ...{ store, clock, journal, agreements, counts, owed },
    onFailed: (error) => log.error(error, "limits on spending cannot be kept or looked at"),
  });
  closing.add("the spending limits", () => spending.close());
  const limits: MqttLimits = { ...mqttLimits, ...options.limits };
  return {
    ...{
      options,
      store,
      signer,
      noteSigner: outside.noteSigner,
      secret,
      search,
      clock,
      entropy,
      crash,
      log,
      closing,
    },
    ...{ users, adminToken, meter, flow, history, samples, app, catalogue, agreements, counts },
    failed: () => failure,
    ...{ journal, spending },
    sessions: new ConsoleSessions({ clock, entropy, users }),
    ...{ things, keys, onboarding, slow: new SlowDown(clock), urls, ...described },
    ...{ limits, paces: new Paces(limits, clock) },
    audit: await AuditTrail.open(store, clock),
    owed,
    budgets: await Budgets.open(owned),
    ledger: await Ledger.open(store),
    ...{ commissions, marks, recognitions: await Recognitions.open({ store, clock, commissions }) },
    shares: await Shares.open({ ...owned, signer, catalogue }),
  };
}

function writeSecret(path: string, secret: string): void {
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
}
