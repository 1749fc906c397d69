import type { Properties } from "../wire/mqtt/properties.ts";
import type { Flow } from "./flow.ts";
import type { Receiver } from "./subscription.ts";
import { Run } from "./run.ts";

export interface StreamMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

/** One message from inside this node or over HTTP; resolves when it is durable, where it is logged. */
export async function publishOne(
  flow: Flow,
  message: StreamMessage & {
    readonly qos: 0 | 1;
    readonly publisher: string;
    readonly contentType?: string;
    /** A log takes a number of a publisher's producer once. */
    readonly origin?: { readonly producer: string; readonly seq: number };
  },
): Promise<void> {
  const { topic, payload, qos, retain, publisher, contentType, origin } = message;
  const properties: Properties = {
    ...(contentType !== undefined && { contentType }),
    ...(origin !== undefined && {
      userProperties: [
        ["producer", origin.producer],
        ["seq", String(origin.seq)],
      ],
    }),
  };
  await flow.publish(Run.of(topic, payload, { qos, retain, publisher, properties }));
}

/** Single messages as they come, retained ones first; returns what ends it. */
export function subscribeMessages(
  flow: Flow,
  filter: string,
  onMessage: (message: StreamMessage) => void,
): () => void {
  const hand = (run: Run, retain: boolean): void =>
    run.walk((place) => {
      onMessage({
        topic: run.topic,
        payload: run.packets.subarray(place.payloadAt, place.end),
        retain,
      });
    });
  const receiver: Receiver = { receive: (run) => hand(run, false) };
  for (const run of flow.retained.matching(filter)) hand(run, true);
  return flow.router.subscribeAll([filter], receiver);
}
