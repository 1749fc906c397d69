import { DataDoor } from "../connect/data/data-door.ts";
import type { Transfer } from "../market/transfer.ts";
import type { Sectors } from "../sectors/room.ts";
import { endedBecause, guestOf } from "./guests.ts";
import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";

/** What free agreements give over HTTP: who comes in by which transfer, and when it is cut. */
export function dataDoor(rooms: Rooms, trade: Trade, { outputs }: Sectors): DataDoor {
  const { flow, history, catalogue, slow } = rooms;
  const { transfers } = trade.federation;
  const door = new DataDoor({
    ...{ flow, history, slow },
    authenticate(agreement, token) {
      const guest = guestOf(rooms, trade, agreement, token);
      return guest?.transfer?.pid ?? guest?.did;
    },
    feedOf: (product, output) => outputs.composer(catalogue.get(product)?.sector ?? "", output),
    endedBecause: (agreement) => endedBecause(rooms, agreement),
  });
  const told = ({ role, state, format, pid, agreement }: Transfer): void => {
    if (role !== "provider") return;
    if (state !== "STARTED") door.cut(pid, `the transfer is ${state}`);
    else if (format === "HttpData-PULL") door.expect(agreement);
  };
  for (const transfer of transfers.desk.running()) told(transfer);
  transfers.listen(told);
  flow.grants.onEnded((agreement) => door.forget(agreement));
  return door;
}
