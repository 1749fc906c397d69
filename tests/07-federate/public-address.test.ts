/** A node that others reach at another address than it binds, as behind a router. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { freePort } from "../free-port.ts";
import { twoNodes, until } from "../two-nodes.ts";

test("public address - a consumer fetches its stream where the provider says, not where it binds", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const { port: bound } = new URL(world.provider.node.mqttUrl);
  const outside = await freePort();
  let came = 0;
  const router = createServer((socket) => {
    came++;
    const inside = connect({ host: "127.0.0.1", port: Number(bound) });
    socket.on("error", () => inside.destroy()).on("close", () => inside.destroy());
    inside.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.pipe(inside).pipe(socket);
  });
  await new Promise<void>((resolve) => router.listen(outside, "127.0.0.1", resolve));
  t.after(() => router.close());
  await world.restart("provider", { publicMqttUrl: `mqtt://127.0.0.1:${outside}` });

  const price = { amount: "0", currency: "EUR", perMessages: 1 };
  const topics = ["bus/#"];
  await world.share({ id: "buses", title: "Buses", topics, delivery: "live", terms: { price } });
  await until("the link is up", async () => {
    const { links } = await world.consumer.http.status();
    return links[0]?.state === "up";
  });
  assert.equal(came, 1);
  assert.equal(new URL(world.provider.node.mqttUrl).port, bound); // its own clients need no detour
});

test("public address - a node that would send others to themselves does not start", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const publicUrl = "https://rotterdam.example";
  const publicMqttUrl = "mqtt://0.0.0.0:1883";
  await assert.rejects(world.restart("provider", { publicUrl, publicMqttUrl }), {
    code: "CONFIG_INVALID",
    message: /--public-mqtt/,
  });
  await world.restart("provider");
});
