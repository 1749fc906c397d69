/** What one client, or a crowd of strangers, cannot take from the others. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { connectPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({
  unauthenticatedMax: 5,
  connectionsMax: 50,
  connectionsPerPrincipalMax: 2,
  sessionsPerPrincipalMax: 3,
});
const url = node.mqttUrl;
const quotaExceeded = 0x97;

function as(name: string, token: string, clientId: string, expiry = 0): object {
  const password = Buffer.from(token);
  const properties = { sessionExpiryInterval: expiry };
  return { username: name, password, clientId, clean: expiry === 0, properties };
}

async function answerTo(t: TestContext, options: object): Promise<[number, RawClient]> {
  const client = new RawClient(url, 5);
  t.after(() => client.destroy());
  client.send(connectPacket(5, options));
  return [(await client.next("connack")).reasonCode ?? -1, client];
}

test("shares - strangers that say nothing do not keep a device out", async (t) => {
  const silent: RawClient[] = [];
  for (let n = 0; n < 60; n++) {
    const one = new RawClient(url, 5);
    t.after(() => one.destroy());
    silent.push(one);
  }
  await until("the oldest made room", () => silent.filter((one) => one.isClosed).length >= 55);
  const device = await RawClient.in(url, 5);
  await device.settled();
  device.destroy();
});

test("shares - one Thing has so many connections, another one its own, a reconnect its old one's", async (t) => {
  const bus = await http.addThing({ name: "bus" });
  const tram = await http.addThing({ name: "tram" });
  for (const id of ["1", "2"]) {
    assert.equal((await answerTo(t, as("bus", bus.token, id)))[0], 0);
  }
  assert.equal((await answerTo(t, as("bus", bus.token, "3")))[0], quotaExceeded);
  assert.equal((await answerTo(t, as("tram", tram.token, "1")))[0], 0);
  const [again, client] = await answerTo(t, as("bus", bus.token, "2"));
  assert.equal(again, 0);
  client.destroy();
  await until("there is room", async () => {
    const [code] = await answerTo(t, as("bus", bus.token, "3"));
    return code === 0;
  });
});

test("shares - one Thing keeps so many sessions, and no other's", async (t) => {
  const pump = await http.addThing({ name: "pump" });
  const keep = async (id: string): Promise<number> => {
    const [code, client] = await answerTo(t, as("pump", pump.token, id, 600));
    client.send({ cmd: "disconnect" });
    await client.closed;
    return code;
  };
  for (const id of ["1", "2", "3"]) assert.equal(await keep(id), 0);
  assert.equal(await keep("4"), quotaExceeded);
  assert.equal(await keep("3"), 0);
  const meter = await http.addThing({ name: "meter" });
  assert.equal((await answerTo(t, as("meter", meter.token, "1", 600)))[0], 0);
});
