import type { FastifyInstance } from "fastify";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { refuseUpgrade } from "../kernel/refuse-upgrade.ts";
import { takeUpgrades } from "../kernel/upgrade-paths.ts";

/** What a client has to say on a WebSocket: nothing. */
const incomingBytesMax = 1024;

/** Messages come as text frames of JSON. */
const subprotocol = "comity.json";
/**
 * A page cannot set headers on a WebSocket: it offers its token, in base64url (RFC 4648 §5), as a
 * second subprotocol. Unlike an address, that is in no history and no log, and it is not answered.
 */
const bearerPattern = /^bearer\.([\w-]{1,400})$/;

/**
 * WebSockets under `/api/v1/streams`. An upgrade request goes through the same routes as any other,
 * so that the same guard decides; a route that wants its socket takes it here.
 */
export class StreamSockets {
  readonly #upgrades = new WeakMap<IncomingMessage, { socket: Duplex; head: Buffer }>();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: incomingBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });

  constructor(app: FastifyInstance) {
    takeUpgrades(app.server, "api", (request, socket, head) => {
      const isStream = /^\/api\/v1\/streams(?:[/?]|$)/.test(request.url ?? "");
      const { upgrade, authorization, "sec-websocket-protocol": offered } = request.headers;
      if (!isStream || request.method !== "GET" || upgrade?.toLowerCase() !== "websocket") {
        refuseUpgrade(socket, 404);
        return;
      }
      // the server took its own listeners off the socket
      socket.on("error", () => socket.destroy());
      if (authorization === undefined) offerToken(request, offered);
      this.#upgrades.set(request, { socket, head });
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as never);
      response.once("finish", () => socket.end(() => socket.destroy()));
      app.routing(request, response);
    });
  }

  isAsked(request: IncomingMessage): boolean {
    return this.#upgrades.has(request);
  }

  /** The request's socket; its response is used no more. */
  open(
    request: IncomingMessage,
    response: ServerResponse,
    take: (client: WebSocket) => void,
  ): void {
    const upgrade = this.#upgrades.get(request);
    if (upgrade === undefined) throw new Error("the request asks for no WebSocket");
    const { socket, head } = upgrade;
    response.detachSocket(socket as never);
    this.#server.handleUpgrade(request, socket, head, take);
  }
}

/** As the header that the guard reads. */
function offerToken({ headers }: IncomingMessage, offered = ""): void {
  for (const one of offered.split(",")) {
    const [, token] = bearerPattern.exec(one.trim()) ?? [];
    if (token !== undefined) {
      headers.authorization = `Bearer ${Buffer.from(token, "base64url").toString("latin1")}`;
    }
  }
}
