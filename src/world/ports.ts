import { createServer } from "node:net";
import { ComityError } from "../kernel/errors.ts";

/** Is the port free on the host now? 0 asks the system for any. Returns the port, or undefined. */
export async function tryPort(host: string, port: number): Promise<number | undefined> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(undefined);
    else reject(error);
  });
  server.listen(port, host, () => {
    const address = server.address();
    const bound = typeof address === "object" && address !== null ? address.port : port;
    server.close(() => resolve(bound));
  });
  return promise;
}

/**
 * The wanted port, or the next one up that is free and not yet `taken`; what was busy is told.
 * 0 is any free one.
 */
export async function pickPort(
  host: string,
  wanted: number,
  taken: ReadonlySet<number>,
  busy: (port: number) => void,
): Promise<number> {
  for (let port = wanted; port <= 65_535; port = wanted === 0 ? 0 : port + 1) {
    if (wanted !== 0 && taken.has(port)) continue;
    const found = await tryPort(host, port);
    if (found !== undefined && !taken.has(found)) return found;
    if (found === undefined) busy(port);
  }
  throw new ComityError("PORT_BUSY", { port: wanted, host, option: "ports in world.yaml" });
}
