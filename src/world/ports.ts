import { createServer } from "node:net";
import { ComityError } from "../kernel/errors.ts";
import type { WorldConfig } from "./config.ts";
import type { WorldState } from "./state.ts";

/** Is the port free on the host now? 0 asks the system for any. Returns the port, or undefined. */
async function tryPort(host: string, port: number): Promise<number | undefined> {
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

export interface PortChoice {
  readonly config: WorldConfig;
  /** Any free ports instead of the configured ones. */
  readonly anyPorts: boolean;
  readonly say: (line: string) => void;
}

/** Ports of the last start where they are free; else, and at first, the next free ones. */
export async function choosePorts(
  host: string,
  { config, anyPorts, say }: PortChoice,
  state: WorldState,
): Promise<void> {
  const taken = new Set<number>();
  const kept = new Set<number>();
  // Who can stay does, before anybody else looks for a place.
  for (const { name } of config.nodes) {
    const before = state.nodes[name];
    for (const port of before ? [before.http, before.mqtt] : []) {
      if ((await tryPort(host, port)) !== undefined) kept.add(port);
    }
  }
  for (const [index, { name }] of config.nodes.entries()) {
    const before = state.nodes[name];
    const pick = async (what: "http" | "mqtt"): Promise<number> => {
      const first = config.ports[what];
      const wanted = before?.[what] ?? (anyPorts || first === 0 ? 0 : first + index);
      if (before && kept.has(wanted)) return wanted;
      const busy = (port: number): void =>
        say(`Port ${port} is busy; ${name} takes the next free one for ${what.toUpperCase()}.`);
      return pickPort(host, wanted, new Set([...taken, ...kept]), busy);
    };
    const http = await pick("http");
    const mqtt = await pick("mqtt");
    taken.add(http).add(mqtt);
    // The identity is that of the first start, wherever the node may stand now.
    const did = before?.did ?? `did:web:localhost%3A${http}`;
    state.nodes[name] = { did, http, mqtt, tokens: before?.tokens ?? {} };
  }
}
