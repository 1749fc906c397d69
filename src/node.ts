/**
 * One node, put together: the only file that names an engine; what is done with them stands in
 * `compose/`. No globals, so that many nodes run in one process. What comes in: options and the
 * outside (clock, randomness). What goes out: a running node with its addresses.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import pino, { type Logger } from "pino";
import { signInPath } from "./api/session-routes.ts";
import {
  contractsToDataPlane,
  dataPlaneToContracts,
  keepLogs,
} from "./compose/contracts-to-flow.ts";
import { openDoors } from "./compose/doors.ts";
import { startErasures } from "./compose/erasures.ts";
import type { NodeOptions, RunningNode } from "./compose/options.ts";
import { openMarks } from "./compose/marks.ts";
import { openRooms, type Outside, type Rooms } from "./compose/rooms.ts";
import { openSectors } from "./compose/sectors.ts";
import { openTrade } from "./compose/trade.ts";
import { openEmbeddedHistory } from "./engines/embedded/history.ts";
import { openEmbeddedSecret } from "./engines/embedded/secret.ts";
import { openEmbeddedSearch } from "./engines/embedded/search.ts";
import { openNoteSigner } from "./engines/embedded/note-signer.ts";
import { openEmbeddedSigner } from "./engines/embedded/signer.ts";
import { openEmbeddedStore } from "./engines/embedded/store.ts";
import { assertAnnounceable } from "./federate/announced-address.ts";
import { systemClock } from "./kernel/clock.ts";
import { Closing } from "./kernel/closing.ts";
import { ComityError, problemOf } from "./kernel/errors.ts";
import { systemEntropy } from "./kernel/id.ts";

export type { NodeOptions, RunningNode } from "./compose/options.ts";

/** Throws CONFIG_INVALID, PORT_BUSY, DATA_LOCKED, DATA_NEWER or STORE_FAILED; then nothing runs. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  assertAnnounceable(options);
  const { name: node, logLevel: level = "warn" } = options;
  const log = pino({ level, base: { node } }, pino.destination(2));
  const closing = new Closing((name, err) => log.error({ err }, `${name} did not close well`));
  try {
    const rooms = await openRooms(options, await openEngines(options, log, closing));
    const trade = await openTrade(rooms);
    await contractsToDataPlane(rooms, trade);
    await trade.receipts.load();
    await openMarks(rooms, trade);
    const sectors = await openSectors(rooms, trade);
    await openDoors(rooms, trade, sectors);
    await trade.federation.resume();
    dataPlaneToContracts(rooms, trade);
    await trade.access.dataAccess.settle();
    for (const agreement of rooms.agreements.list()) {
      trade.links.start(agreement);
      trade.fetches.start(agreement);
    }
    startErasures(rooms, trade);
    trade.receipts.start();
    await trade.settlement.start();
    trade.traffic.start();
    sectors.start();
    rooms.history.start();
    keepLogs(rooms);
    return runningNode(rooms);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** The embedded ones: SQLite in a thread of its own, and keys in files. */
async function openEngines(options: NodeOptions, log: Logger, closing: Closing): Promise<Outside> {
  const { data, clock = systemClock, entropy = systemEntropy } = options;
  makeFolder(data);
  const store = await openEmbeddedStore({ path: join(data, "comity.db") });
  closing.add("the store", () => store.close());
  const did = options.did ?? didOf(options);
  const signer = await openEmbeddedSigner({ dir: data, did, clock, entropy });
  const secret = await openEmbeddedSecret(data, entropy);
  const search = await openEmbeddedSearch({ path: join(data, "search.db") });
  closing.add("the search", () => search.close());
  const history = await openEmbeddedHistory({ path: join(data, "history.db") });
  closing.add("the history's file", () => history.close());
  const noteSigner = await openNoteSigner({ dir: data, entropy });
  return { store, signer, noteSigner, search, history, secret, clock, entropy, log, closing };
}

function runningNode(rooms: Rooms): RunningNode {
  const { options, signer, urls, adminToken, store, closing, sessions, users } = rooms;
  return {
    name: options.name,
    did: signer.did,
    httpUrl: urls.http,
    mqttUrl: urls.mqtt,
    transportUrls: urls.transports,
    ...(adminToken === undefined ? {} : { adminToken }),
    signInLink() {
      const owner = users.list().find(({ role }) => role === "owner");
      if (!owner) throw new Error("a node keeps at least one owner");
      return new URL(signInPath(sessions.invite(owner).code), urls.http).href;
    },
    failed: store.failed,
    close: () => closing.close(),
  };
}

/** `did:web` of the public address; on one machine the port tells nodes apart. */
function didOf(options: NodeOptions): string {
  if (options.publicUrl !== undefined) {
    return `did:web:${encodeURIComponent(new URL(options.publicUrl).host)}`;
  }
  return `did:web:localhost%3A${options.http.port === 0 ? options.name : options.http.port}`;
}

function makeFolder(path: string): void {
  try {
    makeLevels(resolve(path));
  } catch (error) {
    const problem = `--data ${path} cannot be the node's folder: ${problemOf(error)}`;
    throw new ComityError("CONFIG_INVALID", { problem });
  }
}

/** Level by level: where a file system takes no folders (`/proc`), `recursive` never returns. */
function makeLevels(path: string): void {
  if (existsSync(path)) return;
  makeLevels(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
