import type { Grant } from "../market/grant.ts";
import type { Flow } from "./flow.ts";
import type { MessageSeen } from "./local-streams.ts";
import type { Receiver } from "./subscription.ts";
import type { Run } from "./run.ts";

/**
 * What an agreement would let through, for somebody who is still deciding: the last values first,
 * then as they come. No agreement stands behind it, so nothing is counted and no cap is used; the
 * caller takes few and ends it.
 */
export function previewMessages(
  flow: Flow,
  grant: Grant,
  onMessage: (message: MessageSeen) => void,
): () => void {
  const passage = flow.grants.preview(grant);
  const hand = (run: Run, retain: boolean): void => {
    const seen = passage.pass(run, flow.outside.clock.now()).run;
    seen?.walk((place) => {
      const payload = seen.packets.subarray(place.payloadAt, place.end);
      onMessage({ topic: run.topic, payload, retain });
    });
  };
  const receiver: Receiver = { receive: (run) => hand(run, false) };
  for (const filter of grant.filters) {
    for (const run of flow.retained.matching(filter)) hand(run, true);
  }
  return flow.router.subscribeAll(grant.filters, receiver);
}
