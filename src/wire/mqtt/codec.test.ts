/** Held against mqtt-packet, an independent codec, in both directions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import mqttPacket, { type Packet } from "mqtt-packet";
import {
  decodeAcknowledgement,
  decodeConnack,
  decodeConnect,
  decodeDisconnect,
  decodeSuback,
  decodeSubscribe,
  decodeUnsubscribe,
} from "./decode.ts";
import {
  encodeAcknowledgement,
  encodeConnack,
  encodeConnect,
  encodeDisconnect,
  encodePubacks,
  encodePublish,
  encodeSuback,
  encodeSubscribe,
  encodeUnsuback,
  encodeUnsubscribe,
} from "./encode.ts";
import { PacketStream, type ScannedRun } from "./packet-stream.ts";
import { packetType, ProtocolError, type ProtocolVersion } from "./protocol.ts";

function theirs(bytes: Buffer, version: ProtocolVersion): Packet {
  const parser = mqttPacket.parser({ protocolVersion: version });
  const seen: Packet[] = [];
  parser.on("packet", (packet: Packet) => seen.push(packet));
  parser.on("error", (error: Error) => {
    throw error;
  });
  assert.equal(parser.parse(bytes), 0, "bytes are left over");
  assert.equal(seen.length, 1);
  return seen[0]!;
}

function ours(bytes: Buffer, version: ProtocolVersion): { body: Buffer; run?: ScannedRun } {
  let body: Buffer = Buffer.alloc(0);
  let seen: ScannedRun | undefined;
  const stream = new PacketStream(
    {
      onRun(run) {
        seen = run;
      },
      onPacket(_first, bytes) {
        body = bytes;
      },
    },
    1 << 20,
  );
  stream.version = version;
  stream.push(bytes);
  assert.equal(stream.heldBytes, 0);
  return seen === undefined ? { body } : { body, run: seen };
}

function their(packet: object, version: ProtocolVersion): Buffer {
  return mqttPacket.generate(packet as Packet, { protocolVersion: version });
}

const version = fc.constantFrom<ProtocolVersion>(4, 5);
const text = fc.string({ unit: "grapheme", maxLength: 30 }).filter((one) => !one.includes("\0"));
/** Theirs are an object's keys, which come in another order where they are numbers. */
const key = text.map((one) => `key ${one}`);
const topic = text.filter((one) => one !== "" && !/[+#]/.test(one));
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));
const id = fc.integer({ min: 1, max: 65_535 });
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
const numRuns = 300;

test("codec - CONNECT as mqtt-packet writes it is read alike", () => {
  const will = fc.record({ topic, payload: bytes, qos, retain: fc.boolean() });
  const fields = fc.record({
    version,
    clientId: text.filter((one) => one !== ""),
    clean: fc.boolean(),
    keepalive: fc.integer({ min: 0, max: 65_535 }),
    username: fc.option(text.filter((one) => one !== "")),
    password: fc.option(bytes.filter((one) => one.length > 0)),
    will: fc.option(will),
  });
  fc.assert(
    fc.property(fields, (given) => {
      const { version, username, will, keepalive, clean } = given;
      const password = username === null ? null : given.password;
      const written = their(
        {
          cmd: "connect",
          protocolId: "MQTT",
          protocolVersion: version,
          clientId: given.clientId,
          clean,
          keepalive,
          ...(username === null ? {} : { username }),
          ...(password === null ? {} : { password }),
          ...(will === null ? {} : { will }),
        },
        version,
      );
      const read = decodeConnect(ours(written, version).body);
      assert.equal(read.version, version);
      assert.equal(read.clientId, given.clientId);
      assert.equal(read.cleanStart, clean);
      assert.equal(read.keepAliveSeconds, keepalive);
      assert.equal(read.username, username ?? undefined);
      assert.deepEqual(read.password, password ?? undefined);
      const expected = will === null ? undefined : { ...will, properties: {} };
      assert.deepEqual(read.will, expected);
      // And what is written here is what they wrote.
      const again = encodeConnect(version, {
        clientId: read.clientId,
        cleanStart: read.cleanStart,
        keepAliveSeconds: read.keepAliveSeconds,
        ...(username === null ? {} : { username }),
        ...(will === null ? {} : { will: { ...will, properties: {} } }),
      });
      if (password === null) assert.deepEqual(again, written);
    }),
    { numRuns },
  );
});

