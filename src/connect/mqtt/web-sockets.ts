import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { refuseUpgrade } from "../../kernel/refuse-upgrade.ts";
import { certificateOf } from "./client-certificate.ts";
import type { Accept, ClientSocket } from "./client-socket.ts";
import type { MqttLimits } from "./limits.ts";

const unsupportedData = 1003;

/** MQTT over WebSocket (MQTT 5.0 §6): binary frames, cut without regard to packets. */
export function serveWebSockets(
  server: Server,
  origins: readonly string[],
  limits: MqttLimits,
  accept: Accept,
): void {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.packetBytesMax + 16,
    handleProtocols: () => "mqtt", // [MQTT-6.0.0-4]
  });
  server.on("request", (_, reply) => {
    reply.writeHead(426, { "content-type": "text/plain", connection: "close" });
    reply.end("MQTT over WebSocket is spoken here: connect with subprotocol mqtt.\n");
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const asked = request.headers["sec-websocket-protocol"] ?? "";
    const isMqtt = asked.split(",").some((protocol) => protocol.trim() === "mqtt");
    if (!isMqtt) refuseUpgrade(socket, 400); // [MQTT-6.0.0-3]
    else if (!mayCome(request, origins)) refuseUpgrade(socket, 403);
    else {
      const certificate = socket instanceof TLSSocket ? certificateOf(socket) : undefined;
      sockets.handleUpgrade(request, socket, head, (client) => {
        accept(streamOf(client, request.socket), certificate);
      });
    }
  });
}

/** A page of another place could use what its visitor's network lets through. */
function mayCome({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes(origin)) return true;
  return URL.parse(origin)?.host === host;
}

function streamOf(client: WebSocket, line: Socket): ClientSocket {
  const stream = createWebSocketStream(client, { highWaterMark: 65_536 });
  // Before the stream hears of it: what a text frame says is not looked at.
  client.prependListener("message", (_, isBinary) => {
    if (isBinary) return;
    stream.removeAllListeners("data");
    client.close(unsupportedData); // [MQTT-6.0.0-1]
    stream.destroy();
  });
  // A WebSocket is closed both ways at once; the stream alone would stay half open for ever.
  stream.on("end", () => stream.destroy());
  return Object.defineProperties(stream, {
    remoteAddress: { value: line.remoteAddress },
    bytesRead: { get: () => line.bytesRead },
    bytesWritten: { get: () => line.bytesWritten },
  });
}
