/** A credential that was taken back leaves nothing behind for whoever has its name next. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IConnectPacket } from "mqtt-packet";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode();
const url = node.mqttUrl;

function kept(username: string, token: string): Partial<IConnectPacket> {
  return {
    clientId: "line",
    clean: false,
    username,
    password: Buffer.from(token),
    properties: { sessionExpiryInterval: 600 },
  };
}

async function sessionPresent(options: Partial<IConnectPacket>): Promise<boolean> {
  const client = new RawClient(url, 5);
  client.send(connectPacket(5, options));
  const { reasonCode, sessionPresent: present } = await client.next("connack");
  assert.equal(reasonCode, 0);
  assert.deepEqual(await client.messages(), []);
  client.destroy();
  return present;
}

for (const here of [true, false]) {
  const place = here ? "here" : "away";

  test(`withdrawn - a new Thing of a removed one's name inherits nothing, its client ${place}`, async () => {
    const name = `bus-${place}`;
    const first = await http.addThing({ name, subscribe: ["secret/#"] });
    const client = await RawClient.in(url, 5, kept(name, first.token));
    await client.subscribe({ topic: "secret/#", qos: 1 });
    if (!here) {
      client.destroy();
      await client.closed;
    }
    await http.removeThing(name);
    await client.closed;
    const second = await http.addThing({ name, subscribe: [] });
    const other = await RawClient.in(url, 5);
    other.send(publishPacket("secret/1", "x", { qos: 1, messageId: 1 }));
    await other.next("puback");
    other.destroy();
    assert.equal(await sessionPresent(kept(name, second.token)), false);
  });
}

test("withdrawn - a rotated token begins without the session of the old one", async () => {
  const { token } = await http.addThing({ name: "meter", subscribe: ["a/#"] });
  const client = await RawClient.in(url, 5, kept("meter", token));
  await client.subscribe({ topic: "a/#", qos: 1 });
  client.destroy();
  await client.closed;
  assert.equal(await sessionPresent(kept("meter", token)), true);
  const fresh = await http.rotateThing("meter", 0);
  assert.equal(await sessionPresent(kept("meter", fresh.token)), false);
});
