import type { Federation } from "../federate/federation.ts";
import { HttpFetches } from "../federate/http-fetches.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Rooms } from "./rooms.ts";

/**
 * Does a Comity node provide it, over the link? It signs, and says so in the agreement; every other
 * connector's data are fetched over HTTP.
 */
export function isLinked(agreement: Agreement): boolean {
  return (agreement.policy as { readonly comity?: unknown }).comity !== undefined;
}

/** What is bought from connectors that are no Comity nodes. */
export function openFetches(rooms: Rooms, federation: Federation): HttpFetches {
  const { agreements, closing, options } = rooms;
  const { transfers, peers, outbound, decisions } = federation;
  const fetches = new HttpFetches({
    ...rooms,
    outbound,
    peers,
    isWanted: (agreement) => !isLinked(agreement) && decisions.bought(agreement).do === "fetch",
    sourceOf: (agreement) => transfers.source(agreement),
    renew: (agreement) => transfers.consumer.renew(agreement, "HttpData-PULL"),
    ...(options.httpFetchEveryMs === undefined ? {} : { everyMs: options.httpFetchEveryMs }),
  });
  closing.add("what is fetched over HTTP", () => fetches.close());
  agreements.onMade((agreement) => fetches.start(agreement));
  agreements.onEnded(({ id }) => fetches.end(id));
  return fetches;
}
