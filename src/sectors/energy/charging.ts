import { problemOf } from "../../kernel/errors.ts";
import type { SectorDoor } from "../sector.ts";
import { chargerRoutes } from "./charger-routes.ts";
import { DemandResponse } from "./demand/demand-response.ts";
import { demandRoutes } from "./demand-routes.ts";
import { centralLimits, CentralSystem } from "./ocpp/central-system.ts";
import { IdTags } from "./ocpp/id-tags.ts";
import { Passwords } from "./ocpp/passwords.ts";
import { Limits } from "./ocpp/limits.ts";
import { Transactions } from "./ocpp/transactions.ts";

/** Opens the chargers' door, and what tells them to take less; returns what closes it. */
export async function openCharging(door: SectorDoor): Promise<() => Promise<void>> {
  const { documents } = door;
  const idTags = await IdTags.open(documents);
  const transactions = await Transactions.open(documents);
  const passwords = await Passwords.open(door);
  const owned = { idTags, transactions, passwords };
  const central = new CentralSystem(door, { ...owned, limits: centralLimits });
  const limits = await Limits.open(door, central);
  const rooms = { central, ...owned, limits, now: () => door.clock.now() };
  const demand = await DemandResponse.open(door, central, limits);
  door.api((scope, audited) => {
    chargerRoutes(scope, rooms, audited);
    demandRoutes(scope, demand, audited);
  });
  door.onUpgrade((request, socket, head) => central.take(request, socket, head));
  const end = door.onClosed((thing) => {
    central.withdraw(thing);
    const isGone = door.thing(thing) === undefined;
    const kept = isGone ? [passwords, limits, transactions] : [passwords];
    Promise.all(kept.map((one) => one.forget(thing))).catch((thrown: unknown) => {
      door.tell("ocpp", `What was kept of ${thing} is not forgotten: ${problemOf(thrown)}`);
    });
  });
  return async () => {
    end();
    await central.close();
    await demand.close();
    await limits.close();
  };
}
