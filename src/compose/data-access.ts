import { DataAccess } from "../federate/data-access.ts";
import { DataAccessRequests } from "../federate/data-access-requests.ts";
import type { Federation } from "../federate/federation.ts";
import { Refusals } from "../market/refusals.ts";
import type { Rooms } from "./rooms.ts";

/** A user's right to the data of their Thing: given here, and asked for elsewhere. */
export async function openDataAccess(rooms: Rooms, { endings, peers }: Federation) {
  const { options, flow } = rooms;
  const refusals = await Refusals.open(rooms);
  const dataAccess = await DataAccess.open({
    ...{ ...rooms, refusals, endings, currency: options.currency },
    gatekeepers: options.gatekeepers ?? [],
    serve: (product) => flow.serve(product),
  });
  rooms.closing.add("the access to data", () => dataAccess.close());
  return { refusals, dataAccess, accessRequests: new DataAccessRequests(peers, refusals) };
}
