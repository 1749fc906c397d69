import type { Properties } from "../wire/mqtt/properties.ts";
import type { Flow } from "./flow.ts";
import type { Receiver } from "./subscription.ts";
import { Run } from "./run.ts";

/** One message as it is handed to who follows. */
export interface MessageSeen {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

/** What became of one message. */
export interface Published {
  /** Its log had its number already. */
  readonly isRepeat: boolean;
}

/** One message from inside this node or over HTTP; resolves when it is durable, where it is logged. */
export async function publishOne(
  flow: Flow,
  message: MessageSeen & {
    readonly qos: 0 | 1;
    readonly publisher: string;
    readonly contentType?: string;
    /** A log takes a number of a publisher's producer once. */
    readonly origin?: { readonly producer: string; readonly seq: number };
  },
): Promise<Published> {
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
  const run = Run.of(topic, payload, { qos, retain, publisher, properties });
  await flow.publish(run);
  return { isRepeat: run.repeats > 0 };
}

/** Single messages as they come, retained ones first; returns what ends it. */
export function subscribeMessages(
  flow: Flow,
  filter: string,
  onMessage: (message: MessageSeen) => void,
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
