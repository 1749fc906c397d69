import assert from "node:assert/strict";
import { test } from "node:test";
import { QueueBudget } from "../../flow/queue-budget.ts";
import { Outbox } from "../../flow/outbox.ts";
import { Router } from "../../flow/router.ts";
import { layout5, Run } from "../../flow/run.ts";
import { PacketStream, type ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import type { ProtocolVersion } from "../../wire/mqtt/protocol.ts";
import { propertiesAt, walkPublishes } from "../../wire/mqtt/publish.ts";
import type { Attachment } from "./attachment.ts";
import { Session } from "./session.ts";

interface Got {
  readonly text: string;
  readonly id: number | undefined;
  readonly first: number;
  readonly expiry?: number | undefined;
}

/** The client's end: what reached its socket, as packets. */
class Client {
  readonly got: Got[] = [];
  readonly attachment: Attachment;
  readonly #stream: PacketStream;
  readonly #outbox: Outbox;

  constructor(version: ProtocolVersion = 4, limits: Partial<Attachment> = {}) {
    this.#stream = new PacketStream({ onRun: (run) => this.#onRun(run), onPacket() {} }, 1 << 20);
    this.#stream.version = version;
    const write = (bytes: Buffer): boolean => {
      this.#stream.push(bytes);
      return true;
    };
    this.#outbox = new Outbox({ write }, { queueBytesMax: 1 << 24, onDropped() {} });
    const outbox = this.#outbox;
    this.attachment = {
      outbox,
      version,
      receiveMaximum: 65_535,
      packetBytesMax: Infinity,
      ...limits,
    };
  }

  get texts(): string[] {
    this.#outbox.flush();
    return this.got.map(({ text }) => text);
  }

  take(): Got[] {
    this.#outbox.flush();
    return this.got.splice(0);
  }

  #onRun(run: ScannedRun): void {
    const { version } = this.attachment;
    walkPublishes(run.packets, { version, withIds: run.ids.length > 0 }, (place, i) => {
      this.got.push({
        text: run.packets.toString("utf8", place.payloadAt, place.end),
        id: run.ids[i],
        first: run.first,
        ...(version === 5 ? { expiry: propertiesAt(run.packets, place).messageExpirySeconds } : {}),
      });
    });
  }
}

const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };

function ground(queueBytesMax = 1 << 20) {
  const router = new Router(() => []);
  const counts = { dropped: 0 };
  const onDropped = (messages: number): void => {
    counts.dropped += messages;
  };
  const session = new Session("key", { kind: "anonymous" }, router, {
    clock,
    budget: new QueueBudget({ queueBytesMax }),
    onDropped,
  });
  const publish = (run: Run): void => {
    for (const one of router.route(run.topic).subscriptions) one.receiver.receive(run, one);
  };
  return { session, publish, counts, router };
}

const budget = new QueueBudget({ queueBytesMax: 1 << 20 });
const options = { clock, budget, onDropped() {} };

/** Two sessions that share a filter. */
function sharing() {
  const { session: going, router, publish } = ground();
  const staying = new Session("other", { kind: "anonymous" }, router, options);
  going.subscribe({ ...plain, filter: "$share/s/t", qos: 1 }, undefined);
  return { going, staying, publish };
}

const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

function message(text: string, qos: 0 | 1 = 1, expiry?: number): Run {
  const properties = expiry === undefined ? {} : { messageExpirySeconds: expiry };
  return Run.of("t", Buffer.from(text), { qos, properties });
}

function many(from: number, to: number): Run {
  const packets: Buffer[] = [];
  for (let i = from; i <= to; i++) packets.push(message(String(i)).packets);
  return message("").with(packets, layout5, packets.length);
}

test("session - QoS 1 waits while its client is away, QoS 0 does not", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  publish(message("1"));
  publish(message("lost", 0));
  publish(many(2, 4));
  const client = new Client();
  session.attach(client.attachment);
  publish(message("5"));
  assert.deepEqual(client.texts, ["1", "2", "3", "4", "5"]);
});

