import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

export interface UpgradeRefusal {
  /** Whole lines. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/**
 * Answers an upgrade request in HTTP and gives its socket up. At an upgrade the HTTP server takes
 * its own listeners and timeouts off the socket: without one for errors a peer's reset would end
 * the process, and a socket that is only ended stays as long as the peer likes.
 */
export function refuseUpgrade(
  socket: Duplex,
  status: number,
  { headers = [], body = "" }: UpgradeRefusal = {},
): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`,
    "connection: close",
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  socket.on("error", () => socket.destroy());
  // an answer is small: it is written at once, or the socket is broken
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
