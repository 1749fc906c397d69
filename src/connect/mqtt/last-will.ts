import type { Flow } from "../../flow/flow.ts";
import { Run } from "../../flow/run.ts";
import type { Will } from "../../wire/mqtt/decode.ts";

/** What is to be published for a client that has gone without a word. */
export interface LastWill {
  readonly delaySeconds: number;
  readonly publish: () => void;
}

export function lastWill(will: Will, publisher: string, flow: Flow): LastWill {
  const { topic, payload, qos, retain, properties: all } = will;
  const { willDelaySeconds = 0, ...properties } = all;
  const publish = (): void => {
    const run = Run.of(topic, payload, { qos, retain, publisher, properties });
    flow.publish(run)?.catch(() => {
      // The store is gone and says so itself; there is nobody left to tell.
    });
  };
  return { delaySeconds: willDelaySeconds, publish };
}