test("session - never more unacknowledged than the client's receive maximum, in order", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  const client = new Client(5, { receiveMaximum: 3 });
  session.attach(client.attachment);
  publish(many(1, 10));
  const seen: string[] = [];
  for (;;) {
    const got = client.take();
    if (got.length === 0) break;
    assert.ok(got.length <= 3);
    for (const { text, id } of got) {
      seen.push(text);
      session.outgoing.acknowledge(id!);
    }
  }
  assert.deepEqual(seen, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
});

test("session - what was not acknowledged comes again with DUP, before what waited", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  const first = new Client();
  session.attach(first.attachment);
  publish(many(1, 3));
  session.outgoing.acknowledge(first.take()[0]!.id!);
  session.detach();
  publish(message("4"));
  const second = new Client();
  session.attach(second.attachment);
  const got = second.take();
  assert.deepEqual(
    got.map(({ text, first, id }) => [text, (first & 8) !== 0, id]),
    [
      ["2", true, 2],
      ["3", true, 3],
      ["4", false, 4],
    ],
  );
});

test("session - also what is sent again keeps to a smaller receive maximum", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  session.attach(new Client(5).attachment);
  publish(many(1, 5));
  session.detach();
  const client = new Client(5, { receiveMaximum: 2 });
  session.attach(client.attachment);
  publish(message("6"));
  const seen: string[] = [];
  for (let got = client.take(); got.length > 0; got = client.take()) {
    assert.ok(got.length <= 2);
    for (const { text, id } of got) {
      seen.push(text);
      session.outgoing.acknowledge(id!);
    }
  }
  assert.deepEqual(seen, ["1", "2", "3", "4", "5", "6"]);
});

test("session - a client that comes back with the other version misses nothing", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  session.attach(new Client(4).attachment);
  publish(many(1, 2));
  session.detach();
  publish(message("3"));
  const client = new Client(5);
  session.attach(client.attachment);
  assert.deepEqual(client.texts, ["1", "2", "3"]);
});

test("session - waiting is bounded in bytes; what does not fit is counted as dropped", () => {
  const { session, publish, counts } = ground(10_000);
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  publish(many(1, 1000));
  const client = new Client();
  session.attach(client.attachment);
  const { length } = client.texts;
  assert.ok(length > 10 && length < 100, `${length}`);
  assert.equal(counts.dropped, 1000 - length);
  assert.equal(client.texts[0], "1", "the oldest are kept");
});

test("session - a client that reads and never acknowledges takes no more than the bound", () => {
  const { session, publish, counts } = ground(100_000);
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  const client = new Client();
  session.attach(client.attachment);
  const big = "x".repeat(10_000);
  for (let i = 0; i < 100; i++) publish(message(big));
  assert.ok(client.texts.length <= 10);
  assert.ok(counts.dropped >= 80);
});

test("session - a packet larger than the client takes is left out, to the byte", () => {
  const { session, publish, counts } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, 7);
  // Fixed header 2, topic 3, packet identifier 2, properties 1 + 2.
  const client = new Client(5, { packetBytesMax: 10 + 50 });
  session.attach(client.attachment);
  publish(message("a".repeat(50)));
  publish(message("b".repeat(51)));
  publish(many(1, 2));
  assert.deepEqual(client.texts, ["a".repeat(50), "1", "2"]);
  assert.equal(counts.dropped, 1);
});

test("session - what expires while it waits does not come, what is left says how long", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  publish(message("short", 1, 5));
  publish(message("long", 1, 60));
  publish(message("for ever"));
  clock.at += 10_000;
  const client = new Client(5);
  session.attach(client.attachment);
  const got = client.take().map(({ text, expiry }) => [text, expiry]);
  assert.deepEqual(got, [
    ["long", 50],
    ["for ever", undefined],
  ]);
});

test("session - [MQTT-3.3.2-6] what is sent again says what is left of its expiry, and comes though that be nothing", () => {
  const { session, publish } = ground();
  session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined);
  session.attach(new Client(5).attachment);
  publish(message("short", 1, 5));
  publish(message("for ever"));
  publish(message("long", 1, 60));
  for (const left of [57, 50]) {
    session.detach();
    clock.at += left === 57 ? 3000 : 7000;
    const client = new Client(5);
    session.attach(client.attachment);
    const got = client.take().map(({ text, expiry, id }) => [text, expiry, id]);
    assert.deepEqual(got, [
      ["short", Math.max(0, left - 55), 1],
      ["for ever", undefined, 2],
      ["long", left, 3],
    ]);
  }
});

