import { readFile, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { publishOne, subscribeMessages } from "../flow/local-streams.ts";
import { readMessages } from "../flow/log-reader.ts";
import { ComityError } from "../kernel/errors.ts";
import { matches, overlaps } from "../kernel/topic.ts";
import { logOfProduct } from "../market/grant.ts";
import { sectors as allSectors } from "../sectors/list.ts";
import { Sectors } from "../sectors/room.ts";
import type { FollowedMessage, Sector, SectorDoor } from "../sectors/sector.ts";
import type { Fetched, FetchOptions } from "../sectors/source-run.ts";
import { nameOfPrincipal } from "../things/access.ts";
import { principalOfCredentials } from "../things/credentials.ts";
import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";

/** How much of a log's end a feed begins with. */
const tailMessagesMax = 20_000;

/** The sectors' room, with what it takes from the others; its sources and indicators wait. */
export async function openSectors(
  rooms: Rooms,
  trade: Trade,
  list: readonly Sector[] = allSectors,
): Promise<Sectors> {
  const { store, clock, journal, flow, closing } = rooms;
  const subscribe = (filter: string, onMessage: (message: FollowedMessage) => void) =>
    subscribeMessages(flow, filter, onMessage);
  const sectors = await Sectors.open({
    ...{ sectors: list, store, clock, journal, subscribe },
    fetch: (url, ask) => fetchFeed(rooms, trade, url, ask),
    readFile: readChanged,
    publish: (message) => publishOne(flow, { ...message, qos: 1, retain: false }),
    publishFigure: (topic, payload, publisher) =>
      publishOne(flow, { topic, payload, publisher, qos: 1, retain: true }),
    readTail: (filter, onMessage) => readTail(rooms, filter, onMessage),
  });
  closing.add("the sectors", () => sectors.close());
  for (const sector of list) {
    const close = await sector.open?.(doorOf(rooms, sector));
    if (close !== undefined) closing.add(`the sector ${sector.name}`, close);
  }
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

function doorOf(rooms: Rooms, { name }: Sector): SectorDoor {
  const { app, clock, flow, journal, store } = rooms;
  const kind = `sector-${name}`;
  const under = `/sectors/${name}/`;
  return {
    clock,
    publish: ({ as, retain = false, ...message }) =>
      publishOne(flow, { ...message, retain, qos: 1, publisher: nameOfPrincipal(as) }),
    subscribe: (filter, onMessage) => subscribeMessages(flow, filter, onMessage),
    authenticate: (user, password) => principalOfCredentials(user, password, rooms),
    documents: {
      get: (id) => store.get(kind, id),
      list: () => store.list(kind),
      put: (id, doc) => store.commit([{ op: "put", kind, id, doc }]),
      remove: (id) => store.commit([{ op: "remove", kind, id }]),
    },
    async routes(register) {
      await app.register(async (scope) => register(scope), { prefix: under.slice(0, -1) });
    },
    onUpgrade(take) {
      app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url?.startsWith(under) === true) take(request, socket, head);
      });
    },
    tell: (about, text) => journal.record({ at: clock.now(), kind: about, text }),
  };
}
