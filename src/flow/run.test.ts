import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { propertiesAt } from "../wire/mqtt/publish.ts";
import { layout5, Run, splitByTopic } from "./run.ts";

function message(payload: string, id?: number): Buffer {
  const bytes = Buffer.from(payload);
  return encodePublish(4, { topic: "t", payload: bytes, ...(id ? { qos: 1, id } : {}) });
}

function payloads(run: Run): string[] {
  const out: string[] = [];
  run.walk((place) => out.push(run.packets.toString("utf8", place.payloadAt, place.end)));
  return out;
}

test("run - QoS 0 of the same version leaves as the very slice that came", () => {
  const packets = Buffer.concat([message("1"), message("2")]);
  const layout = { version: 4, withIds: false } as const;
  const run = new Run({ topic: "t", qos: 0, packets, layout, count: 2, payloadBytes: 2 });
  assert.equal(run.encoded(4), packets);
  const other = run.encoded(5);
  assert.notEqual(other, packets);
  assert.equal(run.encoded(5), other, "made once for all receivers");
});

test("run - retained or with identifiers, it leaves as a copy without them", () => {
  const layout = { version: 4, withIds: true } as const;
  const packets = Buffer.concat([message("1", 7), message("2", 8)]);
  const run = new Run({ topic: "t", qos: 1, packets, layout, count: 2, payloadBytes: 2 });
  assert.deepEqual(run.encoded(4), Buffer.concat([message("1"), message("2")]));
  const retained = encodePublish(4, { topic: "t", payload: Buffer.from("x"), retain: true });
  const plain = new Run({
    topic: "t",
    qos: 0,
    packets: retained,
    layout: { version: 4, withIds: false },
    count: 1,
    payloadBytes: 1,
    retain: true,
  });
  assert.deepEqual(plain.encoded(4), message("x"));
  assert.deepEqual(plain.encodeFor(4, { flags: 1 }), retained);
});

test("run - the last message alone keeps its properties and its own memory", () => {
  const publish = (payload: string): Buffer =>
    encodePublish(5, {
      topic: "t",
      payload: Buffer.from(payload),
      properties: { contentType: payload },
    });
  const packets = Buffer.concat([publish("one"), publish("two")]);
  const run = new Run({ topic: "t", qos: 0, packets, layout: layout5, count: 2, payloadBytes: 6 });
  assert.equal(run.lastPayload().toString(), "two");
  const last = run.last();
  packets.fill(0);
  assert.deepEqual(payloads(last), ["two"]);
  assert.equal(last.payloadBytes, 3);
  last.walk((place) => assert.equal(propertiesAt(last.packets, place).contentType, "two"));
});

test("run - what waited has less of its expiry interval left, or nothing", () => {
  const properties = {
    messageExpirySeconds: 10,
    userProperties: [["a", "b"]] as [string, string][],
  };
  const run = Run.of("t", Buffer.from("x"), { qos: 1, properties });
  const later = run.waited(3999);
  assert.ok(later);
  later.walk((place) => {
    assert.deepEqual(propertiesAt(later.packets, place), {
      ...properties,
      messageExpirySeconds: 7,
    });
  });
  assert.equal(later.qos, 1);
  assert.equal(run.waited(9999)?.count, 1);
  assert.equal(run.waited(10_000), undefined);
  const forEver = Run.of("t", Buffer.from("x"));
  assert.equal(forEver.waited(1e12), forEver);
});

test("split by topic - every stretch of one topic is a run, the prefix before its topic", () => {
  const publish = (topic: string, payload: string): Buffer =>
    encodePublish(5, { topic, payload: Buffer.from(payload) });
  const packets = Buffer.concat([
    publish("a", "1"),
    publish("a", "22"),
    publish("b", "3"),
    publish("a", "4"),
    publish("ab", "5"),
  ]);
  const seen: string[] = [];
  splitByTopic(
    packets,
    (run) => {
      const leaves = new Run({
        topic: run.topic,
        qos: 0,
        packets: run.encoded(5),
        layout: layout5,
        count: run.count,
        payloadBytes: run.payloadBytes,
      });
      leaves.walk((place) => {
        const topic = leaves.packets.toString("utf8", place.topicAt, place.topicEnd);
        assert.equal(topic, run.topic);
      });
      seen.push(`${run.topic} ${payloads(leaves).join(",")} ${run.payloadBytes}`);
    },
    "from/x/",
  );
  assert.deepEqual(seen, ["from/x/a 1,22 3", "from/x/b 3 1", "from/x/a 4 1", "from/x/ab 5 1"]);
});
