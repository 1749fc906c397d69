import type { MessageToPublish, StreamsApi } from "../../src/api/streams-api.ts";
import type { MessageSeen } from "../../src/flow/local-streams.ts";
import { payloadText } from "../../src/flow/payload-text.ts";
import { matches } from "../../src/kernel/topic.ts";

interface SmallState {
  readonly published: MessageToPublish[];
  readonly subscribers: Set<{ filter: string; onMessage: (message: MessageSeen) => void }>;
}

/** Streams of a node that has no data plane: nothing is logged. */
export function smallStreams({ published, subscribers }: SmallState): StreamsApi {
  const subscribe = (filter: string, onMessage: (message: MessageSeen) => void): (() => void) => {
    const subscriber = { filter, onMessage };
    subscribers.add(subscriber);
    return () => subscribers.delete(subscriber);
  };
  return {
    async publish(_principal, message) {
      published.push(message);
      for (const { filter, onMessage } of subscribers) {
        if (matches(filter, message.topic)) onMessage(message);
      }
      return { isRepeat: false };
    },
    subscribe: (_principal, filter, onMessage) => subscribe(filter, onMessage),
    followFrom: async (filters) => ({ filters, places: [], isResumed: false, isLive: true }),
    follow({ filters: [filter = "#"] }, open) {
      const line = open(() => {});
      const close = subscribe(filter, ({ topic, payload }) => {
        line.send({ data: JSON.stringify({ topic, ...payloadText(payload) }) });
      });
      return { beat: () => line.beat(), end: (why) => line.end(why), close };
    },
  };
}
