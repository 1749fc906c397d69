import { createServer } from "node:net";

/**
 * Below what systems hand out themselves, to whoever binds port 0 or connects somewhere: between
 * the pick and the bind nobody else is given it. `fetch` refuses none of these.
 */
const lowest = 20_000;
const highest = 32_000;

/** For who must know an address before it is bound; everybody else binds port 0. */
export async function freePort(): Promise<number> {
  for (;;) {
    // At random, as test files run beside each other.
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(false);
    else reject(error);
  });
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}
