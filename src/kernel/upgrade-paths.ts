import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { refuseUpgrade } from "./refuse-upgrade.ts";

/** Takes a WebSocket's request over; its socket is the taker's from then on. */
export type TakeUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const takersOf = new WeakMap<Server, Map<string, TakeUpgrade>>();

/**
 * Upgrade requests of one HTTP server by the first level of their path. One listener a server
 * hears them all, so that a path that nobody takes is answered once.
 */
export function takeUpgrades(server: Server, firstLevel: string, take: TakeUpgrade): void {
  let takers = takersOf.get(server);
  if (takers === undefined) {
    const known = (takers = new Map<string, TakeUpgrade>());
    takersOf.set(server, known);
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const [, level = ""] = (request.url ?? "").split(/[/?]/);
      const taker = known.get(level);
      if (taker === undefined) refuseUpgrade(socket, 404);
      else taker(request, socket, head);
    });
  }
  takers.set(firstLevel, take);
}
