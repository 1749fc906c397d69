/** What the Dataspace Protocol says of a transfer holds for the connection that is open. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Transfer } from "../../src/market/transfer.ts";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { twoNodes, until } from "../two-nodes.ts";

test("transfer - suspended it delivers nothing, started again it goes on, completed it ends", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const price = { amount: "0", currency: "EUR", perMessages: 1 };
  const topics = ["bus/#"];
  await world.share({ id: "buses", title: "Buses", topics, delivery: "live", terms: { price } });

  // A consumer that is no Comity node, with the same identity and the same key to the stream.
  const { data, did } = world.consumer.options;
  await world.consumer.node.close();
  const store = await openEmbeddedStore({ path: join(data, "comity.db") });
  const [found] = await store.list<Transfer>("transfer");
  await store.close();
  const { providerPid, consumerPid, stream } = found!.doc;
  assert.ok(did !== undefined && providerPid !== undefined && stream !== undefined);
  const signer = await openEmbeddedSigner({ dir: data, did, clock: systemClock });
  const say = async (path: string, type: Parameters<typeof message>[0]): Promise<void> => {
    const { httpUrl, did: provider } = world.provider.node;
    const url = `${httpUrl}${dspPath}/transfers/${encodeURIComponent(providerPid)}${path}`;
    const headers = {
      authorization: `Bearer ${await signer.token(provider, 60)}`,
      "content-type": "application/json",
    };
    const body = JSON.stringify(message(type, { providerPid, consumerPid }));
    const { status } = await fetch(url, { method: "POST", headers, body });
    assert.equal(status, 200);
  };

  const { endpoint: url, username, token: password } = stream;
  const guest = await connectMqtt({ url, username, password });
  t.after(() => guest.end());
  const seen: string[] = [];
  await guest.subscribe("bus/#", {}, ({ payload }) => seen.push(payload.toString()));
  const device = await world.mqtt("provider");
  await device.publish("bus/1", "before", { qos: 1 });
  await until("the stream flows", () => seen.includes("before"));

  await say("/suspension", "TransferSuspensionMessage");
  await device.publish("bus/1", "suspended", { qos: 1 });
  const { refusals } = await world.provider.http.status();
  assert.equal(refusals["suspended"], 1);
  await say("/start", "TransferStartMessage");
  await device.publish("bus/1", "again", { qos: 1 });
  await until("the stream goes on", () => seen.includes("again"));
  assert.deepEqual(seen, ["before", "again"]);

  await say("/completion", "TransferCompletionMessage");
  assert.match(await guest.closed, /transfer is over|0x87/);
});
