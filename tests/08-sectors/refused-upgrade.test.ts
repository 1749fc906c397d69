import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

/** Each is refused by another room. */
const paths = ["/sectors/energy/ocpp/cp-1", "/sectors/nobody/x", "/data/x/stream", "/elsewhere"];

async function asksForUpgrade(path: string, behind = ""): Promise<Socket> {
  const { hostname, port } = new URL(nodes.provider.node.httpUrl);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined); // the node's reset
  await once(socket, "connect");
  const head = [`GET ${path} HTTP/1.1`, "host: a", "connection: upgrade", "upgrade: websocket"];
  socket.write(`${head.join("\r\n")}\r\n\r\n${behind}`);
  return socket;
}

test("upgrades - a peer that resets its connection behind the request ends nothing", async () => {
  const uncaught: unknown[] = []; // each would end a node that runs alone
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtExceptionMonitor", note);
  for (const path of paths) {
    for (let i = 0; i < 100; i++) {
      const socket = await asksForUpgrade(path, "x".repeat(i * 300));
      setImmediate(() => socket.resetAndDestroy());
      await new Promise((resolve) => socket.once("close", resolve));
    }
    assert.equal((await fetch(`${nodes.provider.node.httpUrl}/.well-known/wot`)).ok, true, path);
  }
  process.off("uncaughtExceptionMonitor", note);
  assert.deepEqual(uncaught, []);
});

test("upgrades - a refused peer that never ends its side keeps no socket of the node", async () => {
  for (const path of paths) {
    const socket = await asksForUpgrade(path);
    let answer = "";
    socket.on("data", (chunk) => (answer += String(chunk)));
    await once(socket, "end");
    assert.match(answer, /^HTTP\/1\.1 40[14] /, path);
    // only who has closed both sides answers more bytes with a reset
    const more = setInterval(() => socket.write(Buffer.alloc(65_536)), 5);
    await until(`the node let go of ${path}`, () => socket.destroyed).finally(() => {
      clearInterval(more);
      socket.destroy();
    });
  }
});
