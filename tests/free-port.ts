import { once } from "node:events";
import { createServer, type Server } from "node:net";

/**
 * Below what systems hand out themselves, to whoever binds port 0 or connects somewhere. `fetch`
 * refuses none of these.
 */
const lowest = 20_000;
const blocks = 120;
const blockPorts = 100;

/**
 * This process's own ports: others that run beside it pick none of them, neither before one is
 * bound nor while what it belongs to is stopped and started again.
 */
let block: Promise<number> | undefined;
let picked = 0;

/** For who must know an address before it is bound; everybody else binds port 0. */
export async function freePort(): Promise<number> {
  const first = await (block ??= ownBlock());
  for (let i = 0; i < blockPorts; i++) {
    const port = first + 1 + (picked++ % (blockPorts - 1));
    const server = await bound(port);
    if (server === undefined) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error(`ports ${first} to ${first + blockPorts - 1} are all in use`);
}

/** Its first port stays bound for as long as the process lives: that makes it its own. */
async function ownBlock(): Promise<number> {
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const first = lowest + ((start + i) % blocks) * blockPorts;
    const server = await bound(first);
    if (server === undefined) continue;
    server.unref();
    return first;
  }
  throw new Error(`all ${blocks} blocks of ports are in use`);
}

/** Undefined where somebody else has it. */
async function bound(port: number): Promise<Server | undefined> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(undefined);
    else reject(error);
  });
  server.listen(port, "127.0.0.1", () => resolve(server));
  return promise;
}
