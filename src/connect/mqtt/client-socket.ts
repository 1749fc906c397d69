import type { Duplex } from "node:stream";
import type { PeerCertificate } from "../../things/certificate.ts";

/** A client's end of whatever transport it came by. */
export type ClientSocket = Duplex & {
  readonly remoteAddress?: string | undefined;
  /** On the line, the transport's own included. */
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
};

export type Accept = (socket: ClientSocket, certificate?: PeerCertificate) => void;
