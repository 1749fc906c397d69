/** Whoever tries tokens waits ever longer, and no door is the way around another. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { oneNode } from "../01-connect/one-node.ts";
import { connectPacket, RawClient } from "../01-connect/raw-client.ts";

const { node, http } = await oneNode();
const wrong = "A".repeat(43);

async function overMqtt(username: string, token: string): Promise<number> {
  const client = new RawClient(node.mqttUrl, 5);
  client.send(connectPacket(5, { username, password: Buffer.from(token) }));
  const { reasonCode = -1 } = await client.next("connack");
  client.destroy();
  return reasonCode;
}

function over(path: string, authorization: string, more: object = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, node.httpUrl), { headers: { authorization, ...more } });
    asked.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on("error", reject).end();
  });
}

const upgrade = {
  ...{ connection: "Upgrade", upgrade: "websocket" },
  ...{ "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" },
};

function basic(name: string, token: string): string {
  return `Basic ${Buffer.from(`${name}:${token}`).toString("base64")}`;
}

async function timed<T>(ask: Promise<T>): Promise<{ readonly told: T; readonly ms: number }> {
  const start = performance.now();
  const told = await ask;
  return { told, ms: performance.now() - start };
}

test("wrong tokens - each waits longer than the one before, at whatever door it is tried", async () => {
  const { token } = await http.addThing({ name: "cp-1" });
  assert.equal(await overMqtt("cp-1", wrong), 0x86);
  assert.equal(await overMqtt("did:web:nobody.example", wrong), 0x86);
  const tries = [
    [() => over("/sectors/energy/ocpp/cp-1", basic("cp-1", wrong), upgrade), 200],
    [() => over("/api/v1/things", basic("cp-1", wrong)), 400],
    [() => over("/data/urn:uuid:nothing/latest", `Bearer ${wrong}`), 800],
  ] as const;
  for (const [ask, waitMs] of tries) {
    const { told, ms } = await timed(ask());
    assert.equal(told, 401);
    assert.ok(ms >= waitMs - 5, `${ms} ms instead of ${waitMs}`);
  }
  // The right one is let in while a wrong one, sent before it, still waits.
  const order: string[] = [];
  const slow = over("/api/v1/things", basic("cp-1", wrong)).then(() => order.push("wrong"));
  assert.equal(await overMqtt("cp-1", token), 0);
  order.push("right");
  await slow;
  assert.deepEqual(order, ["right", "wrong"]);
});