test("session - retained messages keep to the receive maximum and have their flag", () => {
  const { session } = ground();
  const client = new Client(5, { receiveMaximum: 1 });
  session.attach(client.attachment);
  const { subscription } = session.subscribe({ ...plain, filter: "#", qos: 1 }, undefined);
  for (const text of ["1", "2"]) session.receiveRetained(message(text), subscription);
  const [first, ...more] = client.take();
  assert.deepEqual(more, []);
  assert.equal(first!.first & 1, 1);
  session.outgoing.acknowledge(first!.id!);
  assert.deepEqual(
    client.take().map(({ text, first }) => [text, first & 1]),
    [["2", 1]],
  );
});

test("session - subscribing again replaces, and an ended session is out of the router", () => {
  const { session, router, publish } = ground();
  assert.equal(session.subscribe({ ...plain, filter: "t", qos: 1 }, undefined).isNew, true);
  assert.equal(session.subscribe({ ...plain, filter: "t", qos: 0 }, undefined).isNew, false);
  assert.equal(router.size, 1);
  const client = new Client();
  session.attach(client.attachment);
  publish(message("1"));
  assert.equal(client.take()[0]?.id, undefined, "now QoS 0");
  assert.equal(session.unsubscribe("x"), false);
  session.end();
  assert.equal(router.size, 0);
});

test("session - who comes back with fewer rights finds neither the subscription nor what waited", () => {
  const { session, publish } = ground();
  session.resumeAs({ kind: "user", id: "ada", role: "viewer" });
  for (const filter of ["open/#", "secret/#"]) {
    session.subscribe(
      { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      undefined,
    );
  }
  publish(Run.of("secret/1", Buffer.from("secret"), { qos: 1 }));
  publish(Run.of("open/1", Buffer.from("open"), { qos: 1 }));
  session.resumeAs({ kind: "thing", id: "bus", publish: [], subscribe: ["open/#"] });
  const client = new Client();
  session.attach(client.attachment);
  publish(Run.of("secret/2", Buffer.from("secret"), { qos: 1 }));
  assert.deepEqual(client.texts, ["open"]);
  assert.deepEqual([...session.subscriptions.keys()], ["open/#"]);
});

for (const how of ["sent", "waiting"] as const) {
  test(`session - what a share hands on of what was ${how} has lived as long as it has lived`, () => {
    clock.at = 0;
    const { going, staying, publish } = sharing();
    if (how === "sent") going.attach(new Client(5).attachment);
    publish(message("a", 1, 10));
    publish(message("b", 1, 4));
    publish(message("c"));
    staying.subscribe({ ...plain, filter: "$share/s/t", qos: 1 }, undefined);
    clock.at = 3000;
    going.end();
    clock.at = 5000;
    const client = new Client(5);
    staying.attach(client.attachment);
    const came = client.take().map(({ text, expiry }) => [text, expiry]);
    assert.deepEqual(came, [
      ["a", 5],
      ["c", undefined],
    ]);
    clock.at = 0;
  });
}

for (const isLeft of [false, true]) {
  test(`session - restored, it hands on what it was sent by a share that it ${isLeft ? "had left" : "is in"}`, () => {
    const { going, staying, publish } = sharing();
    going.attach(new Client(5).attachment);
    publish(message("left"));
    const subscriptions = isLeft
      ? []
      : [{ filter: "t", qos: 1 as const, share: "s", noLocal: false, retainAsPublished: false }];
    if (isLeft) going.unsubscribe("$share/s/t");
    const { router } = ground();
    const restored = new Session("key", { kind: "anonymous" }, router, options);
    restored.restore({
      ...{ key: "key", principal: restored.principal, expirySeconds: 60, awaySince: 0 },
      ...{ will: undefined, subscriptions, incomingQos2: [], waiting: [] },
      sent: going.outgoing.sent(),
    });
    const client = new Client(5);
    const other = new Session("other", { kind: "anonymous" }, router, options);
    other.attach(client.attachment);
    other.subscribe({ ...plain, filter: "$share/s/t", qos: 1 }, undefined);
    restored.end();
    assert.deepEqual(client.texts, ["left"]);
    assert.equal(staying.load, 0);
  });
}
