import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { Outbox } from "../../flow/outbox.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import { ConnectionCounts, DoorCounts } from "./door-counts.ts";

const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };

interface Line {
  readonly level: "info" | "debug";
  readonly event: string;
  readonly reason?: string;
  readonly count?: number;
}

function door(): { counts: DoorCounts; lines: Line[] } {
  const lines: Line[] = [];
  const take =
    (level: Line["level"]) =>
    (fields: object): void =>
      void lines.push({ level, ...(fields as Omit<Line, "level">) });
  return { counts: new DoorCounts(clock, { info: take("info"), debug: take("debug") }), lines };
}

function stranger() {
  const outbox = new Outbox({ write: () => true }, { queueBytesMax: 1000, onDropped() {} });
  return { counts: new ConnectionCounts(new Socket(), outbox, clock), principal: undefined };
}

test("door counts - a flood of refusals is ten lines and a sum a minute, each reason by itself", () => {
  const { counts, lines } = door();
  for (let i = 0; i < 5000; i++) counts.refused(stranger(), reason.malformedPacket, "no MQTT");
  counts.refused(stranger(), "connect-timeout", "no CONNECT came in time");
  assert.equal(lines.length, 11);
  clock.at += 60_000;
  counts.tellWhatWasNotTold();
  const { event, reason: why, count } = lines.at(-1)!;
  assert.deepEqual([event, why, count], ["refused", "malformed-packet", 4990]);
  assert.equal(lines.length, 12, "nothing is left untold of the other");
  counts.refused(stranger(), reason.malformedPacket, "no MQTT");
  assert.equal(lines.length, 13, "a new minute has lines again");
  assert.ok(lines.every(({ level }) => level === "info"));
  assert.deepEqual(counts.facts([]).refused, { "malformed-packet": 5001, "connect-timeout": 1 });
});

test("door counts - who ends by itself is no finding; the most there were is remembered", () => {
  const { counts, lines } = door();
  const clients = [stranger(), stranger(), stranger()];
  for (const [i, client] of clients.entries()) {
    client.counts.clientId = `c${i}`;
    counts.accepted(client);
  }
  counts.ended(clients[0]!, reason.normalDisconnection, "");
  counts.ended(clients[1]!, reason.keepAliveTimeout, "silent");
  for (const client of clients) counts.forget(client.counts);
  const { accepted, connectionsMost, ended } = counts.facts([]);
  assert.deepEqual([accepted, connectionsMost, ended], [3, 3, { "keep-alive-timeout": 1 }]);
  assert.deepEqual(
    lines.filter(({ level }) => level === "info").map(({ event }) => event),
    ["ended"],
  );
  assert.deepEqual(
    lines.filter(({ level }) => level === "debug").map(({ event }) => event),
    ["connected", "connected", "connected", "disconnected", "disconnected", "disconnected"],
  );
});

test("door counts - what went through a connection stays in the sums when it is gone", () => {
  const { counts } = door();
  const { counts: one } = stranger();
  one.messagesIn = 7;
  one.payloadBytesIn = 70;
  assert.deepEqual(counts.facts([one]).messagesIn, 7);
  counts.forget(one);
  const { messagesIn, payloadBytesIn } = counts.facts([]);
  assert.deepEqual([messagesIn, payloadBytesIn], [7, 70]);
});