test("codec - PUBLISH goes to mqtt-packet and comes from it unchanged", () => {
  const properties = fc.record(
    {
      contentType: text,
      messageExpirySeconds: fc.nat(),
      correlationData: bytes,
      userProperties: fc.uniqueArray(fc.tuple(key, text), {
        minLength: 1,
        maxLength: 3,
        selector: ([key]) => key,
      }),
    },
    { requiredKeys: [] },
  );
  const fields = fc.record({ version, topic, payload: bytes, id, qos, properties });
  fc.assert(
    fc.property(fields, fc.boolean(), fc.boolean(), (given, retain, again) => {
      const { version, topic, payload, qos, id, properties } = given;
      const duplicate = again && qos > 0;
      const written = encodePublish(version, {
        topic,
        payload,
        qos,
        retain,
        duplicate,
        properties,
        ...(qos > 0 ? { id } : {}),
      });
      const read = theirs(written, version) as Packet & { cmd: "publish" };
      assert.equal(read.topic, topic);
      assert.deepEqual(read.payload, payload);
      assert.equal(read.qos, qos);
      assert.equal(read.retain, retain);
      assert.equal(read.dup, duplicate);
      if (qos > 0) assert.equal(read.messageId, id);
      if (version === 5) {
        const { contentType, messageExpirySeconds, userProperties } = properties;
        assert.equal(read.properties?.contentType, contentType);
        assert.equal(read.properties?.messageExpiryInterval, messageExpirySeconds);
        assert.deepEqual(
          Object.entries(read.properties?.userProperties ?? {}),
          userProperties ?? [],
        );
      }
      const { run } = ours(their(read, version), version);
      assert.equal(run?.topic.toString(), topic);
      assert.equal(run?.payloadBytes, payload.length);
      assert.deepEqual(run?.ids, qos > 0 ? [id] : []);
    }),
    { numRuns },
  );
});

test("codec - SUBSCRIBE and UNSUBSCRIBE both ways", () => {
  const filters = fc.array(topic, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(version, id, filters, qos, (version, messageId, filters, qos) => {
      const requests = filters.map((filter) => ({ filter, qos }));
      const packet = theirs(encodeSubscribe(version, messageId, requests), version);
      assert.equal(packet.cmd, "subscribe");
      assert.equal(packet.messageId, messageId);
      const { subscriptions } = packet;
      assert.deepEqual(
        subscriptions.map((one) => ({ filter: one.topic, qos: one.qos })),
        requests,
      );
      const read = decodeSubscribe(ours(their(packet, version), version).body, version);
      assert.equal(read.id, messageId);
      assert.deepEqual(
        read.requests.map(({ filter, qos }) => ({ filter, qos })),
        requests,
      );
      const unsubscribe = encodeUnsubscribe(version, messageId, filters);
      assert.deepEqual(
        (theirs(unsubscribe, version) as Packet & { cmd: "unsubscribe" }).unsubscriptions,
        filters,
      );
      assert.deepEqual(decodeUnsubscribe(ours(unsubscribe, version).body, version), {
        id: messageId,
        filters,
      });
    }),
    { numRuns },
  );
});

