import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ComityError } from "../../src/kernel/errors.ts";
import type { Receiver } from "../../src/flow/subscription.ts";
import { until } from "../two-nodes.ts";
import {
  agreement,
  checkpoint,
  consumerOf,
  data,
  scriptedProvider,
  type Consumer,
} from "./scripted-provider.ts";

const kinds = ({ said }: Consumer): string[] => said().map(({ kind }) => kind);

/** One packet whose only property has an identifier that does not exist. */
function withUnknownProperty(): Buffer {
  const topic = Buffer.from("soil/a");
  const body = Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.from([2, 0x7f, 0])]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** A local client that reads properties, as a QoS 1 session does when it waits for it. */
function attentive(consumer: Consumer): string[] {
  const topics: string[] = [];
  const receiver: Receiver = {
    receive(run) {
      topics.push(run.topic);
      run.encodeFor(5, { flags: 2, nextId: () => 1 });
      run.waited(1);
    },
  };
  consumer.flow.router.subscribe({ filter: "#", receiver, qos: 1 });
  return topics;
}

for (const [what, packet] of [
  ["a property that does not exist", withUnknownProperty()],
  ["a topic alias", data("soil/a", "1", { topicAlias: 1 })],
  ["a subscription identifier", data("soil/a", "1", { subscriptionId: 1 })],
  ["a topic with a wildcard", data("soil/+", "1")],
  ["a topic that is too long", data(`soil/${"x".repeat(65_000)}`, "1")],
  ["a topic of another agreement", data("bus/a", "1")],
  ["QoS 1", Buffer.from([0x32, 11, 0, 6, ...Buffer.from("soil/a"), 0, 1, 0])],
] as const) {
  for (const delivery of ["logged", "live"] as const) {
    test(`${delivery} link - ${what} ends it before anything is acknowledged`, async (t) => {
      const provider = await scriptedProvider(t);
      const consumer = await consumerOf(t, provider.url);
      const topics = attentive(consumer);
      provider.onSubscribed = (send) =>
        send(data("soil/first", "1"), packet, data("soil/b", "1"), checkpoint(3, 3));
      consumer.links.start({ ...agreement, delivery });
      await until("it is said", () => kinds(consumer).includes("link.fault"));
      await sleep(300);
      assert.equal(kinds(consumer).filter((kind) => kind !== "link.up").length, 1);
      assert.equal(provider.greetings.length, 1, "it is not tried again at once");
      assert.deepEqual(provider.acknowledged, []);
      assert.equal(await consumer.counts.last(agreement.id), undefined);
      assert.deepEqual(topics, delivery === "live" ? ["from/provider/soil/soil/first"] : []);
      assert.equal(consumer.links.need(agreement.id).problem, "fault");
    });
  }
}

test("link - what is in order goes on, with its properties, and clears the problem", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url);
  const topics = attentive(consumer);
  let first = true;
  provider.onSubscribed = (send) => {
    if (first) send(data("bus/a", "1"));
    else send(data("soil/a", "1", { userProperties: [["k", "v"]] }), checkpoint(1, 1));
    first = false;
  };
  consumer.links.start(agreement);
  await until("the second try is acknowledged", () => provider.acknowledged.length === 1);
  assert.deepEqual(topics, ["from/provider/soil/soil/a"]);
  assert.equal(consumer.links.need(agreement.id).problem, undefined);
});

test("link - a subscriber here that fails ends the connection, never the process", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url);
  const receiver: Receiver = {
    receive() {
      throw new Error("a subscriber failed");
    },
  };
  consumer.flow.router.subscribe({ filter: "#", receiver, qos: 1 });
  provider.onSubscribed = (send) => send(data("soil/a", "1"), checkpoint(1, 1));
  consumer.links.start(agreement);
  await until("it is said", () => kinds(consumer).includes("link.failed"));
  assert.match(consumer.said().at(-1)!.text, /a subscriber failed/);
  assert.equal((await consumer.counts.last(agreement.id))?.messages, 1);
});

test("link - counts that disagree are said once, and tried again slowly", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url);
  provider.onSubscribed = (send) => send(data("soil/a", "1"), checkpoint(7, 1));
  consumer.links.start(agreement);
  await until("it is tried again", () => provider.greetings.length === 2);
  await sleep(500);
  assert.equal(kinds(consumer).filter((kind) => kind === "link.disagrees").length, 1);
  assert.equal(provider.greetings.length, 2);
});

test("link - messages at positions that were counted before are not counted again", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url);
  provider.onSubscribed = (send) =>
    send(data("soil/a", "1"), checkpoint(1, 1), data("soil/a", "1"), checkpoint(2, 2, 1));
  consumer.links.start(agreement);
  await until("it is said", () => kinds(consumer).includes("link.disagrees"));
  assert.match(consumer.said().at(-1)!.text, /1 messages from position 1 to 1/);
});

