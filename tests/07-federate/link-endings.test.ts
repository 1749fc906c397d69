import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinksOptions } from "../../src/federate/links.ts";
import { linkTopic } from "../../src/wire/link/control.ts";
import { until } from "../two-nodes.ts";
import {
  agreement,
  checkpoint,
  type Consumer,
  consumerOf,
  control,
  data,
  scriptedProvider,
} from "./scripted-provider.ts";

/** How a link comes to leave while the first message is being stored. */
interface Ending {
  readonly what: string;
  /** Behind the first message and its checkpoint, in the same write. */
  readonly sent: readonly Buffer[];
  readonly options: (consumer: () => Consumer) => Partial<LinksOptions>;
}

const endings: readonly Ending[] = [
  {
    what: "its owner ends the agreement",
    sent: [],
    options: (consumer) => ({
      // Right behind the moment in which the commit begins; it takes a thread's answer to end.
      crash: (point) => {
        if (point === "link.received") queueMicrotask(() => consumer().links.end(agreement.id));
      },
    }),
  },
  {
    what: "the provider says that it is over",
    sent: [control({ t: "end", reason: "revoked" })],
    options: () => ({}),
  },
  {
    what: "no more can be afforded",
    sent: [data("soil/a", "2"), checkpoint(2, 2)],
    options: () => ({ affords: (_, { messages }) => (messages <= 1 ? "yes" : "never") }),
  },
];

for (const isShared of [false, true]) {
  const where = isShared ? "a shared connection" : "a connection of its own";
  for (const { what, sent, options } of endings) {
    test(`link - on ${where}, where ${what}, what is stored is acknowledged first`, async (t) => {
      const provider = await scriptedProvider(t);
      const address = { endpoint: provider.url, username: "u", token: "t", isShared };
      const consumer = await consumerOf(t, provider.url, {
        addressOf: async () => address,
        ...options(() => consumer),
      });
      provider.onSubscribed = (send) =>
        send(data(linkTopic(agreement.id), ""), data("soil/a", "1"), checkpoint(1, 1), ...sent);
      consumer.links.start(agreement);
      await until("it has left in good order", () => provider.farewells === 1);
      assert.deepEqual(provider.acknowledged, [
        { t: "ack", epoch: "e", position: 1, messages: 1, payloadBytes: 1 },
      ]);
      assert.equal((await consumer.counts.last(agreement.id))?.messages, 1);
      assert.equal(provider.greetings.length, 1);
    });
  }
}
