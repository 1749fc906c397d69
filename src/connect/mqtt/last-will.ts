import type { Flow } from "../../flow/flow.ts";
import { Run } from "../../flow/run.ts";
import type { Will } from "../../wire/mqtt/decode.ts";

/** What is published for a client that has gone without a word (§3.1.2.5). */
export function publishWill(will: Will, publisher: string, flow: Flow): void {
  const { topic, payload, qos, retain, properties: all } = will;
  const { willDelaySeconds: _, ...properties } = all;
  flow.publish(Run.of(topic, payload, { qos, retain, publisher, properties }))?.catch(() => {
    // The store is gone and says so itself; there is nobody left to tell.
  });
}
