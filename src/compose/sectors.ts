import { readFile, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { publishOne, subscribeMessages } from "../flow/local-streams.ts";
import { readMessages } from "../flow/log-reader.ts";
import { pseudonymsOf } from "../flow/pseudonyms.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { matches, overlaps } from "../kernel/topic.ts";
import { logOfProduct } from "../market/grant.ts";
import { sectors as list } from "../sectors/list.ts";
import { Sectors } from "../sectors/room.ts";
import type { FollowedMessage } from "../sectors/sector.ts";
import type { Fetched, FetchOptions } from "../sectors/source-run.ts";
import type { Rooms } from "./rooms.ts";
import { openSectorDoors } from "./sector-door.ts";
import { describeSourceThings } from "./source-things.ts";
import type { Trade } from "./trade.ts";

/** A receiver that says nothing for so long is lost. */
const quietMs = 300_000;
/** How much of a log's end a feed begins with. */
const tailMessagesMax = 20_000;

/** The sectors' room, with what it takes from the others; its sources and indicators wait. */
export async function openSectors(rooms: Rooms, trade: Trade): Promise<Sectors> {
  const { store, clock, journal, flow, closing, secret } = rooms;
  const subscribe = (filter: string, onMessage: (message: FollowedMessage) => void) =>
    subscribeMessages(flow, filter, onMessage);
  const sectors = await Sectors.open({
    ...{ sectors: list, store, clock, journal, subscribe },
    fetch: (url, ask) => fetchFeed(rooms, trade, url, ask),
    readFile: readChanged,
    pseudonyms: (topic) => pseudonymsOf(secret, `topic ${topic}`),
    connect: (address, onBytes, onEnd) => connectTo(rooms, address, onBytes, onEnd),
    publish: async (message) => {
      await publishOne(flow, message);
    },
    describe: describeSourceThings(rooms),
    publishFigure: async (topic, payload, publisher) => {
      await publishOne(flow, { topic, payload, publisher, qos: 1, retain: true });
    },
    readTail: (filter, onMessage) => readTail(rooms, filter, onMessage),
  });
  closing.add("the sectors", () => sectors.close());
  await openSectorDoors(rooms, list, sectors.apis);
  return sectors;
}

/** Public HTTPS alone, or an origin that the node's options name. */
async function fetchFeed(
  { options }: Rooms,
  { federation }: Trade,
  url: string,
  { accept, bytesMax, tag }: FetchOptions,
): Promise<Fetched> {
  const { origin } = new URL(url);
  const answer = await federation.outbound.call({
    method: "GET",
    url,
    headers: { accept, ...(tag !== undefined && { "if-none-match": tag }) },
    bytesMax,
    timeoutMs: 20_000,
    trustedOrigin: options.localSources?.includes(origin) === true ? origin : undefined,
  });
  if (answer.status === 304) return undefined;
  if (answer.status !== 200) {
    const problem = `it answers ${answer.status}`;
    throw new ComityError("PEER_UNREACHABLE", { peer: origin, problem });
  }
  const bytes = answer.bytes ?? Buffer.from(answer.body);
  return { bytes, ...(answer.etag !== undefined && { tag: answer.etag }) };
}

/** Whoever listens there is told nothing and proves nothing: only what the options name. */
function connectTo(
  { options }: Rooms,
  address: string,
  onBytes: (bytes: Uint8Array) => void,
  onEnd: (problem: string) => void,
): () => void {
  const url = `tcp://${address}`;
  if (options.localSources?.includes(url) !== true) {
    const problem = "over TCP only what --local-source names is called";
    throw new ComityError("ADDRESS_FORBIDDEN", { url, problem });
  }
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
  let problem = "it closed the connection";
  socket.on("data", onBytes);
  socket.on("error", (error) => (problem = problemOf(error)));
  socket.once("close", () => onEnd(problem));
  socket.setTimeout(quietMs, () => socket.destroy(new Error("nothing came for five minutes")));
  return () => socket.destroy();
}

async function readChanged(path: string, { bytesMax, tag }: FetchOptions): Promise<Fetched> {
  const { size, mtimeMs } = await stat(path);
  if (size > bytesMax) throw new ComityError("PAYLOAD_TOO_LARGE", { bytes: size, max: bytesMax });
  const now = `${mtimeMs} ${size}`;
  return now === tag ? undefined : { bytes: await readFile(path), tag: now };
}

/** From the logs whose topics the filter meets; those of peers' streams stand under their name. */
async function readTail(
  { store, catalogue }: Rooms,
  filter: string,
  onMessage: (message: FollowedMessage) => void,
): Promise<void> {
  const own = catalogue
    .list()
    .filter(({ topics }) => topics.some((topic) => overlaps(topic, filter)))
    .map(({ id }) => logOfProduct(id));
  for (const { log, end } of await store.logs()) {
    const prefix = log.startsWith("from/") ? `${log}/` : "";
    const isMet = prefix === "" ? own.includes(log) : overlaps(`${log}/#`, filter);
    if (!isMet) continue;
    const after = Math.max(0, end - tailMessagesMax);
    for await (const { topic, payload } of readMessages(store, log, after, tailMessagesMax)) {
      const whole = `${prefix}${topic}`;
      if (matches(filter, whole)) onMessage({ topic: whole, payload });
    }
  }
}
