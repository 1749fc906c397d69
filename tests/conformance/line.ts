import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { createWebSocketStream, WebSocket } from "ws";

/** A byte stream to the broker: `mqtt:`, `mqtts:`, `ws:` or `wss:`. Its errors end it. */
export function openLine(address: string): Duplex {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = (otherwise: number): number => Number(url.port || otherwise);
  switch (url.protocol) {
    case "mqtt:":
    case "tcp:":
      return connect({ host, port: port(1883), noDelay: true });
    case "mqtts:":
    case "tls:":
      return connectTls({ host, port: port(8883), servername: host });
    case "ws:":
    case "wss:":
      return createWebSocketStream(new WebSocket(withoutUser(url), "mqtt"));
    default:
      throw new Error(`${url.protocol} is no transport of MQTT: use mqtt, mqtts, ws or wss`);
  }
}

/** The name and password of an address are for CONNECT, not for HTTP. */
export function withoutUser(url: URL): string {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare.href;
}
