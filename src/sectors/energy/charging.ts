import type { SectorDoor } from "../sector.ts";
import { chargerRoutes } from "./charger-routes.ts";
import { DemandResponse } from "./demand/demand-response.ts";
import { demandRoutes } from "./demand-routes.ts";
import { centralLimits, CentralSystem } from "./ocpp/central-system.ts";
import { IdTags } from "./ocpp/id-tags.ts";
import { Limits } from "./ocpp/limits.ts";
import { Transactions } from "./ocpp/transactions.ts";

/** Opens the chargers' door, and what tells them to take less; returns what closes it. */
export async function openCharging(door: SectorDoor): Promise<() => Promise<void>> {
  const { documents } = door;
  const idTags = await IdTags.open(documents);
  const transactions = await Transactions.open(documents);
  const central = new CentralSystem(door, { idTags, transactions, limits: centralLimits });
  const limits = await Limits.open(door, central);
  const rooms = { central, idTags, transactions, limits, now: () => door.clock.now() };
  const demand = await DemandResponse.open(door, central, limits);
  door.api((scope, audited) => {
    chargerRoutes(scope, rooms, audited);
    demandRoutes(scope, demand, audited);
  });
  door.onUpgrade((request, socket, head) => central.take(request, socket, head));
  const end = door.onClosed((thing) => central.withdraw(thing));
  return async () => {
    end();
    await central.close();
    await demand.close();
    await limits.close();
  };
}