test("link - connections that bring nothing are tried again ever less often", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url);
  provider.onSubscribed = (send) => send(Buffer.from([0xe0, 0])); // DISCONNECT
  const startedAt = performance.now();
  consumer.links.start(agreement);
  // again at about 50, 150, 350 and 850 ms; with the pace starting anew the fifth is there at 200
  await until("it comes a fifth time", () => provider.greetings.length === 5);
  const took = performance.now() - startedAt;
  assert.ok(took > 400, `five connections in ${took} ms`);
});

test("link - a provider that sends no checkpoint fills no memory", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url, { uncommittedBytesMax: 10_000 });
  const packet = data("soil/a", "x".repeat(1000));
  provider.onSubscribed = (send) => send(...Array.from({ length: 20 }, () => packet));
  consumer.links.start(agreement);
  await until("it is said", () => kinds(consumer).includes("link.fault"));
  assert.match(consumer.said().at(-1)!.text, /without a checkpoint; at most 10000/);
});

test("link - a packet longer than this node takes is a fault, not a broken line", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url, { packetBytesMax: 500 });
  provider.onSubscribed = (send) => send(data("soil/a", "x".repeat(1000)));
  consumer.links.start(agreement);
  await until("it is said", () => kinds(consumer).includes("link.fault"));
  await sleep(300);
  assert.equal(provider.greetings.length, 1);
});

test("link - a refused token is renewed, once a minute; other refusals renew nothing", async (t) => {
  const provider = await scriptedProvider(t);
  let renewals = 0;
  let token = "old";
  const address = async () => ({ endpoint: provider.url, username: "the-user", token });
  const consumer = await consumerOf(t, provider.url, {
    addressOf: address,
    renew: async () => {
      renewals++;
      token = "new";
      return address();
    },
  });
  provider.connackCode = 0x88; // server unavailable
  consumer.links.start(agreement);
  await until("it tries on", () => provider.greetings.length === 3);
  assert.equal(renewals, 0);
  provider.connackCode = 0x86;
  await until("it is refused for good", () => kinds(consumer).includes("link.refused"));
  assert.equal(renewals, 1);
  assert.deepEqual(provider.greetings.at(-1), { username: "the-user", password: "new" });
});

test("links - the link stands at once and tries until the provider says where the stream is", async (t) => {
  const provider = await scriptedProvider(t);
  let asked = 0;
  const consumer = await consumerOf(t, provider.url, {
    addressOf: async () => {
      if (++asked > 2) return { endpoint: provider.url, username: "u", token: "t" };
      throw new ComityError("TRANSFER_ENDED", { peer: "p", agreement: "a", problem: "no answer" });
    },
  });
  await assert.rejects(consumer.links.ready(agreement), { code: "TRANSFER_ENDED" });
  assert.equal(consumer.links.need(agreement.id).problem, "waiting");
  await until("it is up", () => consumer.links.need(agreement.id).state === "up");
  assert.deepEqual(kinds(consumer), ["link.waiting", "link.up"]);
});

test("links - an agreement that ends while its address is awaited is not tried again", async (t) => {
  const provider = await scriptedProvider(t);
  const awaited = Promise.withResolvers<never>();
  let asked = 0;
  const consumer = await consumerOf(t, provider.url, {
    endedKeptMs: 200,
    addressOf: () => {
      asked++;
      return awaited.promise;
    },
  });
  consumer.links.start(agreement);
  await until("the address is asked for", () => asked === 1);
  awaited.reject(new ComityError("AGREEMENT_ENDED", { agreement: "a", reason: "revoked" }));
  await until("it has ended", () => consumer.links.need(agreement.id).state === "ended");
  consumer.links.end(agreement.id);
  await sleep(150);
  assert.equal(asked, 1);
  assert.equal(consumer.links.list().length, 1);
  assert.deepEqual(kinds(consumer), []);
  await until("it is forgotten", () => consumer.links.list().length === 0);
});

test("link - an address this node does not connect to is said, and nothing is sent there", async (t) => {
  const provider = await scriptedProvider(t);
  const consumer = await consumerOf(t, provider.url, {
    lookupOf: (_agreement, url) => {
      throw new ComityError("ADDRESS_FORBIDDEN", { url, problem: "it is private" });
    },
  });
  await assert.rejects(consumer.links.ready(agreement), { code: "ADDRESS_FORBIDDEN" });
  await sleep(300);
  assert.deepEqual(kinds(consumer), ["link.address"]);
  assert.deepEqual(provider.greetings, []);
});
