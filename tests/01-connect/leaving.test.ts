/** What a client was owed when it said goodbye. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket } from "./raw-client.ts";

const { node } = await oneNode();
const connackBytes = 4;
const pubackBytes = 4;

test("leaving - answers that still wait for their client to read are written before the end", async () => {
  const { hostname, port } = new URL(node.mqttUrl);
  const one = mqttPacket.generate(publishPacket("x", "", { qos: 1, messageId: 1 }));
  // How many answers the system keeps for who does not read is not known: from too few to too many.
  for (let count = 200_000; count <= 2_000_000; count += 200_000) {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(mqttPacket.generate(connectPacket(4)));
    socket.write(Buffer.alloc(count * one.length, one));
    socket.write(mqttPacket.generate({ cmd: "disconnect" }));
    let bytes = 0;
    setTimeout(() => {
      socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
    }, 300);
    await once(socket, "close");
    assert.equal(bytes, connackBytes + pubackBytes * count, `${count} messages`);
  }
});
