import type { Federation } from "../federate/federation.ts";
import { Pushes } from "../federate/pushes.ts";
import type { Rooms } from "./rooms.ts";

/** Follows the transfers whose streams this node brings to others itself. */
export function openPushes(rooms: Rooms, { transfers, peers }: Federation): void {
  const pushes = new Pushes({
    ...rooms,
    lookupOf: (did, endpoint) => peers.streamLookup(did, endpoint),
  });
  rooms.closing.add("the pushes", () => pushes.close());
  for (const transfer of transfers.desk.running()) pushes.told(transfer);
  transfers.listen((transfer) => pushes.told(transfer));
}