test("codec - subscription options and identifier of version 5 are read as mqtt-packet writes them", () => {
  const written = their(
    {
      cmd: "subscribe",
      messageId: 7,
      properties: { subscriptionIdentifier: 145 },
      subscriptions: [{ topic: "a", qos: 1, nl: true, rap: true, rh: 2 }],
    },
    5,
  );
  const { requests, properties } = decodeSubscribe(ours(written, 5).body, 5);
  assert.deepEqual(requests, [
    { filter: "a", qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
  ]);
  assert.equal(properties.subscriptionId, 145);
});

test("codec - the server's answers are what mqtt-packet expects", () => {
  for (const version of [4, 5] as const) {
    const connack = theirs(encodeConnack(version, true, 0), version) as Packet & { cmd: "connack" };
    assert.equal(connack.sessionPresent, true);
    assert.equal(version === 5 ? connack.reasonCode : connack.returnCode, 0);
    assert.equal(decodeConnack(ours(their(connack, version), version).body, version).reasonCode, 0);
    const suback = theirs(encodeSuback(version, 9, [1, 0x87]), version) as Packet & {
      cmd: "suback";
    };
    assert.deepEqual(suback.granted, [1, version === 5 ? 0x87 : 0x80]);
    assert.deepEqual(decodeSuback(ours(their(suback, version), version).body, version), {
      id: 9,
      properties: {},
      reasonCodes: [1, version === 5 ? 0x87 : 0x80],
    });
    assert.equal(theirs(encodeUnsuback(version, 9, [0]), version).messageId, 9);
    for (const type of ["puback", "pubrec", "pubrel", "pubcomp"] as const) {
      const packet = theirs(encodeAcknowledgement(version, packetType[type], 77), version);
      assert.equal(packet.cmd, type);
      assert.equal(packet.messageId, 77);
      assert.equal(
        decodeAcknowledgement(ours(their(packet, version), version).body, version).id,
        77,
      );
    }
  }
  const disconnect = theirs(encodeDisconnect(5, 0x8e, { reasonString: "over" }), 5) as Packet & {
    cmd: "disconnect";
  };
  assert.equal(disconnect.reasonCode, 0x8e);
  assert.equal(disconnect.properties?.reasonString, "over");
  assert.equal(decodeDisconnect(ours(their(disconnect, 5), 5).body, 5).reasonCode, 0x8e);
});

test("codec - refusals have 3.1.1's own return codes", () => {
  const code = (reasonCode: number): unknown =>
    (theirs(encodeConnack(4, true, reasonCode), 4) as Packet & { cmd: "connack" }).returnCode;
  assert.deepEqual([0x84, 0x85, 0x88, 0x86, 0x87, 0x97].map(code), [1, 2, 3, 4, 5, 3]);
});

test("codec - many PUBACKs are one buffer of PUBACKs", () => {
  const ids = [1, 255, 256, 65_535];
  const buffer = encodePubacks(ids);
  const read = ids.map((_, i) => theirs(buffer.subarray(i * 4, i * 4 + 4), 4).messageId);
  assert.deepEqual(read, ids);
});

test("codec - bodies that end early or have more than they should are refused, never read past", () => {
  const connect = encodeConnect(5, {
    clientId: "client",
    cleanStart: true,
    keepAliveSeconds: 10,
    username: "name",
    password: "secret",
    will: { topic: "w", payload: Buffer.from("x"), qos: 1, retain: false, properties: {} },
  });
  const { body } = ours(connect, 5);
  for (let length = 0; length < body.length; length++) {
    assert.throws(() => decodeConnect(body.subarray(0, length)), ProtocolError, `${length} bytes`);
  }
  assert.throws(() => decodeConnect(Buffer.concat([body, Buffer.from([0])])), ProtocolError);
  const refuse = (read: () => unknown): void => assert.throws(read, ProtocolError);
  refuse(() => decodeSubscribe(Buffer.from([0, 1]), 4)); // no filter
  refuse(() => decodeSubscribe(Buffer.from([0, 0, 0, 1, 97, 0]), 4)); // identifier 0
  refuse(() => decodeSubscribe(Buffer.from([0, 1, 0, 1, 97, 3]), 4)); // QoS 3
  refuse(() => decodeSubscribe(Buffer.from([0, 1, 0, 1, 97, 4]), 4)); // reserved bit
  refuse(() => decodeSubscribe(Buffer.from([0, 1, 0, 0, 1, 97, 0x30]), 5)); // retain handling 3
  refuse(() => decodeUnsubscribe(Buffer.from([0, 1]), 4));
  refuse(() => decodeAcknowledgement(Buffer.from([0, 1, 0]), 4));
  refuse(() => decodeAcknowledgement(Buffer.from([0, 1, 0, 0, 0]), 5));
  refuse(() => decodeDisconnect(Buffer.from([0]), 4));
});

test("codec - no-local on a shared subscription is refused", () => {
  const written = encodeSubscribe(5, 1, [{ filter: "$share/g/a", qos: 0, noLocal: true }]);
  assert.throws(() => decodeSubscribe(ours(written, 5).body, 5), /shared/);
});
