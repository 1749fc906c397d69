import { publishOne, subscribeMessages } from "../flow/local-streams.ts";
import { refuseUpgrade } from "../kernel/refuse-upgrade.ts";
import { type TakeUpgrade, takeUpgrades } from "../kernel/upgrade-paths.ts";
import type { Sector, SectorApi, SectorDoor } from "../sectors/sector.ts";
import { nameOfPrincipal } from "../things/access.ts";
import { principalOfCredentials } from "../things/credentials.ts";
import type { Rooms } from "./rooms.ts";

type DoorRooms = Pick<
  Rooms,
  | "app"
  | "clock"
  | "closing"
  | "entropy"
  | "flow"
  | "journal"
  | "keys"
  | "slow"
  | "store"
  | "things"
  | "users"
>;

/** Opens the doors that sectors have of their own, under `/sectors/<name>/`. */
export async function openSectorDoors(
  rooms: DoorRooms,
  sectors: readonly Sector[],
  /** Filled, by sector: the API's own scope takes them in. */
  apis: Map<string, SectorApi>,
): Promise<void> {
  const takers = new Map<string, TakeUpgrade>();
  for (const sector of sectors) {
    const close = await sector.open?.(doorOf(rooms, sector, takers, apis));
    if (close !== undefined) rooms.closing.add(`the sector ${sector.name}`, close);
  }
  if (takers.size === 0) return;
  takeUpgrades(rooms.app.server, "sectors", (request, socket, head) => {
    const [, , name = ""] = (request.url ?? "").split("/");
    const take = takers.get(name);
    if (take === undefined) refuseUpgrade(socket, 404);
    else take(request, socket, head);
  });
}

function doorOf(
  rooms: DoorRooms,
  { name }: Sector,
  takers: Map<string, TakeUpgrade>,
  apis: Map<string, SectorApi>,
): SectorDoor {
  const { app, clock, entropy, flow, journal, slow, store, things } = rooms;
  const kind = `sector-${name}`;
  return {
    ...{ clock, entropy },
    async publish({ as, retain = false, ...message }) {
      await publishOne(flow, { ...message, retain, qos: 1, publisher: nameOfPrincipal(as) });
      if (as.kind === "thing") things.noteSeen(as.id, message.topic, message.payload);
    },
    subscribe: (filter, onMessage) => subscribeMessages(flow, filter, onMessage),
    authenticate: (user, password) => principalOfCredentials(user, password, rooms),
    slowDown: (address, user) => slow.wait(address, user),
    thing(id) {
      const thing = things.get(id);
      if (thing === undefined) return undefined;
      const { urn, publish, subscribe: sees } = thing;
      return { urn, principal: { kind: "thing", id, publish, subscribe: sees } };
    },
    onClosed: (listener) => things.onClosed(listener),
    documents: {
      get: (id) => store.get(kind, id),
      list: () => store.list(kind),
      put: (id, doc) => store.commit([{ op: "put", kind, id, doc }]),
      remove: (id) => store.commit([{ op: "remove", kind, id }]),
    },
    async routes(register) {
      await app.register(async (scope) => register(scope), { prefix: `/sectors/${name}` });
    },
    api: (register) => void apis.set(name, register),
    onUpgrade: (take) => void takers.set(name, take),
    tell: (about, text) => journal.record({ at: clock.now(), kind: about, text }),
  };
}
